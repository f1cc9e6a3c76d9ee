"""The yardstick of searches over tables: what it rewards, that recordings are kept, and the page that is written."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.search_cost.__main__ import main
from benchmarks.search_cost.competitors import COMPETITORS, QNEHVI, judged
from benchmarks.search_cost.page import Results, page
from benchmarks.search_cost.recordings import Archive, Source, behaviour_of, figures_of, record, run_all, sources
from benchmarks.search_cost.yardstick import Ended, Figures, Yardstick, drawn, limits_of, paired
from dite_search.simulation.tabular_benchmark import load_table
from tests.dite_search.foreign_tables import write_rows, write_table
from tests.profiles import examples

BY_NAME = {competitor.name: competitor for competitor in judged()}


def lucky(row: int, width: int, operation: str, seed: int, epoch: int) -> float:
    """The second network scores best with seed 0, and worse than the first on average."""
    means = (0.5, 0.45, 0.6, 0.55, 0.7, 0.65)
    return round(means[row] + (0.3 if row == 1 else 0.0) * (1 - 2 * seed), 6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("tables") / "cells", score=lucky, epochs=(1, 2))


@pytest.fixture(scope="module")
def yardstick(folder):
    return Yardstick(load_table(folder))


def ended(*networks: tuple[str, int]) -> list[Ended]:
    """Trainings of two epochs each, one after the other."""
    return [Ended(epochs=2 * place, network=name, training=seed) for place, (name, seed) in enumerate(networks, start=1)]


def figures(yardstick, *networks: tuple[str, int]) -> Figures:
    return yardstick.figures(ended(*networks), seed=0, budgets=[100])[0]


def test_a_search_that_recommends_the_best_under_every_limit_has_no_regret(yardstick):
    best = figures(yardstick, *((f"n{row}", 0) for row in (0, 2, 4)))
    assert best.regret == pytest.approx(0.0)
    assert best.means < 1.0, "n1 is cheaper than n0"
    assert figures(yardstick, *((f"n{row}", 0) for row in (0, 2, 3, 4, 5))).regret == pytest.approx(0.0)


def test_luck_is_seen_and_regretted(yardstick):
    """With seed 0 the second network scores 0.75, more than all others; its mean of 0.45 is what it is worth."""
    honest, misled = figures(yardstick, ("n4", 0)), figures(yardstick, ("n4", 0), ("n1", 0))
    within = yardstick.limits >= 32010
    means = np.where(within, 0.7, np.where(yardstick.limits >= 16010, 0.6, 0.5))
    assert misled.regret == pytest.approx(float((means - 0.45).mean()))
    assert misled.seen > honest.seen


def test_without_a_network_within_a_limit_the_regret_is_that_of_chance(yardstick):
    nothing = yardstick.figures([], seed=0, budgets=[2])[0]
    dear = figures(yardstick, ("n4", 0))
    assert (nothing.means, nothing.seen) == (0.0, 0.0)
    assert 0 < dear.regret < nothing.regret


def test_only_what_ended_within_a_budget_counts(yardstick):
    runs = ended(("n0", 0), ("n2", 0), ("n4", 0))
    first, last = yardstick.figures(runs, seed=0, budgets=[2, 6])
    assert first == figures(yardstick, ("n0", 0))
    assert last == figures(yardstick, ("n0", 0), ("n2", 0), ("n4", 0))


@examples(40)
@given(rows=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=8))
def test_figures_keep_their_bounds(yardstick, rows):
    found = figures(yardstick, *((f"n{row}", seed) for row, seed in rows))
    assert found.regret >= -1e-12
    assert 0.0 <= found.means <= 1.0 + 1e-12
    assert found.seen >= 0.0
    more = figures(yardstick, *((f"n{row}", seed) for row, seed in rows), *((f"n{row}", 0) for row in range(6)))
    assert more.seen >= found.seen - 1e-12


def test_losses_are_judged_alike(tmp_path):
    def loss(*arguments):
        return 2.0 - lucky(*arguments)

    other = Yardstick(load_table(write_table(tmp_path / "l", score=loss, epochs=(1, 2), column="loss")))
    accuracies = Yardstick(load_table(write_table(tmp_path / "a", score=lucky, epochs=(1, 2))))
    chosen = (("n1", 0), ("n2", 1))
    assert figures(other, *chosen).regret == pytest.approx(figures(accuracies, *chosen).regret)


def test_limits_are_even_and_by_logarithms_where_costs_differ_tenfold():
    assert limits_of(np.array([10.0, 50.0, 90.0])).tolist() == [20, 30, 40, 50, 60, 70, 80, 90]
    assert limits_of(np.array([1.0, 256.0])) == pytest.approx([2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0])
    assert limits_of(np.array([0.0, 8.0])).tolist() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_every_search_of_a_seed_sees_the_same_training(yardstick):
    chosen = [drawn(seed, "n3", 2) for seed in range(40)]
    assert set(chosen) == {0, 1}
    assert chosen == [yardstick.training(seed, "n3", 0) for seed in range(40)]
    assert [yardstick.training(seed, "n3", 1) for seed in range(40)] == [1 - one for one in chosen]


def test_pairs_take_the_seeds_that_both_have():
    ours = {seed: 1.0 + seed for seed in range(20)}
    others = {seed: 2.0 * (1.0 + seed) for seed in range(10, 30)}
    found = paired(ours, others)
    assert (found.ours, found.others, found.ratio) == (15.5, 31.0, 0.5)
    assert found.ratio_interval == pytest.approx((0.5, 0.5))
    low, high = found.interval
    assert low < found.difference == -15.5 < high < 0
    assert paired({0: 0.0}, {0: 0.0}).ratio == 1.0
    assert math.isinf(paired({0: 1.0}, {0: 0.0}).ratio)
    with pytest.raises(ValueError, match="must have a seed in common"):
        paired({0: 1.0}, {1: 1.0})


def test_a_recording_holds_the_trainings_of_a_search_and_is_kept(folder, tmp_path):
    archive, source = Archive(tmp_path, workers=2), Source(place=str(folder))
    chosen = [BY_NAME["random"], BY_NAME["ours"]]
    tasks = archive.missing(chosen, [source], 2)
    assert [(task.competitor.name, task.seed) for task in tasks] == [
        ("random", 0), ("ours", 0), ("random", 1), ("ours", 1)
    ]  # fmt: skip
    run_all(tasks, jobs=1)
    assert archive.missing(chosen, [source], 2) == []
    kept = archive.read(BY_NAME["random"], source)
    assert list(kept) == [0, 1]
    assert kept[1].ended == record(BY_NAME["random"], source, workers=2, seed=1).ended
    assert (len(kept[1].ended), kept[1].spent) == (100, 200)
    assert len(archive.read(BY_NAME["ours"], source)[0].ended) == 6, "no network is trained again"
    assert archive.read(BY_NAME["tpe"], source) == {}


def test_a_slow_search_has_seeds_of_its_own(folder, tmp_path):
    archive = Archive(tmp_path, workers=2)
    tasks = archive.missing([QNEHVI, BY_NAME["random"]], [Source(place=str(folder))], 30, 2)
    assert [sum(task.competitor.name == name for task in tasks) for name in ("qnehvi", "random")] == [2, 30]


def test_a_slow_search_ends_early_and_has_no_figures_beyond(folder, yardstick):
    slow = replace(BY_NAME["random"], worth=50)
    recordings = {0: record(slow, Source(place=str(folder)), workers=2, seed=0)}
    assert (recordings[0].worth, recordings[0].spent) == (50, 100)
    found = figures_of(recordings, yardstick)
    assert [len(each) for each in found.values()] == [2]
    ours = results_of(yardstick, ours=[0.01])
    text = page([Results(yardstick=yardstick, competitors=judged(), figures={**ours.figures, "gp": found})])
    cells = next(line for line in text.splitlines() if line.startswith("| Optuna GP")).split(" | ")
    assert [place for place, cell in enumerate(cells) if cell == "–"] == [4, 7, 8]


def test_a_search_is_known_by_what_it_does(monkeypatch):
    behaviour_of.cache_clear()
    known = behaviour_of("ours")
    monkeypatch.setattr("dite_search.algorithms.cost_aware.candidate_pool.RANDOM_SHARE", 0.3)
    behaviour_of.cache_clear()
    assert behaviour_of("ours") != known
    behaviour_of.cache_clear()


def test_every_file_of_curves_is_a_table(folder, tmp_path):
    write_table(tmp_path / "b", curves="curves_x.csv")
    write_rows(tmp_path / "b" / "curves_y.csv", ["network"], [])
    assert sources(["tiny_128", str(folder), str(tmp_path / "b")]) == [
        Source(place="tiny_128"),
        Source(place=str(folder)),
        Source(place=str(tmp_path / "b"), curves="x"),
        Source(place=str(tmp_path / "b"), curves="y"),
    ]


def results_of(yardstick, **regrets: list[float]) -> Results:
    return Results(
        yardstick=yardstick,
        competitors=judged(),
        figures={
            name: {seed: [Figures(regrets=(one,) * 8, means=0.5, seen=0.25)] * 3 for seed, one in enumerate(values)}
            for name, values in regrets.items()
        },
    )


def test_the_page_has_a_sentence_for_every_search(yardstick):
    text = page([results_of(yardstick, ours=[0.01, 0.03], random=[0.05, 0.07], tpe=[0.02, 0.02], nsga2=[0.0, 0.01])])
    lines = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    rows = {line[0].strip("| "): line for line in lines if len(line) != 9}
    limits = {line[0].strip("| "): line for line in lines if len(line) == 9}
    assert rows["this search"][1:3] == ["2", "0.02"]
    assert rows["this search"][-1] == "Its regret at 50 is 4.00 times that of the strongest peer, Optuna NSGA-II. |"
    assert rows["random search"][-1] == "At 50 its regret is 0.04 larger than that of this search (0.04 to 0.04). |"
    assert rows["Optuna NSGA-II"][-1] == "At 50 its regret is 0.015 smaller than that of this search (0.01 to 0.02). |"
    assert "cannot be told from that of this search (difference 0, -0.01 to 0.01)" in rows["Optuna TPE"][-1]
    assert rows["cells"][1:3] == ["2", "1.00 (0.50 to 1.50), missed"]
    assert rows["cells"][3] == "Optuna NSGA-II: 4.00 (3.00 to inf), missed"
    assert rows["cells"][4] == "0.33 (0.20 to 0.43), met |"
    assert limits["regret at 50, macs ≤"][1:] == ["1.1e+04", *limits["regret at 50, macs ≤"][2:-1], "3.201e+04 |"]
    assert limits["random search"][1:] == ["0.06"] * 7 + ["0.06 |"]
    fewer = page([results_of(yardstick, ours=[0.01, 0.03], random=[0.05, 0.07], tpe=[0.005])])
    assert "| Optuna TPE: 2.00 (2.00 to 2.00) on 1 seed, missed |" in fewer
    assert "Not recorded: Syne Tune MOASHA, MOASHA, best settings, Optuna GP, BoTorch qLogNEHVI, same candidates." in text
    assert {len(row) for name, row in rows.items() if name in ("search", "this search", "Optuna TPE")} == {10}


def test_one_command_runs_all_and_writes_the_page(folder, tmp_path, capsys):
    words = ["--tables", str(folder.parent), "--output", str(tmp_path / "runs"), "--page", str(tmp_path / "page.md")]
    main([*words, "--seeds", "1", "--jobs", "1", "--only", "ours", "random"])
    assert capsys.readouterr().err.count("cells") == 2
    text = (tmp_path / "page.md").read_text()
    assert "## cells\n\n6 networks with 2 trainings each, of 2 epochs. The score is accuracy, better where larger" in text
    main([*words, "--no-runs"])
    assert (tmp_path / "page.md").read_text() == text
    assert capsys.readouterr().err == ""


def test_qnehvi_finds_the_front_without_a_network_twice(folder):
    found = record(QNEHVI, Source(place=str(folder)), workers=2, seed=0)
    assert sorted(one.network for one in found.ended) == [f"n{row}" for row in range(6)]


def test_names_of_searches_are_those_of_the_other_benchmark():
    assert [one.name for one in judged()][1:7] == [
        *[one.name for one in COMPETITORS][:3],
        *("moasha", "moasha_best", "gp"),
    ]
