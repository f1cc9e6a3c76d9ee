"""The figures of inherited scores against trainings, on a table whose answers are known."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.supernet import __main__ as supernet
from benchmarks.supernet import price
from benchmarks.supernet.__main__ import labelled, read_scores, stability
from benchmarks.supernet.spending import Spending
from search_spaces.common.errors import InvalidInput
from search_spaces.space.space_file import named_space

SPACE = named_space("tiny_128")
POINTS = list(SPACE.points())


def ability(point) -> float:
    return 0.1 * math.log2(point["width_branch1"]) + 0.01 * point["kernels_branch1"]


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "search.yaml").write_text("name: x\nspace: tiny_128\ndata: {synthetic: {}}\ntrials: 128\n")
    noise = np.random.default_rng(0).normal(scale=1e-4, size=(len(POINTS), 3))
    write(
        tmp_path / "curves.csv",
        [
            {**point, "seed": seed, "epoch": epoch, "ap_gt": ability(point) * epoch / 12 + noise[number, seed]}
            for number, point in enumerate(POINTS)
            for seed in range(3)
            for epoch in (6, 12)
        ],
    )
    return tmp_path


def scores(path: Path, value) -> Path:
    return write(path, [{"arch_id": "x", **point, "inherited_ap_gt": value(point), "seconds": 1} for point in POINTS])


def test_a_ranking_that_favours_depth_is_flagged_and_loses_nothing_else(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = scores(table / "right.csv", ability)
    deep = scores(table / "deep.csv", lambda point: ability(point) + 0.005 * point["modules_stage3"])
    options = ["--table", str(table), "--resamples", "20", "--epochs", "20", "--scores", f"right={right}"]
    monkeypatch.setattr("sys.argv", ["supernet", *options, "--scores", f"deep={deep}"])
    supernet.main()
    printed = capsys.readouterr().out
    first, second = printed.split("deep: 128 networks")
    assert "right: 128 networks, inherited from 0.310 to 0.520" in first
    assert "modules_stage3" in first
    assert "apart" not in first
    (flagged,) = [line for line in second.splitlines() if line.endswith("apart")]
    assert flagged.split()[0] == "modules_stage3"
    regret = next(line for line in first.splitlines() if line.startswith("right  ") and line.endswith("%"))
    assert [float(cell) for cell in regret.split()[1:4]] == pytest.approx([0.0, 0.0, 0.0], abs=2e-3)
    assert "right and deep: Spearman +0.9" in printed
    assert "epochs of one network: supernet 80, scores 189, finalists 144, in all 413" in printed


def test_the_price_of_a_score_is_that_of_its_forward_passes() -> None:
    """On COCO 8,352 images forward are two hundredths of an epoch of 149,813 with its backward passes."""
    spending = Spending(
        epochs=270, subnets=4, scored=2000, images=8352, training_images=149_813, finalists=12, finalist_epochs=270
    )
    assert spending.parts == {"supernet": 1080.0, "scores": pytest.approx(37.2, abs=0.1), "finalists": 3240.0}
    weighted = spending.weighted([636.0, 77.0, 239.0, 239.0], 239.0, 199.0, 199.0)
    assert weighted["supernet"] == pytest.approx(270 * 5.98, rel=0.01)
    assert weighted["finalists"] == spending.parts["finalists"]


def test_tables_are_compared_over_the_networks_of_both(tmp_path: Path) -> None:
    whole = read_scores(SPACE, scores(tmp_path / "a.csv", ability))
    part = {key: -value for key, value in list(whole.items())[:50]} | {("another",): 1.0}
    assert stability(whole, whole) == pytest.approx(1.0)
    assert stability(whole, part) == pytest.approx(-1.0)


def test_files_and_options_of_another_kind_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", [{"width_branch1": 8}])
    with pytest.raises(InvalidInput, match="must have the columns of space tiny_128 and inherited_ap_gt, but lacks width_b"):
        read_scores(SPACE, path)
    with pytest.raises(InvalidInput, match="--scores must be LABEL=FILE, got 'x'"):
        labelled("x")


def test_prices_are_counted_in_epochs_and_by_multiply_accumulates() -> None:
    """A network of twice the unit's MACs costs two epochs of the unit an epoch; early stopping spares its part."""
    spending = Spending(epochs=10, subnets=2, scored=30, images=100, training_images=100, finalists=3, finalist_epochs=20)
    weighted = spending.weighted([3.0, 1.0], 2.0, 2.0, 1.0)
    assert price.rows_of(spending, weighted, 2.0, 5, 0.6)[2:] == [
        "| supernet | 20 | 40 | 2.0 |",
        "| scores | 10 | 20 | 1.0 |",
        "| finalists | 60 | 120 | 6.0 |",
        "| in all | 90 | 180 | 9.0 |",
        "| 5 trainings | 100 | 200 | 10.0 |",
        "| 5 trainings, stopped early | 40 | 80 | 4.0 |",
    ]


def test_a_price_is_that_of_the_networks_that_a_training_draws(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["price", "--space", "tiny_128", "--steps", "5", "--people", "1000", "--trainings", "7"])
    price.main()
    drawn, _, _, *rows = capsys.readouterr().out.splitlines()
    largest, smallest, *others = (float(word) for word in drawn.rpartition(": ")[2].split(", "))
    assert smallest <= min(others) <= max(others) <= largest
    assert rows[0].startswith("| supernet | 480 |")
    assert rows[-2].startswith("| 7 trainings | 1,890 |")
