"""The study's database as its driver writes it: in transactions that nobody sees half of."""

from __future__ import annotations

import hypothesis.strategies as st
import optuna
import pytest
from hypothesis import given
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import InMemoryStorage, RDBStorage
from optuna.trial import TrialState
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from dite_search.storage.driver_storage import DriverStorage, batch_of
from tests.profiles import examples

pytestmark = pytest.mark.filterwarnings("ignore")
WIDTH = {"width": CategoricalDistribution([16, 32])}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def study(url):
    storage = DriverStorage(RDBStorage(url))
    return optuna.create_study(storage=storage, study_name="s", directions=["maximize", "minimize"])


def read(url):
    return optuna.load_study(study_name="s", storage=url).get_trials()


def commits(study):
    """The transactions that are committed from now on."""
    counted = []
    event.listen(study._storage._backend.engine, "commit", counted.append)
    return counted


def test_a_batch_is_seen_within_at_once_and_by_others_at_its_end(study, url):
    storage, trial = study._storage, study.ask(WIDTH)
    with storage.batch():
        trial.set_user_attr("epoch:000001", {"ap": 0.5, "sides": (1, 2)})
        with storage.batch():
            trial.set_constraint("params", -0.25)
            study.tell(trial, [0.5, 3.0])
        (inside,) = study.get_trials(deepcopy=False)
        assert inside.state is TrialState.COMPLETE
        assert read(url)[0].user_attrs == {}
    assert read(url) == study.get_trials()
    (written,) = read(url)
    assert written.user_attrs == {"epoch:000001": {"ap": 0.5, "sides": [1, 2]}}
    assert (written.values, written.constraints) == ([0.5, 3.0], {"params": -0.25})


def test_a_batch_is_one_transaction_and_a_read_of_known_trials_is_none(study):
    trial = study.ask(WIDTH)
    study.get_trials()
    counted = commits(study)
    with study._storage.batch():
        for epoch in range(5):
            trial.set_user_attr(f"epoch:{epoch}", {"ap": 0.5})
    assert len(counted) == 1
    assert len(study._storage.get_trial(trial._trial_id).user_attrs) == 5
    assert len(counted) == 1


def test_a_batch_that_fails_leaves_nothing_and_is_forgotten(study, url):
    trial = study.ask(WIDTH)

    def written_in_part():
        with study._storage.batch():
            trial.set_user_attr("a", 1)
            study.tell(trial, [0.5, 3.0])
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        written_in_part()
    assert read(url)[0].user_attrs == {}
    assert study.get_trials() == read(url)
    assert study.get_trials()[0].state is TrialState.RUNNING


def test_a_transaction_that_was_committed_although_the_answer_was_lost_is_seen(study, url, monkeypatch):
    trial, session = study.ask(WIDTH), type(study._storage._backend.scoped_session())
    commit = session.commit

    def broken(self):
        commit(self)
        raise OperationalError("COMMIT", {}, Exception("the server closed the connection"))

    monkeypatch.setattr(session, "commit", broken)
    with pytest.raises(StorageInternalError, match="a transaction on the study failed"):
        study.tell(trial, [0.5, 3.0])
    monkeypatch.setattr(session, "commit", commit)
    assert study.get_trials() == read(url)
    with pytest.raises(UpdateFinishedTrialError, match="already finished"):
        study._storage.set_trial_user_attr(trial._trial_id, "late", 1)


def test_trials_that_another_adds_are_seen_and_taken_from_the_queue_once(study, url):
    study.ask(WIDTH)
    other = optuna.load_study(study_name="s", storage=url)
    other.enqueue_trial({"width": 32})
    assert [trial.state for trial in study.get_trials()] == [TrialState.RUNNING, TrialState.WAITING]
    taken = study.ask(WIDTH)
    assert (taken.number, taken.params) == (1, {"width": 32})
    assert study.ask(WIDTH).number == 2
    assert study.get_trials() == read(url)


def test_storages_in_memory_need_no_transactions():
    with batch_of(InMemoryStorage())():
        pass


STEPS = st.tuples(st.sampled_from(["ask", "attribute", "constraint", "tell", "stop", "requeue"]), st.booleans())


@pytest.fixture(scope="module")
def backend():
    return RDBStorage("sqlite://")


@examples(12)
@given(st.lists(STEPS, max_size=8))
def test_memory_and_database_never_differ(backend, steps):
    storage = DriverStorage(backend)
    study = optuna.create_study(storage=storage, directions=["maximize", "minimize"])
    running: list[optuna.Trial] = []
    for number, (step, fails) in enumerate(steps):
        try:
            with storage.batch():
                if step == "ask":
                    running.append(study.ask(WIDTH))
                elif running:
                    take(step, study, running[-1], number)
                if fails:
                    raise RuntimeError("in the middle")
        except RuntimeError:
            pass
        running = [t for t in running if storage.get_trial(t._trial_id).state is TrialState.RUNNING]
    assert study.get_trials() == backend.get_all_trials(study._study_id)


def take(step, study, trial, number):
    if step == "attribute":
        trial.set_user_attr(f"epoch:{number}", {"ap": number / 7})
    elif step == "constraint":
        trial.set_constraint(f"limit {number}", number / 3)
    elif step == "requeue":
        study._storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    else:
        study.tell(trial, [0.5, 1.0] if step == "tell" else None, state=None if step == "tell" else TrialState.PRUNED)
