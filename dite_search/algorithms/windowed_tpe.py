"""Optuna's TPE in time that does not grow with the study: it looks at the best trials and the latest ones.

Its time a suggestion grows with the trials that it looks at: seconds at 10,000 of them. The densities that it compares
hardly change by trials of long ago that were neither good nor recent.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from analysis.pareto.front import non_dominated

LATEST_TRIALS = 300
"""Latest trials that have ended, all of which are looked at."""
BEST_TRIALS = 60
"""Trials of the first ranks that are looked at however old they are …"""
TRIALS_BETWEEN_RANKINGS = 60
"""… and trials that end before they are chosen anew."""
LEARNED_FROM = (TrialState.COMPLETE, TrialState.PRUNED)


class WindowedTPESampler(TPESampler):
    """TPE over a window of the study; the window holds every trial while there are few."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._ranked = 0
        self._best: list[FrozenTrial] = []
        self._window: tuple[Sequence[FrozenTrial], list[FrozenTrial]] = ((), [])

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that are drawn together."""
        return super().infer_relative_search_space(self._narrowed(study), trial)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Return values of the parameters that are drawn together."""
        return super().sample_relative(self._narrowed(study), trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of one parameter."""
        return super().sample_independent(self._narrowed(study), trial, param_name, param_distribution)

    def _narrowed(self, study: Study) -> Any:
        return _NarrowedStudy(study, self)

    def window(self, study: Study) -> list[FrozenTrial]:
        """Return the trials that are looked at, in order."""
        trials = study._get_trials(deepcopy=False, use_cache=True)
        if self._window[0] is not trials:
            self._window = trials, self._chosen(study, trials)
        return self._window[1]

    def _chosen(self, study: Study, trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
        ended = [trial for trial in trials if trial.state in LEARNED_FROM]
        if len(ended) <= LATEST_TRIALS + BEST_TRIALS:
            return list(trials)
        if len(ended) - self._ranked >= TRIALS_BETWEEN_RANKINGS or len(ended) < self._ranked:
            self._ranked, self._best = len(ended), best_trials(study, ended, BEST_TRIALS)
        running = [trial for trial in trials if trial.state is TrialState.RUNNING]
        kept = {trial.number: trial for trial in (*self._best, *ended[-LATEST_TRIALS:], *running)}
        return [kept[number] for number in sorted(kept)]


class _NarrowedStudy:
    """A study of which the sampler sees a window."""

    def __init__(self, study: Study, sampler: WindowedTPESampler) -> None:
        self._study, self._sampler = study, sampler

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        return [trial for trial in self._sampler.window(self._study) if states is None or trial.state in states]


def best_trials(study: Study, trials: Sequence[FrozenTrial], count: int) -> list[FrozenTrial]:
    """Return about ``count`` complete trials within the limits: front after front, the last one thinned out evenly."""
    able = [trial for trial in trials if trial.state is TrialState.COMPLETE and not _is_over_a_limit(trial)]
    values = np.array([trial.values for trial in able]).reshape(len(able), len(study.directions))
    sides = [direction.name.lower() for direction in study.directions]
    left, chosen = np.arange(len(able)), list[int]()
    while len(left) and len(chosen) < count:
        on_front: NDArray[np.bool_] = non_dominated(values[left], sides)
        front = left[on_front]
        if len(front) > count - len(chosen):
            order = front[np.argsort(values[front, 0], kind="stable")]
            front = order[np.linspace(0, len(order) - 1, count - len(chosen)).round().astype(int)]
        chosen += front.tolist()
        left = left[~on_front]
    return [able[place] for place in sorted(chosen)]


def _is_over_a_limit(trial: FrozenTrial) -> bool:
    return any(excess > 0 for excess in trial.constraints.values())
