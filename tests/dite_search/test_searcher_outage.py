"""A database that goes away while a search runs: nothing is lost, and nothing is written twice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from dite_search.driver.budgeted_search import BudgetedSearch
from dite_search.driver.run_search import _close
from dite_search.driver.searcher import StudySearch
from dite_search.spending.account import Account
from dite_search.spending.allowance import Allowance
from dite_search.spending.limits import Limits
from dite_search.storage.pause import Pause
from dite_search.study.attributes import REASON, UNEXPLAINED
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, open_study, reopen_running
from search_spaces.common.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore")


class Shaky(RDBStorage):
    """A database whose connection breaks now and then, before a transaction or a reading is done or after."""

    def __init__(self, url, generator):
        super().__init__(url)
        self.generator, self.rate = generator, 0.0
        self.scoped_session = scoped_session(
            sessionmaker(bind=self.engine, class_=type("Session", (_Shaken,), {"of": self}))
        )

    def shaken(self, call):
        broken = self.rate and self.generator.random() < self.rate
        if broken and self.generator.random() < 0.5:
            raise StorageInternalError("the connection is gone")
        result = call()
        if broken:
            raise StorageInternalError("the connection went before the answer")
        return result

    def _create_new_trial(self, study_id, template_trial=None):
        # Optuna's own method waits for seconds before it tries again what its session refuses.
        rate, self.rate = self.rate, 0.0
        try:
            trial = super()._create_new_trial(study_id, template_trial)
        finally:
            self.rate = rate
        return self.shaken(lambda: trial)


class _Shaken(Session):
    def commit(self):
        return self.of.shaken(super().commit)


class Clock:
    """A minute passes whenever it is looked at: every wait is over at the next try."""

    def __init__(self):
        self._minutes = itertools.count(60, 60)

    def __call__(self):
        return float(next(self._minutes))


def run(config, storage, *, trials):
    """Trials one after another with a score that follows from the network, the second of each three stopped early."""
    told = []
    search = StudySearch(config, storage=storage, note=told.append, clock=Clock())
    storage.rate = 0.15
    begun = 0
    while begun < trials:
        suggestion = search.suggest(f"t{begun}")
        if suggestion is None:
            continue
        score = sum(map(ord, str(suggestion["point"]))) % 97 / 97
        search.on_trial_result(f"t{begun}", {"epoch": 1, "ap_gt": score / 2})
        stops = suggestion["number"] % 3 == 1
        if not stops:
            search.on_trial_result(f"t{begun}", {"epoch": 2, "ap_gt": score})
        search.on_trial_complete(f"t{begun}", {"epoch": 1, "ap_gt": score / 2} if stops else {"epoch": 2, "ap_gt": score})
        begun += 1
    while not search.outbox.flush():
        pass
    storage.rate = 0.0
    return told


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_every_result_is_written_whatever_breaks(make_search, seed):
    config = make_search(sampler={"name": "random"}, seed=seed, trials=20)
    create_study(config)
    storage = Shaky(f"sqlite:///{config.study_directory / 'study.db'}", np.random.default_rng(seed))
    told = run(config, storage, trials=20)
    assert "the study's database does not answer; trainings go on, and what they report waits to be written" in told
    assert "the study's database answers again" in told
    reopen_running(config)
    study, records = open_study(config), read_study(config).trials
    trained = [record for record in records if record.status in ("complete", "stopped")]
    assert len(trained) == 20
    assert len({record.arch.arch_id for record in trained}) == 20
    for record in trained:
        score = sum(map(ord, str(record.parameters))) % 97 / 97
        expected = [score / 2, score] if record.status == "complete" else [score / 2]
        assert [epoch["ap_gt"] for epoch in record.curve] == expected
        assert record.status == "stopped" or record.metrics["ap_gt"] == score
    assert TrialState.RUNNING not in {trial.state for trial in study.trials}
    left = [t for t in study.trials if t.state is TrialState.FAIL]
    assert all(t.user_attrs[REASON] == "the search was stopped before the trial ended" for t in left)


@pytest.mark.parametrize("state", ["doubtful", "superseded"])
def test_a_driver_that_lost_its_study_writes_nothing(make_search, state):
    config, pause = make_search(sampler={"name": "random"}), Pause()
    create_study(config)
    search = StudySearch(config, pause=pause)
    search.suggest("a")
    before = open_study(config).trials
    if state == "superseded":
        pause.supersede()
    else:
        pause.doubtful = True
    search.on_trial_result("a", {"epoch": 1, "ap_gt": 0.5})
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.6})
    assert open_study(config).trials == before
    if state == "superseded":
        with pytest.raises(
            InvalidInput, match=r"study small must have one driver, .*, and another driver has taken it over"
        ):
            _close(config, search.outbox, pause, lambda: pytest.fail("it is another driver's"))
        assert open_study(config).trials == before
    else:
        pause.doubtful = False
        assert search.outbox.flush()
        assert open_study(config).trials[0].values[0] == 0.6


def test_nothing_new_is_suggested_while_results_wait(make_search):
    config = make_search(sampler={"name": "random"})
    create_study(config)
    storage = Shaky(f"sqlite:///{config.study_directory / 'study.db'}", np.random.default_rng(0))
    search = StudySearch(config, storage=storage, clock=Clock())
    search.suggest("a")
    storage.rate = 1.0
    search.on_trial_result("a", {"epoch": 1, "ap_gt": 0.1})
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.2})
    assert search.suggest("b") is None
    assert len(search.outbox) == 2
    storage.rate = 0.0
    assert search.suggest("b")["number"] == 1
    assert read_study(config).trials[0].metrics == {"ap_gt": 0.2}


def test_a_pause_leaves_what_was_not_ended_to_be_gone_on_with(make_search):
    config, pause = make_search(sampler={"name": "random"}), Pause()
    create_study(config)
    search = StudySearch(config, pause=pause)
    for name in "abc":
        search.suggest(name)
        search.on_trial_result(name, {"epoch": 1, "ap_gt": 0.1})
    search.on_trial_result("c", {"reason": "broken"})
    pause.ask("someone")
    assert search.suggest("d") == "FINISHED"
    search.on_trial_complete("a", {"epoch": 1, "ap_gt": 0.1})
    search.on_trial_complete("b", {"epoch": 2, "ap_gt": 0.2})
    search.on_trial_complete("c", {"epoch": 1, "ap_gt": 0.1})
    assert search.ending_of("a") == "running"
    reopen_running(config)
    states = [trial.state for trial in open_study(config).trials]
    assert states == [TrialState.WAITING, TrialState.COMPLETE, TrialState.FAIL]
    again = StudySearch(config).suggest("a")
    assert again["number"] == 0
    assert [epoch["epoch"] for epoch in read_study(config).trials[0].curve] == [1]


@pytest.fixture
def confirming(make_search):
    """A search that has trained its one network, and is to train it again."""
    config = make_search(sampler={"name": "random"}, trials=1, confirm=2)
    create_study(config)
    allowance = Allowance(Account(clock=lambda: 0.0), Limits(), goals=[2])
    search = BudgetedSearch(config, allowance=allowance, asked=1, clock=Clock())
    search.suggest("a")
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.3})
    return config, search


@pytest.mark.parametrize("is_made", [False, True])
def test_a_confirmation_is_laid_out_once_though_the_database_is_away(confirming, monkeypatch, is_made):
    config, search = confirming
    storage = search._study._storage
    create = storage.create_new_trial

    def broken(*arguments, **options):
        if is_made:
            create(*arguments, **options)
        raise StorageInternalError("the connection went before the answer")

    monkeypatch.setattr(storage, "create_new_trial", broken)
    assert search.suggest("b") is None
    monkeypatch.setattr(storage, "create_new_trial", create)
    suggestion = search.suggest("b")
    assert (suggestion["number"], suggestion["repeat"]) == (1, 1)
    search.on_trial_complete("b", {"epoch": 2, "ap_gt": 0.4})
    assert search.suggest("c") == "FINISHED"
    assert [trial.state for trial in open_study(config).trials] == [TrialState.COMPLETE] * 2


def test_a_confirmation_that_failed_without_a_reason_was_tried(confirming):
    config, search = confirming
    assert search.suggest("b")["number"] == 1
    search.on_trial_complete("b", {}, error=True)
    assert open_study(config).trials[1].user_attrs[REASON] == UNEXPLAINED
    assert search.suggest("c") == "FINISHED"
