"""`FreezeThaw`: one search over a recorded table, in a loop of its own."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.search_cost.freeze_thaw.forecasts import without_own
from benchmarks.search_cost.runs import candidates_of
from benchmarks.search_cost.yardstick import Ended, Yardstick
from dite_search.algorithms.cost_aware.acquisition import Price, Target
from dite_search.algorithms.cost_aware.initial_design import most_different
from dite_search.algorithms.cost_aware.surrogate import (
    MIN_EXPLAINED,
    MIN_PAIRS,
    RIDGE,
    Carried,
    CurveModel,
    Kernel,
    Observations,
    Posterior,
    fit_kernel,
)
from dite_search.algorithms.cost_aware.surrogate_data import milestone
from dite_search.simulation.recorded_curves import Curve
from dite_search.study.attributes import EPOCH_KEY

Array = NDArray[np.float64]

STARTUP = 6
"""Networks that are trained to their end before anything is foretold."""
SHARE_OF_REST = 0.3
"""Part of a new network's later epochs that its price has, unless another is given."""
STEPS = 20
"""The most steps of a training, after each of which a decision falls."""
WINDOW = 3
"""Last scores and losses that a forecast of both looks at."""


@dataclass(kw_only=True)
class Training:
    """A training that has begun: its place among the candidates, its curve, and how many steps of it are done."""

    place: int
    curve: Curve
    done: int = 0
    running: bool = False
    values: list[Mapping[str, float]] = field(default_factory=list)


class FreezeThaw:
    """One search over a table.

    Args:
        yardstick: The table with its truth.
        seed: The seed, which decides the trainings that are seen as for every other search.
        workers: The trainings side by side.
        losses: Whether forecasts look at training losses and the last three scores.
        share: The part of a new network's later epochs that its price has.
    """

    def __init__(self, yardstick: Yardstick, *, seed: int, workers: int, losses: bool, share: float = SHARE_OF_REST) -> None:
        self._yardstick, self._seed, self._workers = yardstick, seed, workers
        self._losses, self._share = losses, share
        self._keys, self._features, self._costs = pool_of(yardstick)
        config = yardstick.table.config
        self._accuracy, self._epochs = config.accuracy, config.train_config.epochs
        self._sign = yardstick.sign
        self.begun: dict[int, Training] = {}
        self._clock: list[tuple[float, int, int]] = []
        self._kernel: tuple[int, Kernel] | None = None
        self._generator = np.random.default_rng([seed, 8])
        self.spent = 0

    def run(self, epochs: int) -> list[Ended]:
        """Search until so many epochs are spent, and return the trainings that reached their end."""
        ended, now, order = list[Ended](), 0.0, 0
        for _ in range(self._workers):
            order = self._start(self._next(), now, order)
        while self._clock:
            now, _, place = heapq.heappop(self._clock)
            training = self.begun[place]
            goal = self._goals(training)[training.done]
            before = training.values[-1][EPOCH_KEY] if training.values else 0
            self.spent += int(goal - before)
            if self.spent > epochs:
                break
            training.values = [each for each in training.curve if each[EPOCH_KEY] <= goal]
            training.done, training.running = training.done + 1, False
            if goal >= self._epochs:
                which = self._yardstick.training(self._seed, self._keys[place], 0)
                ended.append(Ended(epochs=self.spent, network=self._keys[place], training=which))
            order = self._start(self._next(), now, order)
        return ended

    def _goals(self, training: Training) -> list[float]:
        """The epochs at which decisions fall, the last one the end."""
        known = [each[EPOCH_KEY] for each in training.curve]
        chosen = np.linspace(0, len(known), min(len(known), STEPS) + 1).round().astype(int)[1:] - 1
        return [known[index] for index in chosen]

    def _start(self, place: int, now: float, order: int) -> int:
        """Give a worker its next step, and return the number of the one after."""
        training = self.begun.get(place)
        if training is None:
            curve = list(self._yardstick.curve(self._seed, self._keys[place], 0))
            training = self.begun[place] = Training(place=place, curve=curve)
        goal = self._goals(training)[training.done]
        times = {each[EPOCH_KEY]: each.get("seconds", each[EPOCH_KEY]) for each in training.curve}
        begins = times[training.values[-1][EPOCH_KEY]] if training.values else 0.0
        training.running = True
        heapq.heappush(self._clock, (now + times[goal] - begins, order, place))
        return order + 1

    def _next(self) -> int:
        """The place of what a free worker takes up."""
        idle = [each for each in self.begun.values() if not each.running and not self._is_whole(each)]
        whole = [each for each in self.begun.values() if self._is_whole(each)]
        if len(whole) < STARTUP:
            return idle[0].place if idle else self._spread()
        return self._best(idle, whole)

    def _is_whole(self, training: Training) -> bool:
        return bool(training.values) and training.values[-1][EPOCH_KEY] >= self._epochs

    def _spread(self) -> int:
        begun, left = sorted(self.begun), self._left()
        return left[
            most_different(
                self._features[left],
                self._costs[left],
                seen_features=self._features[begun],
                seen_costs=self._costs[begun],
                strata=STARTUP,
                generator=self._generator,
            )
        ]

    def _left(self) -> list[int]:
        return [place for place in range(len(self._keys)) if place not in self.begun]

    def _best(self, idle: Sequence[Training], whole: Sequence[Training]) -> int:
        carried = self._carried(whole)
        # A curve that tells nothing yet goes on to where it does.
        untold = [each.place for each in idle if each.place not in carried]
        if untold:
            return untold[0]
        rows = [each for each in self.begun.values() if each.place in carried]
        data = Observations(
            features=self._features[[each.place for each in rows]],
            scores=np.array([carried[each.place].score for each in rows]),
            extra=np.array([carried[each.place].variance for each in rows]),
        )
        kernel = self._kernel_of(data)
        silent = [each.place for each in self.begun.values() if each.running and each.place not in carried]
        running = [each.place for each in self.begun.values() if each.running and each.place in carried]
        posterior = Posterior(kernel, data, self._features[silent] if silent else None)
        final = without_own(kernel, data)
        target = self._target(whole, posterior, {each.place: final.means[row] for row, each in enumerate(rows)}, running)
        choices: list[tuple[float, int]] = []
        left = np.array(self._left(), np.intp)
        if len(left):
            place = left[target.best(posterior, self._features[left], self._costs[left], 1)[0]]
            covariance = posterior.covariance(self._features[[place]])
            deviation = np.hypot(posterior.deviation(covariance), posterior.noise)
            gain = target.gains(posterior.mean(covariance), deviation, self._costs[[place]])[0]
            first = self._first_step
            choices.append((gain / (first + self._share * (self._epochs - first)), int(place)))
        known = {each.place: row for row, each in enumerate(rows)}
        if idle:
            at = [known[each.place] for each in idle]
            gains = target.gains(final.means[at], final.deviations[at], self._costs[[each.place for each in idle]])
            needed = [self._epochs - each.values[-1][EPOCH_KEY] for each in idle]
            choices += [(gain / count, each.place) for gain, count, each in zip(gains, needed, idle, strict=True)]
        return max(choices, key=lambda choice: (choice[0], -choice[1]))[1]

    @functools.cached_property
    def _first_step(self) -> float:
        return self._goals(next(iter(self.begun.values())))[0]

    def _target(
        self, whole: Sequence[Training], posterior: Posterior, means: Mapping[int, float], running: Sequence[int]
    ) -> Target:
        """The front of whole trainings, and of running ones as they are foretold."""
        results = [(self._scores(each)[-1], *self._costs[each.place]) for each in whole]
        results += [(means[place], *self._costs[place]) for place in running]
        return Target.beyond(np.array(results), self._costs, min(0.0, float(posterior.scores.min())), Price())

    def _scores(self, training: Training) -> Array:
        return self._sign * np.array([each[self._accuracy] for each in training.values])

    def _kernel_of(self, data: Observations) -> Kernel:
        count = milestone(len(data.scores))
        if self._kernel is None or self._kernel[0] != count:
            self._kernel = (count, fit_kernel(data))
        return self._kernel[1]

    def _carried(self, whole: Sequence[Training]) -> dict[int, Carried]:
        """Return what the curve of each training that has begun lets expect of its final score."""
        found = {each.place: Carried(score=float(self._scores(each)[-1]), variance=0.0) for each in whole}
        started = [each for each in self.begun.values() if each.values and each.place not in found]
        if self._losses:
            for steps in {each.done for each in started}:
                same = [each for each in started if each.done == steps]
                for each, carried in zip(same, self._regressed(whole, same), strict=True):
                    if carried is not None:
                        found[each.place] = carried
            return found
        curves = {each.place: self._by_epoch(each) for each in (*whole, *started)}
        model = CurveModel(
            [(curves[each.place], found[each.place].score) for each in whole], [curves[each.place] for each in started]
        )
        for each in started:
            epoch = max(curves[each.place])
            carried = model.carry(epoch, curves[each.place][epoch])
            if carried is not None:
                found[each.place] = carried
        return found

    def _by_epoch(self, training: Training) -> dict[int, float]:
        epochs = [int(each[EPOCH_KEY]) for each in training.values]
        return dict(zip(epochs, self._scores(training).tolist(), strict=True))

    def _regressed(self, whole: Sequence[Training], same: Sequence[Training]) -> list[Carried | None]:
        """Return the forecasts for trainings of equal length, by a regression on their last scores and losses.

        As in `CurveModel`, a forecast is divided by the share of the variance that it explains. The model of the accuracy
        draws towards a better mean than that of a regression.
        """
        last = same[0].values[-1][EPOCH_KEY]
        if len(whole) < MIN_PAIRS:
            return [None] * len(same)
        inputs = np.array([self._summary(each, last) for each in whole])
        final = np.array([self._scores(each)[-1] for each in whole])
        centre, scale = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-12)
        x, y = (inputs - centre) / scale, final - final.mean()
        gram = x.T @ x + RIDGE * np.eye(x.shape[1])
        slope = np.linalg.solve(gram, x.T @ y)
        freedom = float(np.trace(np.linalg.solve(gram, x.T @ x)))
        residual = (float(((y - x @ slope) ** 2).sum()) + RIDGE * float(final.var())) / max(
            1.0, len(final) - 1.0 - freedom + RIDGE
        )
        own = (np.array([self._summary(each, last) for each in same]) - centre) / scale
        reached = np.concatenate([x @ slope, own @ slope])
        explained = float(reached.var())
        share = explained / (explained + residual)
        if share < MIN_EXPLAINED:
            return [None] * len(same)
        middle = float(reached.mean())
        return [
            Carried(score=float(final.mean()) + middle + (value - middle) / share, variance=residual / share)
            for value in own @ slope
        ]

    def _summary(self, training: Training, last: float) -> list[float]:
        """Mean and last of the last three scores, and of the last three losses where there are any."""
        upto = [each for each in training.values if each[EPOCH_KEY] <= last][-WINDOW:]
        scores = [each[self._accuracy] for each in upto]
        figures = [float(np.mean(scores)), scores[-1]]
        losses = [each["loss"] for each in upto if "loss" in each]
        return [*figures, float(np.mean(losses)), losses[-1]] if losses else figures


@functools.cache
def pool_of(yardstick: Yardstick) -> tuple[list[str], Array, Array]:
    """Return the identities of all networks of a table, their features (n, d), and their costs (n, 1)."""
    table = yardstick.table
    candidates = candidates_of(table, yardstick.cost)
    rows = [(name, candidates.features(point), candidates.costs(point)) for name, point in table.points.items()]
    allowed = [(name, features, costs[yardstick.cost]) for name, features, costs in rows if costs is not None]
    names, features, costs = zip(*allowed, strict=True)
    return list(names), np.array(features), np.array(costs, np.float64)[:, None]
