"""The recording of a table: a real one of two tiny networks, cut in two, and the choice of few networks."""

from __future__ import annotations

import csv
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.recorded_table import TABLES, final_scores, key_of, main, read_table, spread, write_table
from dite_search.config.search_config import load_search

SEARCH = """\
name: two
space:
  base: {input_size: [64, 64], stem_width: 8, widths: [8, 8, 8, 8], modules: [1, 1, 1], blocks_per_module: 1}
  parameters: {kernels_branch1: [1, 2]}
data: {synthetic: {train_images: 6, val_images: 3, seed: 0}}
objectives: [ap_gt, mmacs]
trials: 2
training: {epochs: 2, batch_size: 4, warmup_iterations: 1, validate_every: 1, flip_test: false}
"""


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_recording_goes_on_beside_the_table_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One seed is recorded first. The next recording trains the other seed alone, and its table holds both.

    The table has the name of its search file, and the other metric in last epochs alone.
    """
    search = tmp_path / "table" / "two.yaml"
    search.parent.mkdir()
    search.write_text(SEARCH)
    options = ["recorded_table", "--search", str(search), "--jobs", "1", "--also", "pck", "--output"]
    monkeypatch.setattr(sys, "argv", [*options, str(tmp_path / "first"), "--seeds", "1"])
    main()
    first = rows_of(tmp_path / "first" / "two.csv")
    assert [(row["kernels_branch1"], row["seed"], row["epoch"]) for row in first] == [
        (kernels, "0", epoch) for kernels in "12" for epoch in "12"
    ]
    assert list(first[0]) == ["kernels_branch1", "seed", "epoch", "ap_gt", "pck", "loss", "seconds"]
    assert [bool(row["pck"]) for row in first] == [False, True] * 2
    assert all(0 <= float(row["pck"]) <= 1 for row in first[1::2])
    shutil.copy(tmp_path / "first" / "two.csv", search.parent)
    monkeypatch.setattr(sys, "argv", [*options, str(tmp_path / "second"), "--seeds", "2"])
    main()
    second = rows_of(tmp_path / "second" / "two.csv")
    assert second[:4] == first
    assert [row["seed"] for row in second[4:]] == ["1"] * 4
    assert [row["loss"] for row in second[4:]] != [row["loss"] for row in first]
    assert len(list((tmp_path / "second" / "curves").iterdir())) == 2
    printed = capsys.readouterr().out
    assert "2 trainings are recorded beside the search file, 2 are to be trained" in printed
    assert "2 networks: standard deviation" in printed


@pytest.mark.parametrize("table", sorted(path.parent.name for path in TABLES.glob("*/curves.csv")))
def test_shipped_tables_are_as_they_would_be_written(table: str, tmp_path: Path) -> None:
    space = load_search(TABLES / table / "search.yaml").search_space
    trainings = read_table(space, TABLES / table / "curves.csv")
    write_table(space, trainings, tmp_path / "curves.csv")
    assert (tmp_path / "curves.csv").read_text() == (TABLES / table / "curves.csv").read_text()
    assert final_scores(trainings, "ap_gt").keys() == {key_of(space, point) for point in space.points()}


def test_few_networks_are_spread_over_ranks() -> None:
    points = {(str(width),): {"width": width} for width in range(11)}
    order = {key: -(float(point["width"]) ** 3) for key, point in points.items()}
    assert [point["width"] for point in spread(points, 3, order)] == [10, 5, 0]
    assert spread(points, 11, order) == list(points.values())[::-1]
