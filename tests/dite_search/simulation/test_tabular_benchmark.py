"""Recorded tables: read from a folder, from a study, or from what is published; and what they hold."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from analysis.pareto.front import non_dominated
from dite_search.driver.searcher import StudySearch
from dite_search.simulation.tabular_benchmark import TABLES, load_table, shipped_tables
from dite_search.study.study import create_study
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.search_space import SearchSpace
from tests.dite_search.tables import A, B, C, D, write_folder

FOUR = ((A, 0, (0.1, 0.2), 3.0), (B, 0, (0.1, 0.3), 2.0), (C, 0, (0.1, 0.4), 4.0), (D, 0, (0.1, 0.5), 1.0))


@pytest.fixture
def table(tmp_path):
    return load_table(write_folder(tmp_path / "drawn", *FOUR))


def ids(space: SearchSpace, *points) -> tuple[str, ...]:
    return tuple(space.build(point).arch_id for point in points)


def test_what_is_written_is_read(table):
    space = table.config.search_space
    assert (table.name, len(table), table.left_out, table.epochs, table.timed) == ("drawn", 4, 0, 8, True)
    assert list(space.points()) == [A, B, C, D]
    assert dict(table.points) == dict(zip(ids(space, A, B, C, D), (A, B, C, D), strict=True))
    assert list(table.curve(ids(space, C)[0])) == [
        {"epoch": 1, "ap_gt": 0.1, "loss": 1.0, "seconds": 4.0},
        {"epoch": 2, "ap_gt": 0.4, "loss": 0.5, "seconds": 8.0},
    ]


def test_values_are_those_of_the_last_epoch_beside_exact_costs(table):
    space = table.config.search_space
    mmacs = [cost_of(space.build(point)).mmacs for point in (A, B, C, D)]
    assert mmacs[0] < mmacs[2] < mmacs[1] < mmacs[3]
    assert table.values().tolist() == [[score, cost] for score, cost in zip((0.2, 0.3, 0.4, 0.5), mmacs, strict=True)]
    assert table.front == ids(space, A, C, D)
    assert table.reference.tolist() == [0.0, pytest.approx(1.1 * mmacs[3])]
    corner = 1.1 * mmacs[3]
    area = 0.2 * (corner - mmacs[0]) + (0.4 - 0.2) * (corner - mmacs[2]) + (0.5 - 0.4) * (corner - mmacs[3])
    assert table.hypervolume == pytest.approx(area, rel=1e-12)


def test_a_network_is_in_the_table_as_itself_and_by_its_id(tmp_path):
    table = load_table(write_folder(tmp_path / "drawn", *FOUR[:2]))
    space = table.config.search_space
    assert space.build(A) in table
    assert space.build(B).arch_id in table
    assert space.build(C) not in table
    assert "nothing" not in table


def test_seeds_follow_one_another_and_wrap_round(tmp_path):
    more = ((A, 5, (0.0, 0.9), 2.0), (A, 0, (0.1, 0.2), 3.0), (B, 0, (0.1, 0.3), 2.0))
    table = load_table(write_folder(tmp_path / "drawn", *more))
    first, second = ids(table.config.search_space, A, B)
    assert table.seeds == {first: 2, second: 1}
    assert [table.curve(first, repeat)[-1]["ap_gt"] for repeat in range(4)] == [0.2, 0.9, 0.2, 0.9]
    assert table.curve(second, 7) == table.curve(second)
    assert table.finals[first]["ap_gt"] == 0.2, "the first seed counts"


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
    (arch_id,) = ids(load_table(write_folder(tmp_path / "whole", *FOUR)).config.search_space, D)
    rule = f": every training must have epochs 1 to 2, but that of network {arch_id} with seed 0 ends after 1"
    assert found == rule


def test_a_file_that_is_no_text(tmp_path):
    folder = write_folder(tmp_path / "drawn", *FOUR)
    (folder / "curves.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match=r"curves\.csv must be UTF-8 text with comma-separated values: "):
        load_table(folder)


def test_a_table_varies_the_network_alone(tmp_path):
    folder = write_folder(tmp_path / "drawn", *FOUR, sampler={"name": "random"})
    file = folder / "search.yaml"
    fields = yaml.safe_load(file.read_text())
    fields["space"]["parameters"]["learning_rate"] = [0.001, 0.002]
    file.write_text(yaml.safe_dump(fields))
    with pytest.raises(InvalidInput) as caught:
        load_table(folder)
    assert "must vary the network alone, but its space has learning_rate" in str(caught.value)


def test_a_name_that_is_neither_a_table_nor_a_study(tmp_path):
    with pytest.raises(InvalidInput, match=r"study 'tiny_129' does not exist: .*; recorded tables: table5, tiny_128$"):
        load_table("tiny_129", directory=tmp_path)


@pytest.fixture
def finished(make_search):
    """A study of eight trials, of which two can be replayed: one network with two seeds, one with one."""

    def train(search, trial_id, epochs, score):
        suggestion = search.suggest(trial_id)
        result = {}
        for epoch in epochs:
            result = {"epoch": epoch, "loss": 0.1, "ap_gt": score * epoch, "seconds": 2.0 * epoch}
            search.on_trial_result(trial_id, result)
        search.on_trial_complete(trial_id, result)
        return suggestion

    space = {"base": "tiny", "parameters": {"widths": None, "kernels_branch1": None, "kernels_branch2": None}}
    config = make_search(space=space, repeats=2, trials=8, sampler={"name": "random"})
    create_study(config)
    search = StudySearch(config)
    points = [
        train(search, f"t{index}", epochs, score)["point"]
        for index, (epochs, score) in enumerate(
            [((1, 2), 0.1), ((1, 2), 0.2), ((1, 2), 0.3), ((2,), 0.4), ((1,), 0.4), ((2,), 0.1), ((2,), 0.2)]
        )
    ]
    search.suggest("running")
    return config, points


def test_a_finished_study_is_a_table_of_its_whole_trials(finished):
    config, points = finished
    table = load_table("small", directory=config.directory)
    first, second = ids(config.search_space, points[0], points[2])
    assert points[0] == points[1]
    assert points[2] == points[3]
    assert dict(table.points) == {first: points[0], second: points[2]}
    assert [table.curve(first, repeat)[-1]["ap_gt"] for repeat in (0, 1)] == [0.2, 0.4]
    assert table.curve(second)[0] == {"epoch": 1, "loss": 0.1, "ap_gt": 0.3, "seconds": 2.0}
    assert table.values()[:, 0].tolist() == [0.2, 0.6]
    assert table.left_out == 3, "complete, without their first epoch"


def test_a_study_without_a_whole_trial_cannot_be_replayed(make_search):
    config = make_search()
    create_study(config)
    search = StudySearch(config)
    search.suggest("t")
    search.on_trial_complete("t", {"epoch": 2, "ap_gt": 0.5})
    with pytest.raises(
        InvalidInput, match=r"study small cannot be replayed: none of its trials is complete with a curve for every epoch"
    ):
        load_table(config.study_directory)


def test_a_latency_of_a_study_is_among_the_values(make_search):
    config = make_search(objectives=["ap_gt", "latency_ms"], training={"epochs": 1, "batch_size": 16})
    create_study(config)
    search = StudySearch(config)
    search.suggest("t")
    search.on_trial_result("t", {"epoch": 1, "loss": 0.1, "ap_gt": 0.5, "seconds": 1.0})
    search.on_trial_complete("t", {"loss": 0.1, "ap_gt": 0.5, "latency_ms": 3.5})
    assert load_table(config.study_directory).values().tolist() == [[0.5, 3.5]]


def test_the_tables_that_come_with_the_program():
    assert shipped_tables() == ("table5", "tiny_128")
    for name in shipped_tables():
        assert (TABLES / name / "search.yaml").read_text().startswith("# "), "a table says what it is"


def test_table5_is_the_papers(reference):
    table = load_table("table5")
    rows = json.loads((reference / "paper_tables.json").read_text())["table5_groups_kernels_dite_hrnet_18_256x192"]
    expected = {("-".join(map(str, row["groups"])), "-".join(map(str, row["kernels"]))): row["ap"] / 100 for row in rows}
    assert len(table) == 16
    scores = dict(zip(((p["groups"], p["kernels"]) for p in table.points.values()), table.values()[:, 0], strict=True))
    assert scores == pytest.approx(expected)
    assert table.config.objectives == ("ap_det", "mmacs_paper")
    assert all([entry["epoch"] for entry in table.curve(arch_id)] == [270] for arch_id in table.points)
    assert not table.timed
    assert table.epochs == 16 * 270


def test_tiny_128_has_every_network_trained_to_the_end():
    table = load_table("tiny_128")
    space = table.config.search_space
    assert set(table.points) == {arch.arch_id for arch in space.enumerate()}
    assert len(table) == 128
    assert sorted(table.seeds.values()) == [1] * 113 + [3] * 15
    assert table.timed
    for curves in table.curves.values():
        for curve in curves:
            assert [entry["epoch"] for entry in curve] == list(range(1, 13))
            assert curve[-1]["loss"] < curve[0]["loss"]
            assert all(0 < entry["loss"] < 1 for entry in curve)
            assert curve[-1]["ap_gt"] > curve[0]["ap_gt"]
    finals = table.values()[:, 0]
    assert finals.min() > 0.02
    assert 0.4 < finals.max() < 0.95
    assert np.ptp(finals) > 0.1, "networks differ in what they reach"
    assert 3 <= len(table.front) <= 40
    assert non_dominated(table.values(), table.directions).sum() == len(table.front)
    repeated = [arch_id for arch_id, seeds in table.seeds.items() if seeds == 3]
    spreads = [np.ptp([table.curve(arch_id, repeat)[-1]["ap_gt"] for repeat in range(3)]) for arch_id in repeated]
    assert all(0 < spread < 0.4 for spread in spreads), "seeds differ, by less than networks do"
