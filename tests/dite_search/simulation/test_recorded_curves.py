"""`curves.csv` of a search: each kind of wrong row is answered with its place."""

from __future__ import annotations

import pytest

from dite_search.simulation.tabular_benchmark import load_table
from search_spaces.common.errors import InvalidInput
from tests.dite_search.tables import A, B, C, D, write_folder

FOUR = ((A, 0, (0.1, 0.2), 3.0), (B, 0, (0.1, 0.3), 2.0), (C, 0, (0.1, 0.4), 4.0), (D, 0, (0.1, 0.5), 1.0))


def broken(folder, change):
    write_folder(folder, *FOUR)
    file = folder / "curves.csv"
    rows = [row.split(",") for row in file.read_text().splitlines()]
    assert rows[0] == ["width_branch1", "modules_stage3", "seed", "epoch", "ap_gt", "loss", "seconds"]
    change(rows)
    file.write_text("".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(InvalidInput) as caught:
        load_table(folder)
    return str(caught.value).removeprefix(str(file)).strip()


def cell(row, column, value):
    return lambda rows: rows[row - 1].__setitem__(column, value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (cell(1, 4, "ap"), "row 1: must name column ap_gt once, got width_branch1, modules_stage3, seed, epoch, ap, "),
        (cell(1, 5, "los"), "row 1: unknown column 'los': did you mean 'loss'? known: ap_gt, epoch, loss, "),
        (cell(1, 3, "seed"), "row 1: must name column seed once, got "),
        (cell(3, 0, "9"), "row 3: width_branch1 must be one of 8, 16, got '9'"),
        (cell(3, 2, "x"), "row 3: seed must be a whole number, got 'x'"),
        (cell(3, 3, "1.5"), "row 3: epoch must be a whole number, got '1.5'"),
        (cell(2, 3, "2"), "row 2: epoch must be 1, the next one of this training, got 2"),
        (cell(4, 3, "3"), "row 4: epoch must be 1, the next one of this training, got 3"),
        (cell(5, 0, "8"), "row 5: epoch must be at most 2, got 2"),
        (cell(3, 4, "20"), "row 3: ap_gt must be a fraction from 0 to 1, got '20'"),
        (cell(3, 4, "nan"), "row 3: ap_gt must be a fraction from 0 to 1, got 'nan'"),
        (cell(3, 4, ""), "row 3: ap_gt must be given in the last epoch"),
        (cell(3, 5, "-1"), "row 3: loss must be a number of at least 0, got '-1'"),
        (cell(3, 6, "inf"), "row 3: seconds must be a number of at least 0, got 'inf'"),
        (cell(3, 6, "3"), "row 3: seconds must be above 3, those of the epoch before, got 3"),
        (cell(3, 6, ""), "row 3: seconds must be given in every epoch"),
        (lambda rows: rows[3].pop(), "row 4: must have 7 cells, got 6"),
        (lambda rows: rows[3].append("1"), "row 4: must have 7 cells, got 8"),
        (lambda rows: rows[3].__setitem__(0, 'a"'), "row 4: width_branch1 must be one of 8, 16, got 'a\"'"),
        (lambda rows: rows.clear(), "row 1: must name column width_branch1 once, got "),
        (lambda rows: rows.__delitem__(slice(1, None)), "must hold at least one training, got none"),
    ],
)
def test_a_broken_file_is_answered_with_its_row(tmp_path, change, sentence):
    assert broken(tmp_path / "drawn", change).startswith(sentence)


def test_a_training_that_was_cut_off(tmp_path):
    last = {}

    def change(rows):
        rows.pop()
        last.update(zip(("width_branch1", "modules_stage3"), map(int, rows[-1]), strict=False))

    found = broken(tmp_path / "drawn", change)
    assert last == D
    arch_id = load_table(write_folder(tmp_path / "whole", *FOUR)).config.search_space.build(D).arch_id
    rule = f": every training must have epochs 1 to 2, but that of network {arch_id} with seed 0 ends after 1"
    assert found == rule


def test_a_file_that_is_no_text(tmp_path):
    folder = write_folder(tmp_path / "drawn", *FOUR)
    (folder / "curves.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match=r"curves\.csv must be UTF-8 text with comma-separated values: "):
        load_table(folder)
