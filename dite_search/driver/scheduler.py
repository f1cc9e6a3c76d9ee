"""Ray Tune's scheduler: stops a trial at a rung of epochs when others there leave it no place on the front."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.result import DEFAULT_METRIC
from ray.tune.schedulers import FIFOScheduler

from dite_search.algorithms.successive_halving import Key, Rungs
from dite_search.config.problem import SearchProblem
from dite_search.config.rungs import rung_epochs
from dite_search.spending.allowance import Allowance
from dite_search.study.attributes import EPOCH_KEY, REASON
from search_spaces.common.objectives import MINIMIZE, OBJECTIVES, costs_and_scores, directions_of

Costs = Callable[[Mapping[str, Any]], Mapping[str, float]]
"""The exact costs of a trial by objective, from its suggestion; picklable, since Tune stores it with the experiment."""


class ParetoScheduler(FIFOScheduler):
    """Asynchronous successive halving over several objectives; trials start in their order.

    `dite_search.algorithms.successive_halving` decides. At a rung the scores are those of its epoch. A measured cost (a
    latency) may come in any result of the trial up to the rung, with or without an epoch. It holds for the whole trial. A
    result decides nothing without an epoch, at an epoch that is no rung, or with a reason why the trial ends. Nor does a
    result of a ``repeat`` of a network decide anything, because the network would compete with itself. A result at a rung
    without a finite value of every objective decides nothing either, and ``unjudged`` counts it. A trial that ``continues``
    a stopped one has its place at the rungs, and is not judged again at those that lie behind it.

    While no trial at a rung has scored better than chance, the rung stops nobody. The first time that this spares a trial
    at a rung, ``note`` takes a sentence about it.

    ``stopped`` holds the epoch at which each stopped trial ended, by Tune's trial id. The scheduler names its own
    objectives: a ``TuneConfig`` with a metric or a mode is refused by Tune.

    Args:
        objectives: The names of the objectives.
        epochs: The length of a training.
        validate_every: The number of epochs from one validation to the next.
        grace_period: As of `rung_epochs`.
        reduction_factor: As of `rung_epochs`.
        costs: Returns the costs of a suggestion.
        rungs: The epochs of decisions; by default they follow from the other arguments.
        directions: ``minimize`` or ``maximize`` for each objective, in order; by default those of the objectives.
        learned: The objective that is a score; by default it is found among the objectives.
        least: The score that a trial at a rung must have before the rung stops anybody. By default it is what chance
            finds (``useless`` of the objective). An objective without such a value, as a loss, needs no score.

    Raises:
        InvalidInput: an objective is unknown, or as `rung_epochs`.
    """

    # A result that Tune buffers arrives when its trial has long trained past the rung.
    _supports_buffered_results = False
    _metric = DEFAULT_METRIC

    def __init__(
        self,
        *,
        objectives: Sequence[str],
        epochs: int,
        validate_every: int,
        grace_period: int | None,
        reduction_factor: float,
        costs: Costs,
        rungs: Sequence[int] | None = None,
        directions: Sequence[str] | None = None,
        learned: str | None = None,
        least: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if rungs is None:
            rungs = rung_epochs(
                epochs, validate_every=validate_every, grace_period=grace_period, reduction_factor=reduction_factor
            )
        directions = directions_of(objectives) if directions is None else directions
        self._objectives = tuple(objectives)
        scores = costs_and_scores(objectives)[1] if learned is None else [learned]
        self._measurable = [name for name in objectives if name not in scores]
        sides = zip(objectives, directions, strict=True)
        errors = [place for place, (name, side) in enumerate(sides) if name in scores and side == MINIMIZE]
        if least is None:
            learned = objectives[errors[0]] if errors else scores[0] if scores else ""
            least = OBJECTIVES[learned].useless if learned in OBJECTIVES else None
        if least is None:
            least = math.inf if errors else -math.inf
        self._least = f"{scores[0] if scores else ''} {'below' if errors else 'of at least'} {least:g}"
        self._rungs = Rungs(rungs, directions, reduction_factor, least=least, learned=errors[0] if errors else None)
        self._costs = costs
        self._measured: dict[Key, dict[str, float]] = {}
        self.stopped: dict[str, int] = {}
        self.unjudged = 0
        self.note: Callable[[str], None] = _silent
        self._told: set[int] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the way to the console, as Tune stores its scheduler with the experiment."""
        return {**vars(self), "note": _silent}

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Whether Tune's single metric and mode are left out."""
        return metric is None and mode is None

    def add_records(self, records: Iterable[tuple[Key, int, Mapping[str, float]]]) -> None:
        """Take over what trials reported before the search was cut off: number, epoch, and every figure by name.

        All epochs may be given, in any order; those that are no rungs or lack an objective are passed over. Figures include
        the costs. A trial given here went on at that rung and will, when it reports it again.
        """
        for key, epoch, figures in records:
            values = self._values(figures)
            if values is not None:
                self._rungs.add(key, epoch, values)

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: Mapping[str, Any]) -> str:
        """STOP for a trial that has no place at its rung, else CONTINUE; a repeated epoch gets the first answer again."""
        if REASON in result or trial.config.get("repeat"):
            return self.CONTINUE
        continued = trial.config.get("continues")
        key = continued["first"] if continued else trial.config.get("number", trial.trial_id)
        costs = {name: result[name] for name in self._measurable if name in result}
        if costs:
            self._measured.setdefault(key, {}).update(costs)
        epoch = result.get(EPOCH_KEY)
        if epoch not in self._rungs.epochs or (continued and epoch <= continued["epoch"]):
            return self.CONTINUE
        values = self._values({**result, **self._measured.get(key, {}), **self._costs(trial.config)})
        if values is None:
            self.unjudged += 1
            return self.CONTINUE
        if self._rungs.report(key, epoch, values):
            self._tell_of_spared(epoch)
            return self.CONTINUE
        self.stopped[trial.trial_id] = int(epoch)
        return self.STOP

    def _tell_of_spared(self, epoch: int) -> None:
        if epoch in self._rungs.sparing and epoch not in self._told:
            self._told.add(epoch)
            self.note(
                f"no trial is stopped at epoch {epoch} yet: none has reached {self._least} there,"
                " without which a score says no more than chance"
            )

    def debug_string(self) -> str:
        """One line: the rungs with the trials that reached them, and how many were stopped."""
        rungs = ", ".join(f"epoch {epoch}: {count}" for epoch, count in self._rungs.counts.items()) or "none"
        unjudged = f"; {self.unjudged} results at rungs without every objective" if self.unjudged else ""
        return f"Pareto-aware successive halving: trials at rungs: {rungs}; {len(self.stopped)} stopped{unjudged}"

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study has every epoch, and `add_records` takes them."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore, as nothing is saved."""

    def _values(self, figures: Mapping[str, Any]) -> list[float] | None:
        """The objectives in their order; None where one is missing or not finite."""
        values = [figures.get(name) for name in self._objectives]
        if all(isinstance(value, int | float) and math.isfinite(value) for value in values):
            return [float(value) for value in values if value is not None]
        return None


def _silent(sentence: str) -> None:
    """Say nothing."""


class BudgetScheduler(FIFOScheduler):
    """Stops a trial as its own ``scheduler`` does, and before an epoch for which the budget has nothing left."""

    _supports_buffered_results = False

    def __init__(self, scheduler: FIFOScheduler, allowance: Allowance) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._scheduler, self._allowance = scheduler, allowance

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Whether the scheduler takes Tune's single metric and mode."""
        return bool(self._scheduler.set_search_properties(metric, mode, **spec))

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: Mapping[str, Any]) -> str:
        """STOP where the scheduler stops the trial, or the budget does; else CONTINUE."""
        decision: str = self._scheduler.on_trial_result(tune_controller, trial, result)  # type: ignore[arg-type]
        if REASON in result or EPOCH_KEY not in result:
            return decision
        self._allowance.report(trial.trial_id, int(result[EPOCH_KEY]), result.get("seconds"))
        if decision != self.CONTINUE or self._allowance.goes_on(trial.trial_id):
            return decision
        return self.STOP

    def debug_string(self) -> str:
        """The line of the scheduler."""
        return str(self._scheduler.debug_string())

    def __reduce__(self) -> Any:
        """Tune stores its scheduler with the experiment; the study is the record of this one."""
        return FIFOScheduler, ()


def carried_costs(suggestion: Mapping[str, Any]) -> Mapping[str, float]:
    """Return the costs that a suggestion carries since its admission."""
    costs: Mapping[str, float] = suggestion["costs"]
    return costs


def scheduler_of(config: SearchProblem) -> ParetoScheduler | None:
    """The scheduler that a search names; None where every trial runs to its last epoch."""
    section, training = config.scheduler, config.train_config
    if section.name == "none":
        return None
    return ParetoScheduler(
        objectives=config.objectives,
        epochs=training.epochs,
        validate_every=training.validate_every,
        grace_period=section.grace_period,
        reduction_factor=section.reduction_factor,
        costs=carried_costs,
        rungs=config.rungs,
        directions=config.directions,
        learned=config.accuracy,
        least=config.least_score,
    )
