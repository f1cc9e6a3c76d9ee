"""The study of a replay: in memory, and written without copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from dite_search.config.search_config import SearchConfig
from dite_search.simulation.table_search import TableSearch
from dite_search.study.study import create_study
from dite_search.study.warm_start import earlier_trials


class ReplayStorage(InMemoryStorage):
    """Optuna's storage in memory, for a study that one thread reads and writes.

    An attribute is written into the trial itself. The original copies the trial with all its attributes each time, which
    takes most of the time of a replay of long curves.
    """

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write an attribute into a trial that has not ended."""
        trial = self.get_trial(trial_id)
        self.check_trial_is_updatable(trial_id, trial.state)
        trial.user_attrs[key] = value


def create_replay(config: SearchConfig | TableSearch, storage: BaseStorage) -> Sequence[FrozenTrial]:
    """Make the study of a replay, and return the trials that it holds from the start."""
    if isinstance(config, SearchConfig):
        known = earlier_trials(config)
        create_study(config, known=known, storage=storage)
        return known
    directions = [StudyDirection[side.upper()] for side in config.directions]
    study = optuna.create_study(storage=storage, study_name=config.name, directions=directions)
    if config.sampler.name == "grid":
        for point in config.search_space.points():
            study.enqueue_trial(point)
    return ()
