"""A study's database as its driver writes it: in transactions, and without reading its own writes again."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage, _CachedStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

Write = Callable[[Session], None]


class DriverStorage(_CachedStorage):
    """The trials of one study in memory, as the only process that changes them knows them, over their database.

    Whatever a block of `batch` writes is one transaction at the end of the block, and so is a single write outside of one.
    The block itself already reads what it wrote. Where the block or its transaction fails, the trials that it changed are
    read from the database again before anything is made of them. New trials are seen whoever adds them. Changes by others to
    trials that have not ended are not seen: the lease of a study lets one driver at a time write them.

    A trial is created, or taken from the queue, in a transaction of its own, also within a batch. A driver that dies after
    that leaves a trial without parameters, which the next driver draws anew.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self._writes: list[Write] | None = None
        self._touched: set[int] = set()
        self._doubtful: set[int] = set()
        self._newest = -1

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Write all that the block writes in one transaction; a batch within a batch belongs to the outer one."""
        if self._writes is not None:
            yield
            return
        self._writes, self._touched = [], set()
        try:
            yield
            self._commit(self._writes)
        except BaseException:
            self._doubtful |= self._touched
            raise
        finally:
            self._writes = None

    def _commit(self, writes: Sequence[Write]) -> None:
        if not writes:
            return
        session = self._backend.scoped_session()
        try:
            for write in writes:
                write(session)
            session.commit()
        except SQLAlchemyError as error:
            session.rollback()
            raise StorageInternalError("a transaction on the study failed") from error
        except BaseException:
            session.rollback()
            raise
        finally:
            session.close()

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Write a parameter."""
        study, _ = self._trial_id_to_study_id_and_number[trial_id]
        known = self._studies[study].param_distribution
        before = known.get(param_name)

        def write(session: Session) -> None:
            self._backend._set_trial_param_without_commit(
                session, trial_id, param_name, param_value_internal, distribution, before
            )
            known.setdefault(param_name, distribution)

        changed = self._changed(trial_id, write)
        changed.params = changed.params | {param_name: distribution.to_external_repr(param_value_internal)}
        changed.distributions = changed.distributions | {param_name: distribution}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write an attribute."""
        changed = self._changed(trial_id, self._attribute(models.TrialUserAttributeModel, trial_id, key, value))
        changed.user_attrs = changed.user_attrs | {key: _as_read(value)}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Write an attribute of Optuna's own."""
        changed = self._changed(trial_id, self._attribute(models.TrialSystemAttributeModel, trial_id, key, value))
        changed.system_attrs = changed.system_attrs | {key: _as_read(value)}

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Write how a trial stands; a waiting trial is taken from the queue at once, and others that are not are refused."""
        if state is TrialState.RUNNING:
            taken = super().set_trial_state_values(trial_id, state, values)
            self._doubtful.add(trial_id)
            return taken
        now, kept = datetime.now(), None if values is None else [float(value) for value in values]

        def write(session: Session) -> None:
            row = models.TrialModel.find_or_raise_by_id(trial_id, session, for_update=True)
            self.check_trial_is_updatable(trial_id, cast(TrialState, row.state))
            for place, value in enumerate(kept or ()):
                self._backend._set_trial_value_without_commit(session, row, place, value)
            row.state = state
            if state.is_finished():
                row.datetime_complete = now

        changed = self._changed(trial_id, write)
        changed.state = state
        if kept is not None:
            changed.values = kept
        if state.is_finished():
            changed.datetime_complete = now
        return True

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial."""
        trial_id = super().create_new_trial(study_id, template_trial)
        if template_trial is not None:
            # Its values come back from the database in other types.
            self._doubtful.add(trial_id)
        return trial_id

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial, as of memory where its database would say the same."""
        place = self._trial_id_to_study_id_and_number.get(trial_id)
        if place is None:
            return self._backend.get_trial(trial_id)
        if trial_id in self._doubtful and not self._is_changing(trial_id):
            self._add_trials_to_cache(place[0], [self._backend.get_trial(trial_id)])
            self._doubtful.discard(trial_id)
        return self._studies[place[0]].trials[place[1]]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study in order."""
        self._read_trials_from_remote_storage(study_id)
        known = self._studies[study_id].trials
        trials = [known[number] for number in sorted(known) if states is None or known[number].state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        super().get_study_directions(study_id)
        asked = {trial_id for trial_id in self._doubtful if not self._is_changing(trial_id)}
        found = self._backend._get_trials(
            study_id, states=None, included_trial_ids=asked, trial_id_greater_than=self._newest
        )
        self._add_trials_to_cache(study_id, [trial for trial in found if not self._is_changing(trial._trial_id)])
        self._newest = max([self._newest, *(trial._trial_id for trial in found)])
        self._doubtful -= asked

    def _is_changing(self, trial_id: int) -> bool:
        """Whether the open batch has changed a trial."""
        return self._writes is not None and trial_id in self._touched

    def _attribute(self, table: Any, trial_id: int, key: str, value: Any) -> Write:
        return lambda session: self._backend._set_trial_attr_without_commit(session, table, trial_id, key, value)

    def _changed(self, trial_id: int, write: Write) -> FrozenTrial:
        """Put a write into the batch, or make it one; return the copy of the trial that takes its place, to be changed."""
        trial = self.get_trial(trial_id)
        self.check_trial_is_updatable(trial_id, trial.state)
        with self.batch():
            assert self._writes is not None, "a batch is open"
            self._touched.add(trial_id)
            self._writes.append(write)
        changed = copy.copy(trial)
        study, number = self._trial_id_to_study_id_and_number[trial_id]
        self._studies[study].trials[number] = changed
        return changed


def batch_of(storage: BaseStorage) -> Callable[[], AbstractContextManager[None]]:
    """Return what opens a transaction of a storage; writes in memory need none."""
    return storage.batch if isinstance(storage, DriverStorage) else nullcontext


def _as_read(value: Any) -> Any:
    """Return a value as it comes back from the database."""
    return json.loads(json.dumps(value))
