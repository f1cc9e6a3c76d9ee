"""The cost of a search: the competitors run under the same terms, and the table gives the results of the runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.search_cost.competitors import COMPETITORS, Competitor, MoashaSettings
from benchmarks.search_cost.runs import Run, Terms, run, run_all
from benchmarks.search_cost.summary import best_peer, interval, markdown, median_to
from dite_search.simulation.simulator import replay, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from tests.dite_search.tables import A, B, C, D, write_folder
from tests.profiles import examples

PLAIN = next(competitor for competitor in COMPETITORS if competitor.name == "random")
CURVES = (
    (A, 0, (0.1, 0.2, 0.3, 0.4), 3.0),
    (B, 0, (0.1, 0.3, 0.3, 0.6), 2.0),
    (C, 0, (0.2, 0.4, 0.4, 0.5), 4.0),
    (D, 0, (0.1, 0.5, 0.6, 0.9), 1.0),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("search_cost") / "table", *CURVES)


@pytest.fixture(scope="module")
def terms(folder):
    return Terms(table=str(folder), workers=2, epochs=60)


def steps(*pairs: tuple[int, float]) -> Run:
    return Run(steps=pairs, spent=max((epochs for epochs, _ in pairs), default=0), trials={"complete": 2, "stopped": 1})


def test_a_run_is_the_replay_of_its_search(folder, terms):
    table = load_table(folder)
    for seed in range(5):
        own = run(PLAIN, table, terms, seed)
        config = replayed_config(table, PLAIN.changes)
        other = replay(table, config, workers=2, max_epochs=60, target=terms.target, seed=seed)
        assert (own.spent, own.trials) == (other.spent, other.trials)
        for fraction in (0.3, 0.6, 0.9, 0.99):
            assert own.epochs_to(fraction) == (other.epochs_to(fraction) or math.inf)


def test_a_budget_counts_for_all_and_is_told_to_the_gated_alone(folder):
    table = load_table(folder)
    costs = sorted(table.values()[:, 1])
    terms = Terms(table=str(folder), workers=1, epochs=60, budget=(f"mmacs <= {costs[1]}",))
    gated = Competitor(name="gated", label="", group="peer", changes=PLAIN.changes | {"reuse": True})
    ungated = Competitor(name="ungated", label="", group="peer", changes=gated.changes, gated=False)
    spent = [{run(who, table, terms, seed).epochs_to(0.99) for seed in range(10)} for who in (gated, ungated)]
    assert spent[0] == {8}
    assert min(spent[1]) >= 8
    assert max(spent[1]) > 8


@pytest.mark.slow
def test_what_is_kept_is_not_run_again(terms, tmp_path):
    first = run_all([PLAIN], terms, range(2), output=tmp_path, jobs=1)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
    assert len(files) == 2
    again = run_all([PLAIN], terms, range(2), output=tmp_path, jobs=1)
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == files


def test_the_table_holds_medians_quartiles_and_ratios():
    ours = Competitor(name="ours", label="this search", group="ours")
    gp = Competitor(name="gp", label="GP", group="peer")
    runs = {
        "random": [steps((10, 0.95), (epochs, 0.99)) for epochs in (100, 200, 300, 400)],
        "gp": [steps((10, 0.95), (epochs, 0.99)) for epochs in (40, 80, 100, 120)],
        "ours": [*(steps((5, 0.9), (epochs, 0.99)) for epochs in (20, 20, 30)), steps((5, 0.91))],
    }
    assert best_peer([PLAIN, gp, ours], runs) == gp
    rows = markdown([PLAIN, gp, ours], runs, epochs=500, against=[PLAIN, gp]).splitlines()
    assert rows[2] == "| random search | 10 (10 to 10) | 250 (150 to 350) | 0 of 4 | 2, 1 | 1.00 | 2.78 |"
    assert rows[4] == "| this search | 5 (5 to 5) | 25 (20 to > 500) | 1 of 4 | 2, 1 | 0.10 | 0.28 |"


def test_a_median_that_was_never_reached_has_no_ratio():
    ours = Competitor(name="ours", label="this search", group="ours")
    runs = {"random": [steps((100, 1.0))], "ours": [steps((5, 0.9))]}
    assert math.isinf(median_to(runs["ours"], 0.99))
    assert "| > 500 (> 500 to > 500) | 1 of 1 | 2, 1 | – |" in markdown([ours], runs, epochs=500, against=[PLAIN])


def test_the_interval_holds_the_ratio_and_knows_no_chance_where_there_is_none():
    few, many = [steps((50, 1.0))] * 5, [steps((epochs, 1.0)) for epochs in (80, 100, 125)]
    assert interval(few, few, 0.99) == (1.0, 1.0)
    low, high = interval(few, many, 0.99)
    assert low < 0.5 < high


class TestMoasha:
    """Syne Tune's scheduler under the rules of a replay."""

    @pytest.fixture(autouse=True)
    def _syne_tune(self):
        pytest.importorskip("syne_tune.optimizer.schedulers.multiobjective.moasha")

    @examples(200)
    @given(rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=30))
    def test_decisions_are_those_of_the_original(self, rows):
        from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import NonDominatedPriority
        from syne_tune.optimizer.schedulers.multiobjective.non_dominated_priority import (
            compute_epsilon_net,
            pareto_efficient,
        )

        from benchmarks.search_cost.peers.moasha import AsDocumented, AsReleased

        objectives = np.array(rows, np.float64)
        released = AsReleased()(objectives)
        assert sorted(released) == list(range(len(rows)))
        assert released[-1] == NonDominatedPriority()(objectives)[-1]
        places, left = np.empty(len(rows)), np.arange(len(rows))
        while len(left):
            front = pareto_efficient(objectives[left])
            places[left[front]] = len(rows) - len(left) + compute_epsilon_net(objectives[left[front]], dim=0)
            left = left[~front]
        documented = AsDocumented()(objectives)
        assert sorted(documented) == list(range(len(rows)))
        assert documented[-1] == places[-1]

    @pytest.mark.parametrize("documented", [False, True])
    def test_every_epoch_counts_and_only_complete_trials_do(self, folder, terms, documented):
        table = load_table(folder)
        moasha = Competitor(
            name="moasha", label="", group="peer", moasha=MoashaSettings(reduction_factor=2, documented=documented)
        )
        runs = [run(moasha, table, terms, seed) for seed in range(5)]
        assert runs == [run(moasha, table, terms, seed) for seed in range(5)]
        for found in runs:
            ended = 4 * found.trials["complete"] + found.trials["stopped"]
            assert ended <= found.spent <= ended + 3 * (found.trials["stopped"] + found.trials["running"])
            assert found.spent <= terms.epochs
        assert sum(found.trials["stopped"] for found in runs) > 0

    def test_a_lone_trial_runs_to_its_end(self, folder):
        found = run(
            Competitor(name="moasha", label="", group="peer", moasha=MoashaSettings()),
            load_table(folder),
            Terms(table=str(folder), workers=1, epochs=4),
            seed=0,
        )
        assert found.trials == {"complete": 1, "stopped": 0, "failed": 0, "running": 0}
