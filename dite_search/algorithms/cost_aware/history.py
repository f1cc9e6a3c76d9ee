"""The history of a study: each trial is read once, after its end."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dite_search.algorithms.cost_aware.candidates import Candidates, Point
from dite_search.algorithms.cost_aware.surrogate import Curve
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import minimised


class Trial(Protocol):
    """The part of Optuna's ``FrozenTrial`` that is read here."""

    number: int
    state: Any
    params: dict[str, Any]
    system_attrs: dict[str, Any]
    datetime_complete: Any

    @property
    def values(self) -> Sequence[float] | None: ...

    @property
    def constraints(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, kw_only=True)
class HistorySchema:
    """The rules by which the trials of a study are read.

    Args:
        score: The place of the accuracy among a trial's values.
        sign: -1 where the accuracy is minimised, else 1.
        costs: The names of the other values, in order, each with its direction.
        epochs: The length of a full training, where it is known.
        curve: Returns a trial's accuracy at each epoch.
        repeatable: Whether a failed trial may be tried again.
        continues: Whether a pruned trial goes on when its point is suggested again.
    """

    score: int
    sign: float
    costs: Mapping[str, str]
    epochs: int | None
    curve: Callable[[Any], Curve]
    repeatable: Callable[[Any], bool]
    continues: Callable[[Any], bool]

    def costs_of(self, values: Iterable[float]) -> tuple[float, ...]:
        """Return values of the costs, in their order, as `minimised` has them."""
        return tuple(minimised(value, direction) for value, direction in zip(values, self.costs.values(), strict=True))

    def known_costs(self, found: Mapping[str, float]) -> tuple[float, ...]:
        """Return the costs of a candidate, of which it may have more, as `minimised` has them."""
        return self.costs_of(found[name] for name in self.costs)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One trial that may teach something.

    Args:
        number: The number of the trial.
        ended: The time of its end and its number, by which trials are sorted.
        point: The point of the space.
        key: The identity of the training.
        score: The final score; None where there is none yet.
        costs: The study's costs where the trial is complete, else the candidate's, all better low; None where its point is
            not allowed.
        curve: The accuracy at each epoch, in order of epochs.
    """

    number: int
    ended: tuple[float, int]
    point: Point
    key: str
    score: float | None
    costs: tuple[float, ...] | None
    curve: Curve

    @property
    def result(self) -> tuple[float, ...]:
        """Score and costs of a complete trial."""
        assert self.score is not None
        assert self.costs is not None
        return (self.score, *self.costs)


class TrialHistory:
    """Trials of one study. All scores are larger where better."""

    def __init__(self, candidates: Candidates, schema: HistorySchema) -> None:
        self._candidates, self._schema = candidates, schema
        self._closed: set[int] = set()
        self._read = 0
        self._used: set[str] = set()
        self.pending: list[Observation] = []
        """Trials that run or wait to be run, in order of number."""
        self.finished: list[Observation] = []
        """Trials that have ended with a score or a curve, in the order in which they ended."""
        self.complete = 0
        """How many of these have a final score."""
        self._front: list[Observation] = []

    def update(self, trials: Sequence[Trial], *, own: int, given: Mapping[int, Point]) -> None:
        """Read what is new; ``own`` is the trial to come, and ``given`` the points of trials that do not show theirs yet."""
        self.pending = []
        for place in range(self._read, len(trials)):
            trial = trials[place]
            if trial.number in self._closed:
                # All trials before the first that is open were read to their end.
                self._read = place + 1 if self._read == place else self._read
                continue
            if trial.number == own:
                continue
            if trial.state.name in ("RUNNING", "WAITING"):
                observation = self._see(trial, self._point(trial, given))
                self.pending += [observation] if observation else []
            else:
                self._closed.add(trial.number)
                self._close(trial)

    @property
    def front(self) -> list[Observation]:
        """The complete, feasible trials that no other is better than, in order of number."""
        return sorted(self._front, key=lambda observation: observation.number)

    def uses(self) -> set[str]:
        """The keys of what is not to be suggested again: what was run, runs or waits to be run."""
        return self._used | {observation.key for observation in self.pending}

    def _point(self, trial: Trial, given: Mapping[int, Point]) -> Point:
        """The point of a trial that may not have all its parameters yet."""
        names = self._candidates.distributions.keys()
        fixed = trial.system_attrs.get("fixed_params", {})
        return trial.params if names <= trial.params.keys() else given.get(trial.number, fixed)

    def _see(self, trial: Trial, point: Mapping[str, Any]) -> Observation | None:
        try:
            key = self._candidates.key(point)
            self._candidates.features(point)
        except InvalidInput:
            return None
        sign, epochs = self._schema.sign, self._schema.epochs
        curve = sorted((int(e), sign * float(v)) for e, v in self._schema.curve(trial).items() if math.isfinite(v))
        last = curve[-1] if curve else None
        costs = self._candidates.costs(point)
        return Observation(
            number=trial.number,
            ended=(trial.datetime_complete.timestamp() if trial.datetime_complete else math.inf, trial.number),
            point=dict(point),
            key=key,
            score=last[1] if last and epochs is not None and last[0] >= epochs else None,
            costs=None if costs is None else self._schema.known_costs(costs),
            curve=dict(curve),
        )

    def _close(self, trial: Trial) -> None:
        observation = self._see(trial, trial.params)
        if observation is None:
            return
        feasible = all(excess <= 0 for excess in trial.constraints.values())
        if not self._may_be_repeated(trial, feasible):
            self._used.add(observation.key)
        values = list(trial.values or ())
        if trial.state.name == "COMPLETE" and values and all(map(math.isfinite, values)):
            score = self._schema.sign * values[self._schema.score]
            costs = self._schema.costs_of(value for index, value in enumerate(values) if index != self._schema.score)
            observation = dataclasses.replace(observation, score=score, costs=costs)
            self.complete += 1
            if feasible:
                self._join_front(observation)
        elif trial.state.name != "PRUNED" or not feasible or not observation.curve:
            return
        bisect.insort(self.finished, observation, key=lambda other: other.ended)

    def _may_be_repeated(self, trial: Trial, feasible: bool) -> bool:
        if trial.state.name == "FAIL":
            return self._schema.repeatable(trial)
        return trial.state.name == "PRUNED" and feasible and self._schema.continues(trial)

    def _join_front(self, new: Observation) -> None:
        """Keep the front one of trials none of which is as good as another throughout; of equals the first."""
        if any(_covers(old, new) and (not _covers(new, old) or old.number < new.number) for old in self._front):
            return
        self._front = [old for old in self._front if not _covers(new, old)] + [new]


def _covers(one: Observation, other: Observation) -> bool:
    (score, *costs), (least, *most) = one.result, other.result
    return score >= least and all(a <= b for a, b in zip(costs, most, strict=True))
