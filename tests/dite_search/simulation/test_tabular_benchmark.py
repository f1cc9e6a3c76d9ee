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
    tables = "drawn_48, table5, tiny_128"
    with pytest.raises(InvalidInput, match=rf"study 'tiny_129' does not exist: .*; recorded tables: {tables}$"):
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
    assert shipped_tables() == ("drawn_48", "table5", "tiny_128")
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
