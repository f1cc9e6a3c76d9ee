"""Ray Tune's search algorithm: asks Optuna for the next trial, and tells it what became of each."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from analysis.study.trial_status import TrialStatus
from dite_search.algorithms.admission import Decision, Stopped, gate_of
from dite_search.algorithms.cost_aware.candidates import Candidates, distributions_of
from dite_search.algorithms.samplers import sampler_of
from dite_search.config.problem import SearchProblem
from dite_search.config.search_config import SearchConfig
from dite_search.driver.result_recorder import (
    ResultRecorder,
    conclusion,
    ending_of,
    epoch_metrics,
    is_whole,
    set_constraints,
    stopped_training,
)
from dite_search.storage.driver_storage import DriverStorage, batch_of
from dite_search.storage.outbox import Outbox
from dite_search.storage.pause import Pause
from dite_search.study.attributes import (
    ARCH,
    ARCH_ID,
    CONFIRMS,
    CONTINUES,
    EPOCH_KEY,
    METRICS,
    ORIGIN,
    REASON,
    REUSED,
    SECONDS,
    SEED,
    STARTED,
    UNDECIDED,
)
from dite_search.study.reader import TrialNetworks, curve_of, epoch_name, frozen_of, is_blameless, network_attributes
from dite_search.study.study import DATABASE_AWAY, reopen, storage_of
from search_spaces.common.objectives import MAXIMIZE, MEASURED, named
from search_spaces.space.candidate import Candidate, CandidateCache, training_key
from trainers.training.loop import LOOP_FIGURES

MAX_REPLACED = 10
"""Suggestions in a row that are not trained, after which a point that is drawn at random takes their place."""


class StudySearch(OptunaSearch):
    """Optuna over a search space with several objectives, every trial recorded in the study as it goes.

    A suggestion is only trained when it has to be. A point that breaks a rule of the space is told as failed, a point over
    the budget as pruned and infeasible. A point that was trained before is told as it ended then. All that costs nothing,
    and the next suggestion takes its place. A trial that ends without a finite value of every objective is told as failed
    with its reason, never as a score. A trial that was stopped before its last epoch is told as pruned. Since the study
    holds everything, Tune's own snapshots of the searcher stay empty.

    A database that does not answer stops no training. Writes wait, in order, and nothing new is suggested until they are
    done. A search that is killed meanwhile loses nothing either, as every training that goes on from its checkpoint reports
    its whole curve again. Where ``pause`` is asked for, nothing more is suggested, and what was stopped for it stays a
    running trial of the study.

    Args:
        config: The search.
        storage: Takes the place of the search's own, for replays.
        allowed: Narrows the space, for replays.
        candidates: Remembers the networks that were built before the search.
        sampled_from: Takes the place of the candidates of the space in a sampler that compares them, for replays.
        networks: Is told each network that is trained, for what reads the study in this process.
        pause: Ends the search early.
        note: Takes a sentence when the database goes and when it comes back.
        clock: Seconds of a clock that runs evenly.
    """

    def __init__(
        self,
        config: SearchProblem,
        *,
        storage: BaseStorage | None = None,
        allowed: Callable[[Any], bool] | None = None,
        candidates: CandidateCache | None = None,
        sampled_from: Candidates | None = None,
        networks: TrialNetworks | None = None,
        pause: Pause | None = None,
        note: Callable[[str], None] = lambda sentence: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        gate = gate_of(config, allowed=allowed, candidates=candidates)
        if storage is None:
            assert isinstance(config, SearchConfig), "only a search file names a database"
            storage = storage_of(config)
        if isinstance(storage, RDBStorage):
            storage = DriverStorage(storage)
        super().__init__(
            space=distributions_of(config.search_space),
            metric=list(config.objectives),
            mode=["max" if side == MAXIMIZE else "min" for side in config.directions],
            sampler=sampler_of(config, gate, sampled_from, note),
            storage=storage,
            study_name=config.name,
        )
        self._config, self._gate = config, gate
        self._generator = np.random.default_rng([config.seed, 1])
        self._followers: dict[int, list[optuna.Trial]] = {}
        self._batch = batch_of(storage)
        self._recorder = ResultRecorder(self._batch)
        self._training: dict[int, Candidate] = {}
        self._networks = networks or TrialNetworks()
        self._pause = pause or Pause()
        self.outbox = Outbox("the study's database", DATABASE_AWAY, note=note, may_write=self._may_write, clock=clock)
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials:
            self._remember(trial)
        if config.repeats > 1:
            self._enqueue_lost_repeats(trials)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune stores its searcher with the experiment, and the study is the record of this one."""
        return {}

    @property
    def _study(self) -> optuna.Study:
        assert self._ot_study is not None, "the study is opened when the search is constructed"
        return self._ot_study

    def _may_write(self) -> bool:
        """Whether the study is known to be this driver's."""
        return not (self._pause.doubtful or self._pause.superseded)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]
        """Return the next training, or FINISHED when none is left.

        A suggestion has the ``number`` of its trial, and its ``point`` with the network (``arch``), counted ``costs`` and
        training ``key`` of its admission. It also has its ``seed``, the number of the ``repeat``, and the trial that it
        ``continues``, if any.

        None where the database does not answer: Tune asks again.
        """
        if self._pause.asked:
            finished: str = Searcher.FINISHED
            return finished
        if not self.outbox.flush():
            return None
        try:
            return self._suggest(trial_id)
        except DATABASE_AWAY as error:
            self._went_away(trial_id, error)
            return None

    def _went_away(self, trial_id: str, error: Exception) -> None:
        """Note that the database went away while a suggestion was made, which has not begun then."""
        self.outbox.failed(error)
        self._ot_trials.pop(trial_id, None)
        self.outbox.later(self._give_back)

    def _suggest(self, trial_id: str) -> dict[str, Any] | str:
        for attempt in itertools.count():
            if attempt == MAX_REPLACED:
                fresh = self._gate.fresh(self._generator)
                if fresh is None:
                    finished: str = Searcher.FINISHED
                    return finished
                self._study.enqueue_trial(fresh)
            with self._batch():
                super().suggest(trial_id)
                trial = self._ot_trials[trial_id]
                frozen = frozen_of(trial)
                attributes = frozen.user_attrs
                continuing, confirming = CONTINUES in attributes, CONFIRMS in attributes
                verdict = self._gate.judge(frozen.params, continuing=continuing, confirming=confirming)
                if verdict.outcome == "train":
                    suggestion = self._begin(trial, verdict)
                else:
                    self._replace(trial, verdict)
            if verdict.outcome == "train":
                # Last, as it cannot fail: where the database goes away before, the trial has not begun.
                self._train(suggestion, verdict.candidate, frozen)
                return suggestion
            del self._ot_trials[trial_id]
            if verdict.trial is not None and not frozen_of(trial).state.is_finished():
                self._followers.setdefault(verdict.trial, []).append(trial)
        raise AssertionError("the loop ends with a point to train or with none left")

    def _begin(self, trial: optuna.Trial, verdict: Decision) -> dict[str, Any]:
        """Write the start of a training, and return its suggestion."""
        candidate = verdict.candidate
        assert candidate is not None, "what is trained was built"
        earlier = frozen_of(trial).user_attrs
        seed = earlier.get(SEED, verdict.seed)
        stopped = verdict.continues
        trial.set_user_attr(STARTED, time.time() - earlier.get(SECONDS, 0.0))
        if stopped and CONTINUES not in earlier:
            self._take_over(trial, stopped)
        if ARCH not in earlier:
            for name, value in {SEED: seed, **network_attributes(candidate.arch, candidate.cost)}.items():
                trial.set_user_attr(name, value)
        # A constraint can be set once: that of the latency waits for its measurement.
        set_constraints(trial, {name: value for name, value in verdict.excess.items() if name not in named(source=MEASURED)})
        return {
            "number": trial.number,
            "point": dict(frozen_of(trial).params),
            "arch": candidate.arch,
            "costs": candidate.cost.objectives,
            "key": candidate.key,
            "seed": seed,
            "repeat": seed - self._config.seed,
            "continues": frozen_of(trial).user_attrs.get(CONTINUES),
        }

    def _train(self, suggestion: Mapping[str, Any], candidate: Candidate | None, earlier: FrozenTrial) -> None:
        """Remember that what was suggested is trained; ``earlier`` is its trial as it was taken up."""
        assert candidate is not None, "what is trained was built"
        number, continued = suggestion["number"], suggestion["continues"]
        taken_over = continued["epoch"] if continued else 0
        self._recorder.begin(number, taken_over=taken_over, undecided=earlier.user_attrs.get(UNDECIDED))
        self._gate.begin(candidate.key, number, suggestion["seed"])
        self._training[number] = candidate
        self._networks.keep(number, candidate.arch, candidate.cost)

    def _give_back(self) -> None:
        """A trial that could not begin is suggested again, under its number."""
        followers = itertools.chain.from_iterable(self._followers.values())
        known = {trial.number for trial in (*self._ot_trials.values(), *followers)}
        for frozen in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if frozen.number not in known:
                reopen(self._study, frozen)

    def _take_over(self, trial: optuna.Trial, stopped: Stopped) -> None:
        """Give a trial the curve of the one that it continues."""
        for metrics in curve_of(self._study.get_trials(deepcopy=False)[stopped.last]):
            trial.set_user_attr(epoch_name(metrics[EPOCH_KEY]), metrics)
        trial.set_user_attr(CONTINUES, {"first": stopped.first, "last": stopped.last, "epoch": stopped.epoch})

    def _replace(self, trial: optuna.Trial, verdict: Decision) -> None:
        """Tell what is not trained as what it is."""
        if verdict.outcome == "known":
            assert verdict.trial is not None
            trial.set_user_attr(REUSED, verdict.trial)
            twin = self._study.get_trials(deepcopy=False)[verdict.trial]
            if twin.state is not TrialState.RUNNING:
                self._follow(trial, twin)
            return
        trial.set_user_attr(REASON, verdict.problem)
        set_constraints(trial, verdict.excess)
        state = TrialState.PRUNED if verdict.outcome == "over_budget" else TrialState.FAIL
        self._study.tell(trial, state=state)

    def _follow(self, trial: optuna.Trial, twin: FrozenTrial) -> None:
        """Tell a trial that was not trained what became of the one that was."""
        if frozen_of(trial).state.is_finished():
            return
        with self._batch():
            for name in (ARCH_ID, METRICS, REASON):
                if name in twin.user_attrs:
                    trial.set_user_attr(name, twin.user_attrs[name])
            set_constraints(trial, twin.constraints)
            self._study.tell(trial, twin.values if twin.state is TrialState.COMPLETE else None, state=twin.state)

    def _remember(self, trial: FrozenTrial) -> None:
        """Tell the gate of a trial of an earlier start."""
        attributes = trial.user_attrs
        if ARCH not in attributes or trial.state is TrialState.WAITING:
            return
        key = training_key(self._networks.of(trial)[0], trial.params)
        if is_blameless(trial):
            return
        seed = attributes.get(SEED, attributes.get(ORIGIN, {}).get("seed"))
        self._gate.begin(key, trial.number, self._config.seed if seed is None else seed)
        if trial.state in (TrialState.PRUNED, TrialState.FAIL):
            self._gate.end(key, stopped_training(trial))

    def _enqueue_lost_repeats(self, trials: Sequence[FrozenTrial]) -> None:
        """Repeats that an earlier driver did not live to ask for."""
        points = [trial.system_attrs.get("fixed_params") or trial.params for trial in trials if not is_blameless(trial)]
        for trial in trials:
            first = trial.state is TrialState.COMPLETE and trial.user_attrs.get(SEED) == self._config.seed
            if first and REUSED not in trial.user_attrs:
                for _ in range(self._config.repeats - points.count(trial.params)):
                    self._study.enqueue_trial(trial.params)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Record an epoch, or the reason a trial gives before it ends."""
        self.outbox.put(lambda: self._recorder.record(self._ot_trials[trial_id], result, decided=True))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Tell Optuna the values, or that the trial failed and why; and the same to the trials that waited for it."""
        if trial_id not in self._ot_trials or trial_id in self._completed_trials:
            return
        self._completed_trials.add(trial_id)
        paused = self._is_paused(trial_id)
        self.outbox.put(lambda: self._end(trial_id, result or {}, error, paused))

    def _is_paused(self, trial_id: str) -> bool:
        """Whether a trial that ends now is to go on later, as things are now."""
        return self._pause.asked

    def _end(self, trial_id: str, result: Mapping[str, Any], error: bool, paused: bool) -> None:
        trial = self._ot_trials[trial_id]
        if not frozen_of(trial).state.is_finished():
            # A result with which a trial is stopped, by whomever, comes here alone.
            has_ended = not paused or self._has_ended(trial, result)
            self._recorder.record(trial, result, decided=has_ended)
            if not has_ended:
                return
            with self._batch():
                self._conclude(trial, result, error)
        frozen = frozen_of(trial)
        key = self._training[trial.number].key
        if is_blameless(frozen):
            self._gate.forget(key, trial.number)
        elif frozen.state is not TrialState.COMPLETE:
            self._gate.end(key, stopped_training(frozen))
        elif frozen.user_attrs[SEED] == self._config.seed:
            for _ in range(self._config.repeats - 1):
                self.outbox.later(lambda: self._study.enqueue_trial(frozen.params))
        for follower in self._followers.pop(trial.number, []):
            self.outbox.later(partial(self._follow, follower, frozen))
        del self._training[trial.number]

    def _has_ended(self, trial: optuna.Trial, result: Mapping[str, Any]) -> bool:
        """Whether a trial that ends during a pause ended for its own reason, or with all that an undisturbed one reports."""
        known = dict(result) | self._training[trial.number].cost.objectives
        return REASON in frozen_of(trial).user_attrs or is_whole(self._config, known)

    def _conclude(self, trial: optuna.Trial, result: Mapping[str, Any], error: bool) -> None:
        attributes = frozen_of(trial).user_attrs
        trial.set_user_attr(SECONDS, time.time() - attributes[STARTED])
        known = dict(result) | self._training[trial.number].cost.objectives
        set_constraints(trial, self._config.network_budget.excess(known))
        state, reason = conclusion(self._config, known, reason=attributes.get(REASON, ""), error=error)
        if reason:
            trial.set_user_attr(REASON, reason)
        values = None
        if state is TrialState.COMPLETE:
            trial.set_user_attr(METRICS, {k: v for k, v in epoch_metrics(result).items() if k not in LOOP_FIGURES})
            values = [float(known[objective]) for objective in self._config.objectives]
        self._study.tell(trial, values, state=state)

    def ending_of(self, trial_id: str) -> TrialStatus:
        """Return what became of a training, as `result_recorder.ending_of`."""
        return ending_of(frozen_of(self._ot_trials[trial_id]))

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save: the study is the record."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore: the study is the record."""
