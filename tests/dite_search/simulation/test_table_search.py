"""Searches over a table from elsewhere: every sampler, gate, rungs and hypervolume, with no family of networks."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.front import hypervolume
from dite_search.simulation.simulator import replay, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run
from tests.dite_search.foreign_tables import rising, write_table
from tests.profiles import examples


def loss(row: int, width: int, operation: str, seed: int, epoch: int) -> float:
    return round(2.0 - rising(row, width, operation, seed, epoch), 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tables") / "cells", epochs=range(1, 10))


@pytest.fixture(scope="module")
def table(folder):
    return load_table(folder)


@pytest.fixture(scope="module")
def losses(tmp_path_factory):
    return load_table(write_table(tmp_path_factory.mktemp("tables") / "l", epochs=range(1, 10), score=loss, column="loss"))


def test_a_table_knows_its_networks_values_and_front(table):
    assert len(table) == 6
    assert "n3" in table
    assert table.config.search_space.networks[3] in table
    assert table.finals["n2"] == {
        "epoch": 9, "accuracy": rising(2, 16, "conv", 0, 9), "macs": 16010.0, "params": 1600.0
    }  # fmt: skip
    assert table.values()[:, 1].tolist() == [8010.0, 8000.0, 16010.0, 16000.0, 32010.0, 32000.0]
    assert table.front == ("n0", "n1", "n2", "n4")
    assert (table.epochs, table.timed, set(table.seeds.values())) == (54, False, {2})


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2", "qmc", "grid", "cost_aware"])
def test_every_sampler_finds_the_whole_front(table, sampler):
    config = replayed_config(table, {"sampler": {"name": sampler}, "scheduler": {"name": "none"}})
    result = replay(table, config, workers=2, seed=3)
    assert (result.fractions[-1], result.trials["complete"]) == (1.0, 6)
    assert result.spent == table.epochs


@pytest.mark.parametrize("sampler", ["random", "cost_aware"])
def test_losses_are_minimised_and_rungs_stop_the_worse(losses, sampler):
    assert losses.directions == ["minimize", "minimize"]
    assert losses.front == ("n0", "n1", "n2", "n4")
    config = replayed_config(losses, {"sampler": {"name": sampler}})
    assert config.rungs == (1, 3)
    results = [replay(losses, config, workers=1, max_trials=6, seed=seed) for seed in range(6)]
    assert sum(result.trials["stopped"] for result in results) > 0
    assert all(0 < result.fractions[-1] <= 1 for result in results)


def test_scores_below_zero_have_a_hypervolume(tmp_path):
    def below(*arguments):
        return rising(*arguments) - 5.0

    table = load_table(write_table(tmp_path / "cells", score=below, column="r2"))
    assert table.reference[0] < table.values()[:, 0].min()
    config = replayed_config(table, {"sampler": {"name": "random"}, "scheduler": {"name": "none"}})
    assert replay(table, config, workers=1, seed=0).fractions[-1] == 1.0


def test_a_least_score_keeps_rungs_from_judging(tmp_path):
    table = load_table(write_table(tmp_path / "cells", epochs=range(1, 10), settings={"least": 5.0}))
    results = [replay(table, table.config, workers=1, max_trials=6, seed=seed) for seed in range(4)]
    assert [result.trials["stopped"] for result in results] == [0] * 4


@examples(10)
@given(seed=st.integers(0, 100), workers=st.integers(1, 3), limit=st.sampled_from([8005, 16005, 20000]))
def test_a_limit_on_any_cost_is_kept(table, seed, workers, limit):
    budget = [f"macs <= {limit}", "params <= 1.6k"]
    plain = {"sampler": {"name": "random"}, "scheduler": {"name": "none"}}
    config = replayed_config(table, {"budget": budget, **plain})
    result = replay(table, config, workers=workers, seed=seed)
    within = [name for name in table.points if table.finals[name]["macs"] <= min(limit, 16010)]
    assert result.trials["complete"] == len(within)
    assert result.fractions[-1] == 1.0


def test_the_same_seed_gives_the_same_replay(table):
    config = replayed_config(table, {"sampler": {"name": "cost_aware", "startup_trials": 2}})
    first, again = (replay(table, config, workers=2, seed=5) for _ in range(2))
    assert np.array_equal(first.epochs, again.epochs)
    assert np.array_equal(first.fractions, again.fractions)


def test_repeats_take_the_seeds_in_turn(table):
    config = replayed_config(table, {"sampler": {"name": "random"}, "repeats": 2, "scheduler": {"name": "none"}})
    assert replay(table, config, workers=1, seed=0).trials["complete"] == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sampler": {"name": "tpes"}}, "table cells: sampler.name: unknown sampler 'tpes': did you mean 'tpe'"),
        (
            {"sampler": {"proxies": ["synflow"]}},
            r"table cells: sampler.proxies must be empty for a table, got \['synflow'\]",
        ),
        ({"trials": 3}, "table cells: unknown field of a replay 'trials'"),
        ({"budget": ["flops <= 3"]}, "table cells: a limit must be on one of macs, params, got one on flops"),
        ({"repeats": 2, "reuse": False}, "table cells: repeats must be 1 where reuse is false, got 2"),
        ({"scheduler": {"grace_period": 9}}, "table cells: grace_period must be at most 8, the last epoch"),
    ],
)
def test_settings_that_are_wrong(table, changes, message):
    with pytest.raises(InvalidInput, match=message):
        replayed_config(table, changes)


def test_the_command_replays_a_folder(folder):
    result = run("replay", folder, "--sampler", "random", "--seeds", 2, "--json")
    shown = json.loads(result.output)
    assert (shown["table"], shown["networks"], shown["objectives"]) == ("cells", 6, ["accuracy", "macs"])
    assert shown["hypervolume"][-1]["never"] == 0


def test_the_command_chooses_curves_and_score(tmp_path):
    folder = write_table(tmp_path / "cells", curves="curves_a.csv")
    write_table(folder, curves="curves_b.csv.gz", column="val_loss")
    assert "choose one with --curves (a, b)" in refused("replay", folder)
    words = ("--sampler", "random", "--seeds", 1, "--json")
    assert json.loads(run("replay", folder, "--curves", "b", *words).output)["objectives"] == ["val_loss", "macs"]
    assert "row 1: must name column f1 once" in refused("replay", folder, "--curves", "a", "--score", "f1")
    assert "--curves must be left out for tiny_128, which has no networks.csv, got a" in refused(
        "replay", "tiny_128", "--curves", "a"
    )


def test_curves_alone_are_no_table(tmp_path):
    folder = write_table(tmp_path / "cells", curves="curves_a.csv")
    (folder / "networks.csv").unlink()
    assert "cells must hold networks.csv or search.yaml beside its curves" in refused("replay", folder)


def test_a_published_table_of_cells(tables):
    table = load_table(tables / "cells_three_seeds", curves="cifar10")
    assert (len(table), set(table.seeds.values()), table.config.rungs) == (15625, {2, 3}, ())
    config = replayed_config(table, {"sampler": {"name": "random"}})
    result = replay(table, config, workers=4, max_trials=20, seed=0)
    assert result.trials["complete"] == 20
    assert 0.5 < result.fractions[-1] < 1
    assert table.hypervolume == hypervolume(table.values(), table.reference, table.directions)
