"""Searches under a budget on a recorded table, on a simulated clock, killed at any moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState

from analysis.pareto.confirmation import first_to_confirm
from dite_search.driver.budgeted_search import trainings_of
from dite_search.driver.scheduler import scheduler_of
from dite_search.simulation.replay_study import ReplayStorage, create_replay
from dite_search.simulation.simulator import Simulation, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.spending.account import Account
from dite_search.spending.allowance import Allowance
from dite_search.spending.limits import Limits, Spent
from dite_search.study.attributes import ARCH, CONFIRMS, CONTINUES, SEED
from dite_search.study.reader import TrialNetworks, curve_of
from dite_search.study.study import reopen
from tests.profiles import examples

EPOCHS = 12


@pytest.fixture(scope="module")
def table():
    return load_table("tiny_128")


class Search:
    """A search on the table that may be cut off, and goes on from its study and its account."""

    def __init__(self, table, limits: Limits, *, asked: int | None = None, workers: int = 3, gpus: float = 1.0, **changes):
        fields: Mapping[str, Any] = {"sampler": {"name": "random"}, "scheduler": {"name": "pareto"}, "seed": 0}
        self.config = replayed_config(table, {**fields, **changes})
        self.storage, self.limits, self.asked, self.workers, self.gpus = ReplayStorage(), limits, asked, workers, gpus
        self.table, self.spent, self.wall = table, Spent(), 0.0
        create_replay(self.config, self.storage)

    @property
    def trials(self):
        return optuna.load_study(study_name=self.config.name, storage=self.storage).get_trials(deepcopy=False)

    def run(self, *, ends: int | None = None, clock_change: float = 0.0) -> bool:
        """Run until so many trainings have ended, and the driver is killed; whether the search ended before."""
        self.wall += clock_change
        simulated: list[Simulation] = []
        account = Account(self.spent, clock=lambda: simulated[0].seconds if simulated else 0.0, began=0.0)
        rungs = scheduler_of(self.config)._rungs.epochs if self.config.scheduler.name != "none" else ()
        allowance = Allowance(account, self.limits, goals=[*rungs, EPOCHS], gpus=self.gpus, wall=self.wall)
        simulation = Simulation(
            self.config,
            self.curve,
            workers=self.workers,
            storage=self.storage,
            allowed=self.table.__contains__,
            candidates=self.table.candidates,
            allowance=allowance,
            max_trials=self.asked,
        )
        simulated.append(simulation)
        finished = True
        for count, _ in enumerate(simulation.run(), start=1):
            if count == ends:
                finished = False
                break
        # Epochs that trainings had finished are in the study; those under way are lost, and the time is not.
        self.spent = Spent(
            seconds=account.spent().seconds,
            gpu_seconds=account.spent().gpu_seconds,
            epochs=sum(self.epochs_of(trial) for trial in self.trials),
        )
        study = optuna.load_study(study_name=self.config.name, storage=self.storage)
        for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            reopen(study, frozen)
        return finished

    def curve(self, arch, repeat: int):
        """A recorded training; another training of the network is better or worse by a hundredth."""
        shift = 0.01 * float(np.random.default_rng([int(arch.arch_id, 16), repeat]).normal()) if repeat else 0.0
        return [{**metrics, "ap_gt": metrics["ap_gt"] + shift} for metrics in self.table.curve(arch.arch_id, 0)]

    def epochs_of(self, trial) -> int:
        return len(curve_of(trial)) - trial.user_attrs.get(CONTINUES, {}).get("epoch", 0)


def longest_rung(table) -> float:
    """The most seconds that any recorded training takes from one rung to the next."""
    return 8 * max(curve["seconds"] / EPOCHS for arch in table.points for curve in [table.curve(arch, 0)[-1]])


@examples(12)
@given(
    limit=st.integers(1, 150),
    kills=st.lists(st.integers(1, 6), max_size=3),
    workers=st.integers(1, 5),
    seed=st.integers(0, 99),
    scheduler=st.sampled_from(["pareto", "none"]),
)
def test_no_order_of_reports_and_kills_spends_more_epochs_than_the_budget(table, limit, kills, workers, seed, scheduler):
    search = Search(table, Limits(epochs=limit), workers=workers, seed=seed, scheduler={"name": scheduler})
    for ends in [*kills, None]:
        if search.run(ends=ends):
            break
    assert search.spent.epochs <= limit
    assert search.spent.epochs > limit - EPOCHS * workers or search.spent.epochs == 0


@examples(10)
@given(
    hours=st.floats(10.0, 400.0),
    kills=st.lists(st.tuples(st.integers(1, 6), st.floats(-1e6, 1e6)), max_size=3),
    workers=st.integers(1, 4),
)
def test_no_kill_or_clock_spends_more_time_than_the_budget_and_one_rung(table, hours, kills, workers):
    limits = Limits(hours=hours, gpu_hours=hours * workers)
    search = Search(table, limits, workers=workers, gpus=1.0)
    for ends, change in [*kills, (None, 0.0)]:
        if search.run(ends=ends, clock_change=change):
            break
    assert search.spent.seconds <= hours + longest_rung(table)
    assert search.spent.gpu_seconds <= (hours + longest_rung(table)) * workers


@pytest.mark.parametrize("sampler", ["cost_aware", "tpe"])
def test_the_same_seed_is_the_same_search_under_a_budget(table, sampler):
    one, other = (Search(table, Limits(epochs=100), sampler={"name": sampler, "startup_trials": 4}) for _ in range(2))
    assert (one.run(), other.run()) == (True, True)
    assert [trial.params for trial in one.trials] == [trial.params for trial in other.trials]
    assert 88 < one.spent.epochs == other.spent.epochs <= 100


@pytest.mark.parametrize("kills", [[], [3, 3]])
def test_so_many_networks_begin_and_a_continuation_is_no_other(table, kills):
    search = Search(table, Limits(), asked=20, sampler={"name": "cost_aware", "startup_trials": 4}, workers=2)
    for ends in [*kills, None]:
        if search.run(ends=ends):
            break
    begun = [trial for trial in search.trials if ARCH in trial.user_attrs]
    continued = [trial for trial in begun if CONTINUES in trial.user_attrs]
    assert continued, "the sampler takes up what was stopped"
    assert len({str(trial.params) for trial in begun}) == len(begun) - len(continued) == 20


def test_the_last_tenth_continues_stopped_networks(table):
    """A sampler that never asks for a stopped network again leaves them to the end of the budget."""
    continued = 0
    for seed in range(3):
        search = Search(table, Limits(epochs=300), seed=seed)
        search.run()
        late = [trial for trial in search.trials if CONTINUES in trial.user_attrs]
        continued += len(late)
        first = min((trial.number for trial in late), default=len(search.trials))
        trained = sum(search.epochs_of(trial) for trial in search.trials if trial.number < first)
        assert trained >= 0.8 * 300, "what ran beside is not over yet"
    assert continued > 0


@examples(5)
@given(
    kills=st.lists(st.integers(1, 6), max_size=3),
    limit=st.one_of(st.none(), st.integers(60, 250)),
    workers=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_the_networks_of_the_answer_are_trained_again(table, kills, limit, workers, seed):
    search = Search(table, Limits(epochs=limit), asked=12 if limit is None else None, workers=workers, seed=seed, confirm=3)
    for ends in [*kills, None]:
        if search.run(ends=ends):
            break
    again = [trial for trial in search.trials if CONFIRMS in trial.user_attrs]
    groups = {
        first: [trial for trial in again if trial.user_attrs[CONFIRMS] == first]
        for first in {trial.user_attrs[CONFIRMS] for trial in again}
    }
    for first, group in groups.items():
        assert {str(trial.params) for trial in group} == {str(search.trials[first].params)}
        assert sorted(trial.user_attrs[SEED] - seed for trial in group) == list(range(1, len(group) + 1))
        assert len(group) <= 2
    if limit is None:
        networks = [trial for trial in search.trials if ARCH in trial.user_attrs and trial not in again]
        assert len({str(trial.params) for trial in networks if CONTINUES not in trial.user_attrs}) == 12
        assert first_to_confirm(trainings_of(search.config, search.trials, TrialNetworks()), 3) is None
        assert groups
    else:
        assert search.spent.epochs <= limit
