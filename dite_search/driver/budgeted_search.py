"""The search algorithm under a budget: it counts networks, and begins what can still reach its next rung."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial
from ray.tune.search import Searcher

from analysis.study.trial_status import INTERRUPTED
from dite_search.algorithms.admission import Decision, Stopped
from dite_search.config.problem import SearchProblem
from dite_search.driver.searcher import StudySearch
from dite_search.spending.allowance import Allowance
from dite_search.spending.finishing import Curve, expected_gains
from dite_search.study.attributes import ARCH, CONTINUES, EPOCH_KEY, ORIGIN, REASON
from dite_search.study.reader import curve_of
from search_spaces.common.objectives import MAXIMIZE


class TooDearError(Exception):
    """The network that was suggested cannot reach its next rung within the budget."""


class BudgetedSearch(StudySearch):
    """`StudySearch` that begins so many networks, and nothing that its allowance does not pay for.

    A training that continues a stopped one is no other network. A network that was drawn, and would take too long for
    what is left, waits in the study for an extension. The last tenth of the budget is for what has begun, once a new
    network could not reach its end. A free worker then continues the stopped network of the largest expected gain for
    each epoch it needs. A new one begins then only where no stopped one can reach its end.

    Args:
        config: The search.
        allowance: Decides what may begin.
        asked: The networks of the whole search; None for any number.
        options: As of `StudySearch`.
    """

    def __init__(self, config: SearchProblem, *, allowance: Allowance, asked: int | None = None, **options: Any) -> None:
        self._allowance, self._asked = allowance, asked
        self._begun, self._reopened = set[int](), set[int]()
        self._waits_for_an_end = False
        super().__init__(config, **options)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """Return the next training, as `StudySearch`; None as well where something has to end before another may begin."""
        if self._pause.asked:
            return super().suggest(trial_id)
        if not self.outbox.flush():
            return None
        try:
            if not self._may_ask(trial_id):
                return self._nothing()
            suggestion = super().suggest(trial_id)
        except TooDearError:
            self._ot_trials.pop(trial_id, None)
            self.outbox.put(self._give_back)
            self._waits_for_an_end = True
            return self._nothing()
        if isinstance(suggestion, dict):
            number = suggestion["number"]
            self._reopened.discard(number)
            if not suggestion["continues"]:
                self._begun.add(number)
            self._allowance.begin(trial_id, suggestion["costs"], after=_last_epoch(self._frozen_of(trial_id)))
        return suggestion

    def _nothing(self) -> str | None:
        """Return that nothing may begin now, or that nothing will."""
        finished: str = Searcher.FINISHED
        return finished if self._allowance.is_idle else None

    def _may_ask(self, trial_id: str) -> bool:
        """Whether a suggestion can be begun; in the last tenth, a stopped network is laid out for it."""
        if self._reopened:
            return True
        if self._waits_for_an_end or (self._asked is not None and len(self._begun) >= self._asked):
            return False
        if self._allowance.is_finishing and not self._allowance.may_begin(to_the_end=True):
            return self._lay_out_stopped(trial_id) or self._allowance.may_begin()
        return self._allowance.may_begin()

    def _lay_out_stopped(self, trial_id: str) -> bool:
        """Make the stopped network that promises most the suggestion of a trial; whether there is one that can end."""
        trials = self._study.get_trials(deepcopy=False)
        found: list[tuple[Stopped, Curve]] = []
        for stopped in self._gate.stopped:
            costs = self._networks.of(trials[stopped.last])[1].objectives
            curve = self._curve(trials[stopped.last], costs, stopped.epoch)
            if curve and self._allowance.may_begin(costs, after=stopped.epoch, to_the_end=True):
                found.append((stopped, curve))
        if not found:
            return False
        whole = [
            curve
            for trial in trials
            if trial.state is TrialState.COMPLETE and ARCH in trial.user_attrs
            for curve in [self._curve(trial, self._networks.of(trial)[1].objectives, None)]
            if curve
        ]
        gains = expected_gains([curve for _, curve in found], whole)
        chosen = trials[found[int(gains.argmax())][0].last]
        self._gate.continue_stopped()
        template = create_trial(state=TrialState.RUNNING, params=chosen.params, distributions=chosen.distributions)
        study = self._study
        created = study._storage.create_new_trial(study._study_id, template_trial=template)
        self._ot_trials[trial_id] = optuna.Trial(study, created)
        return True

    def _curve(self, trial: FrozenTrial, costs: Mapping[str, float], reached: int | None) -> Curve | None:
        """Return a training as far as it came; None without a score or a cost."""
        config = self._config
        accuracy = config.accuracy
        sign = 1.0 if config.directions[list(config.objectives).index(accuracy)] == MAXIMIZE else -1.0
        metrics = curve_of(trial)
        scores = {int(each[EPOCH_KEY]): sign * each[accuracy] for each in metrics if accuracy in each}
        known = {**(metrics[-1] if metrics else {}), **costs}
        names = [name for name in config.objectives if name != accuracy]
        if not scores or not all(name in known for name in names):
            return None
        left = 0 if reached is None else config.train_config.epochs - reached
        return Curve(scores=scores, costs=tuple(known[name] for name in names), epochs_left=left)

    def _begin(self, trial: optuna.Trial, verdict: Decision) -> dict[str, Any]:
        assert verdict.candidate is not None, "what is trained was built"
        frozen = trial.storage.get_trial(trial._trial_id)
        after = verdict.continues.epoch if verdict.continues else _last_epoch(frozen)
        if not self._allowance.may_begin(verdict.candidate.cost.objectives, after=after):
            raise TooDearError
        return super()._begin(trial, verdict)

    def _remember(self, trial: FrozenTrial) -> None:
        attributes = trial.user_attrs
        if ARCH in attributes and ORIGIN not in attributes:
            if CONTINUES not in attributes and attributes.get(REASON) != INTERRUPTED:
                self._begun.add(trial.number)
            if trial.state is TrialState.WAITING:
                self._reopened.add(trial.number)
        super()._remember(trial)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Count the epoch, and record it as `StudySearch`."""
        self._count(trial_id, result)
        super().on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Give back what the trial had reserved, and record its end as `StudySearch`."""
        self._count(trial_id, result or {})
        self._allowance.end(trial_id)
        self._waits_for_an_end = False
        super().on_trial_complete(trial_id, result, error)

    def _is_paused(self, trial_id: str) -> bool:
        return super()._is_paused(trial_id) or trial_id in self._allowance.stopped_short

    def _count(self, trial_id: str, result: Mapping[str, Any]) -> None:
        if EPOCH_KEY in result:
            self._allowance.report(trial_id, int(result[EPOCH_KEY]), result.get("seconds"))

    def _frozen_of(self, trial_id: str) -> FrozenTrial:
        trial = self._ot_trials[trial_id]
        found: FrozenTrial = trial.storage.get_trial(trial._trial_id)
        return found


def _last_epoch(trial: FrozenTrial) -> int:
    """Return the last epoch that a trial has reported, its own or one that it took over; 0 before the first."""
    curve = curve_of(trial)
    return int(curve[-1][EPOCH_KEY]) if curve else 0
