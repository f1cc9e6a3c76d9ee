"""The study of a replay holds what Optuna's own storage would."""

from __future__ import annotations

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from dite_search.simulation.replay_study import ReplayStorage, create_replay
from dite_search.simulation.simulator import Simulation, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from tests.dite_search.foreign_tables import write_table


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return load_table(write_table(tmp_path_factory.mktemp("tables") / "cells", epochs=range(1, 10)))


@pytest.mark.parametrize("sampler", ["random", "tpe", "cost_aware"])
def test_a_search_is_the_same_in_both_storages(table, sampler):
    config = replayed_config(table, {"sampler": {"name": sampler, "startup_trials": 2}, "seed": 3})

    def trials(storage):
        create_replay(config, storage)
        simulation = Simulation(
            config, lambda network, repeat: table.curve(network.arch_id, repeat), workers=2, storage=storage, max_trials=8
        )
        ended = [(one.arch.arch_id, one.status, one.epochs, one.seconds) for one in simulation.run()]
        study = optuna.load_study(study_name=config.name, storage=storage)
        times = ("seconds", "started")
        kept = [
            (one.params, one.values, one.state, {k: v for k, v in one.user_attrs.items() if k not in times})
            for one in study.trials
        ]
        return ended, kept

    assert trials(ReplayStorage()) == trials(InMemoryStorage())


def test_a_trial_that_ended_is_not_changed():
    study = optuna.create_study(storage=ReplayStorage())
    trial = study.ask()
    trial.set_user_attr("a", 1)
    assert trial.user_attrs == {"a": 1}
    study.tell(trial, 0.5)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError, match="finished"):
        trial.set_user_attr("a", 2)
    assert study.trials[0].user_attrs == {"a": 1}


def test_a_grid_waits_in_the_order_of_the_table(table):
    storage = ReplayStorage()
    config = replayed_config(table, {"sampler": {"name": "grid"}})
    assert create_replay(config, storage) == ()
    trials = optuna.load_study(study_name=config.name, storage=storage).get_trials(states=(TrialState.WAITING,))
    assert [trial.system_attrs["fixed_params"] for trial in trials] == list(config.search_space.points())
