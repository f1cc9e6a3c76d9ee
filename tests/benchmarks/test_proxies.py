"""The statistics behind the comparison of proxies, and its files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from benchmarks import proxies
from benchmarks.proxies import (
    bootstrap,
    indicators,
    kendall,
    main,
    partial_kendall,
    partial_spearman,
    read_figures,
)
from benchmarks.recorded_table import final_scores, read_table
from dite_search.config.search_config import load_search
from search_spaces.common.errors import InvalidInput
from search_spaces.families.parameter import Choice
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import named_space
from trainers.evaluation.zero_cost_proxies import PROXIES

NOTHING = np.empty((40, 0))


def drawn(seed: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 40))


def in_order(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, as a column."""
    return np.argsort(np.argsort(values))[:, None].astype(float)


@given(seed=st.integers(0, 10_000), power=st.sampled_from((1, 3, 5)))
def test_what_is_given_is_taken_away(seed: int, power: int) -> None:
    """The textbook's formula for one given column, and ranks do not feel a change of scale."""
    x, y, z = drawn(seed)
    xy, xz, yz = (spearmanr(a, b).statistic for a, b in ((x, y), (x, z), (y, z)))
    expected = (xy - xz * yz) / math.sqrt((1 - xz**2) * (1 - yz**2))
    ranks = in_order(z)
    assert partial_spearman(x**power, y, ranks) == pytest.approx(expected)
    assert partial_spearman(x, y, NOTHING) == pytest.approx(xy)
    assert kendall(x, y**power) == kendalltau(x, y).statistic


def test_a_figure_that_repeats_the_cost_has_nothing_left() -> None:
    """Both follow the cost but for noise of their own: highly correlated, and not at all given the cost."""
    noise_x, noise_y, cost = drawn(2)
    x, y = cost + 0.1 * noise_x, cost + 0.1 * noise_y
    assert partial_spearman(x, y, NOTHING) > 0.95
    assert kendall(x, y) > 0.8
    ranks = in_order(cost)
    assert abs(partial_spearman(x, y, ranks)) < 0.35
    assert abs(partial_kendall(x, y, cost)) < 0.35
    assert math.isnan(partial_spearman(np.exp(cost), y, ranks))
    assert math.isnan(partial_kendall(np.exp(cost), y, cost))


def test_a_figure_that_knows_more_than_the_cost_keeps_it() -> None:
    known, noise, cost = drawn(3)
    accuracy = cost + known
    ranks = in_order(cost)
    assert partial_spearman(known, accuracy, ranks) > 0.7
    assert partial_kendall(known, accuracy, cost) > 0.5
    assert abs(partial_spearman(noise, accuracy, ranks)) < 0.35


def test_intervals_hold_the_mean() -> None:
    """Of 40 normal deviates: the interval is 2·1.96·s/√40 wide, within what 2000 resamples let vary."""
    x = drawn(4)[0]
    low, high = bootstrap(lambda column: float(column.mean()), (x,), resamples=2000)
    assert low < x.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * x.std() / math.sqrt(40), rel=0.1)


def test_indicators_say_every_setting() -> None:
    space = named_space("tiny_128")
    keys = [tuple(map(str, point.values())) for point in space.points()]
    settings = indicators(space, keys)
    assert settings.shape == (128, 3 + 5), "three more than the first width, and one more than the first of the others"
    assert len(np.unique(settings, axis=0)) == 128
    assert set(settings.sum(0)) == {32, 64}, "each value of a width on a quarter of the points, the others on a half"


def two_points() -> SearchSpace:
    return SearchSpace(name="two", base=named_space("tiny_128").base, parameters={"kernels_branch1": Choice(values=(1, 2))})


def test_final_accuracy_is_of_the_last_epoch(tmp_path: Path) -> None:
    file = tmp_path / "curves.csv"
    file.write_text(
        "kernels_branch1,seed,epoch,ap_gt,loss,seconds\n"
        "2,1,1,0.1,1,1\n2,1,2,0.4,1,1\n1,0,2,0.3,1,1\n1,0,1,0.5,1,1\n2,0,1,0.2,1,1\n2,0,2,0.6,1,1\n"
    )
    assert final_scores(read_table(two_points(), file), "ap_gt") == {("1",): [0.3], ("2",): [0.6, 0.4]}


def test_figures_of_another_version_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "proxies.csv"
    file.write_text("kernels_branch1,synflow\n1,2.5\n2,3.5\n")
    expected = ", ".join(["kernels_branch1", *PROXIES])
    with pytest.raises(InvalidInput, match=rf"must have the columns {expected}, got .*: remove it$"):
        read_figures(two_points(), file)
    file.write_text(f"kernels_branch1,{','.join(PROXIES)}\n1{',0.5' * len(PROXIES)}\n")
    with pytest.raises(InvalidInput, match=r"must have a row for each of the 2 points of two: remove it$"):
        read_figures(two_points(), file)


def test_the_whole_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A proxy that is the accuracy itself is told from one that is not; what is measured is not measured again."""
    (tmp_path / "search.yaml").write_text(
        "name: few\nspace: {base: {widths: [16, 32, 48, 64], modules: [1, 1, 1], input_size: [96, 64]}, "
        "parameters: {width_branch1: [8, 16, 24], kernels_branch1: [1, 2]}}\ndata: {synthetic: {}}\ntrials: 6\n"
    )
    space = load_search(tmp_path / "search.yaml").search_space
    accuracies = {arch.arch_id: rank / 10 for rank, arch in zip((3, 1, 4, 0, 5, 2), space.enumerate(), strict=True)}
    calls = []

    def measured(arch, names, *, seed):  # type: ignore[no-untyped-def]
        calls.append(seed)
        value = accuracies[arch.arch_id]
        return {name: value + seed / 3 if name == "synflow" else float(arch.widths[0]) for name in names}

    monkeypatch.setattr(proxies, "measure", measured)
    rows = [(*point.values(), 0, 1, accuracies[space.build(point).arch_id], 0, 0) for point in space.points()]
    names = [*space.parameters, "seed", "epoch", "ap_gt", "loss", "seconds"]
    (tmp_path / "curves.csv").write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]))
    output = tmp_path / "proxies.csv"
    monkeypatch.setattr("sys.argv", ["proxies", f"--table={tmp_path}", f"--output={output}", "--resamples=20"])
    main()
    assert sorted(calls) == [0] * 6 + [1] * 6 + [2] * 6
    figures = read_figures(space, output)
    assert {key: values["synflow"] for key, values in figures.items()} == {
        tuple(map(str, point.values())): pytest.approx(accuracies[space.build(point).arch_id] + 1 / 3, abs=1e-6)
        for point in space.points()
    }
    lines = {line.split("  ")[0]: line.split()[1] for line in capsys.readouterr().out.splitlines() if "[" in line}
    assert lines["synflow"] == "+1.00"
    assert lines["naswot"] != "+1.00"
    main()
    assert len(calls) == 18
