"""The search algorithm under a budget: it counts networks, and begins what can still reach its next rung."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial
from ray.tune.search import Searcher

from analysis.pareto.confirmation import Training, first_to_confirm
from analysis.study.trial_status import INTERRUPTED
from dite_search.algorithms.admission import Decision, Stopped
from dite_search.config.problem import SearchProblem
from dite_search.driver.searcher import StudySearch
from dite_search.spending.allowance import Allowance
from dite_search.spending.finishing import Curve, expected_gains
from dite_search.study.attributes import ARCH, CONFIRMS, CONTINUES, EPOCH_KEY, ORIGIN, REASON, REUSED
from dite_search.study.reader import TrialNetworks, curve_of, frozen_of
from dite_search.study.study import DATABASE_AWAY
from search_spaces.common.objectives import MAXIMIZE, minimised
from search_spaces.space.candidate import training_key


class TooDearError(Exception):
    """The network that was suggested cannot reach its next rung within the budget."""


class BudgetedSearch(StudySearch):
    """`StudySearch` that begins so many networks, and nothing that its allowance does not pay for.

    A training that continues a stopped one is no other network. A network that was drawn, and would take too long for what
    is left, waits in the study for an extension.

    In the last tenth of the budget a new network may be unable to reach its end. A free worker then continues the stopped
    network with the largest expected gain for each epoch that it needs. A new network begins then only where no stopped
    one can reach its end.

    Where the search is to ``confirm`` its answer, networks are trained again once all have ended, and from the last tenth of
    the budget on. None of these trainings begins that cannot reach its end.

    Args:
        config: The search.
        allowance: Decides what may begin.
        asked: The networks of the whole search; None for any number.
        options: As of `StudySearch`.
    """

    def __init__(self, config: SearchProblem, *, allowance: Allowance, asked: int | None = None, **options: Any) -> None:
        self._allowance, self._asked = allowance, asked
        self._begun, self._reopened = set[int](), set[int]()
        self._waits_for_an_end = self._has_no_more = False
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
            if suggestion == Searcher.FINISHED and self._config.confirm > 1:
                self._has_no_more = True
                if not self._may_ask(trial_id):
                    return self._nothing()
                suggestion = super().suggest(trial_id)
        except TooDearError:
            self._ot_trials.pop(trial_id, None)
            self.outbox.put(self._give_back)
            self._waits_for_an_end = True
            return self._nothing()
        except DATABASE_AWAY as error:
            self._went_away(trial_id, error)
            return None
        if isinstance(suggestion, dict):
            number = suggestion["number"]
            self._reopened.discard(number)
            frozen = frozen_of(self._ot_trials[trial_id])
            confirms = CONFIRMS in frozen.user_attrs
            if not suggestion["continues"] and not confirms:
                self._begun.add(number)
            self._allowance.begin(trial_id, suggestion["costs"], after=_last_epoch(frozen), to_the_end=confirms)
        return suggestion

    def _nothing(self) -> str | None:
        """Return that nothing may begin now, or that nothing will."""
        finished: str = Searcher.FINISHED
        return finished if self._allowance.is_idle else None

    def _may_ask(self, trial_id: str) -> bool:
        """Whether a suggestion can be begun; a network that is trained again, or a stopped one, is laid out for it."""
        if self._reopened:
            return True
        if self._waits_for_an_end:
            return False
        if self._has_no_more or (self._asked is not None and len(self._begun) >= self._asked):
            return self._training.keys() <= self._confirming and self._lay_out_confirmation(trial_id)
        if self._allowance.is_finishing and self._lay_out_confirmation(trial_id):
            return True
        if self._allowance.is_finishing and not self._allowance.may_begin(to_the_end=True):
            return self._lay_out_stopped(trial_id) or self._allowance.may_begin()
        return self._allowance.may_begin()

    @property
    def _confirming(self) -> set[int]:
        """The running trials that train a network again."""
        running = self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return {trial.number for trial in running if CONFIRMS in trial.user_attrs}

    def _lay_out_confirmation(self, trial_id: str) -> bool:
        """Make the next training of a network of the answer the suggestion of a trial; whether one is due and can end."""
        if self._config.confirm == 1:
            return False
        trials = self._study.get_trials(deepcopy=False)
        number = first_to_confirm(trainings_of(self._config, trials, self._networks), self._config.confirm)
        if number is None:
            return False
        chosen = trials[number]
        if not self._allowance.may_begin(self._networks.of(chosen)[1].objectives, to_the_end=True):
            return False
        self._lay_out(trial_id, chosen, {CONFIRMS: chosen.number})
        return True

    def _lay_out(self, trial_id: str, like: FrozenTrial, attributes: Mapping[str, Any]) -> None:
        """Make the point of a trial the suggestion of another."""
        study, storage = self._study, self._study._storage
        # The database may have gone away after it made one, and before it answered.
        waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
        made = (each._trial_id for each in waiting if each.params == like.params and each.user_attrs == attributes)
        created = next(made, None)
        if created is None:
            template = create_trial(
                state=TrialState.RUNNING, params=like.params, distributions=like.distributions, user_attrs=dict(attributes)
            )
            created = storage.create_new_trial(study._study_id, template_trial=template)
        else:
            storage.set_trial_state_values(created, state=TrialState.RUNNING)
        self._ot_trials[trial_id] = optuna.Trial(study, created)

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
        self._lay_out(trial_id, chosen, {})
        return True

    def _curve(self, trial: FrozenTrial, costs: Mapping[str, float], reached: int | None) -> Curve | None:
        """Return a training as far as it came; None without a score or a cost."""
        config = self._config
        accuracy = config.accuracy
        sign = 1.0 if config.directions[list(config.objectives).index(accuracy)] == MAXIMIZE else -1.0
        metrics = curve_of(trial)
        scores = {int(each[EPOCH_KEY]): sign * each[accuracy] for each in metrics if accuracy in each}
        known = {**(metrics[-1] if metrics else {}), **costs}
        sides = dict(zip(config.objectives, config.directions, strict=True))
        del sides[accuracy]
        if not scores or not all(name in known for name in sides):
            return None
        left = 0 if reached is None else config.train_config.epochs - reached
        return Curve(
            scores=scores, costs=tuple(minimised(known[name], side) for name, side in sides.items()), epochs_left=left
        )

    def _begin(self, trial: optuna.Trial, verdict: Decision) -> dict[str, Any]:
        assert verdict.candidate is not None, "what is trained was built"
        frozen = frozen_of(trial)
        after = verdict.continues.epoch if verdict.continues else _last_epoch(frozen)
        if not self._allowance.may_begin(verdict.candidate.cost.objectives, after=after):
            raise TooDearError
        return super()._begin(trial, verdict)

    def _remember(self, trial: FrozenTrial) -> None:
        attributes = trial.user_attrs
        if ARCH in attributes and ORIGIN not in attributes:
            is_network = CONTINUES not in attributes and CONFIRMS not in attributes
            if is_network and attributes.get(REASON) != INTERRUPTED:
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


def trainings_of(config: SearchProblem, trials: Sequence[FrozenTrial], networks: TrialNetworks) -> Iterator[Training]:
    """Yield the trainings of a study, as its answer is confirmed by.

    Args:
        config: The search.
        trials: The trials of the study, in order of number.
        networks: The networks of the trials.
    """
    names = list(config.objectives)
    place = names.index(config.accuracy)
    sign = 1.0 if config.directions[place] == MAXIMIZE else -1.0
    column = next((column for column, name in enumerate(names) if name != config.accuracy), None)
    for trial in trials:
        attributes = trial.user_attrs
        if ARCH not in attributes or REUSED in attributes or attributes.get(REASON) == INTERRUPTED:
            continue
        is_complete = trial.state is TrialState.COMPLETE
        yield Training(
            number=trial.number,
            network=training_key(networks.of(trial)[0], trial.params),
            score=sign * trial.values[place] if is_complete else None,
            cost=minimised(trial.values[column], config.directions[column]) if column is not None and is_complete else 0.0,
            confirms=CONFIRMS in attributes,
        )


def _last_epoch(trial: FrozenTrial) -> int:
    """Return the last epoch that a trial has reported, its own or one that it took over; 0 before the first."""
    curve = curve_of(trial)
    return int(curve[-1][EPOCH_KEY]) if curve else 0
