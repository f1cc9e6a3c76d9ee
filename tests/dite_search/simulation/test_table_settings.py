"""The meaning of the files and columns of a table: by their names, or by `table.yaml`."""

from __future__ import annotations

import pytest

from dite_search.simulation.table_settings import curve_columns, is_table, network_columns, table_files
from search_spaces.common.errors import InvalidInput
from tests.dite_search.foreign_tables import write_rows, write_table

COLUMNS = ("network", "width", "operation", "params", "macs")


@pytest.fixture
def folder(tmp_path):
    return write_table(tmp_path / "cells")


def settled(folder, **settings):
    return table_files(write_table(folder, settings=settings))


def test_a_folder_needs_no_settings(folder):
    files = table_files(folder)
    assert (files.name, files.networks, files.variants) == ("cells", folder / "networks.csv", {"": folder / "curves.csv"})
    assert files.curves(None) == ("cells", folder / "curves.csv")
    found = network_columns(files, COLUMNS)
    assert (found.parameters, found.costs, found.limits) == (("width", "operation"), ("macs",), ("params",))


def test_a_table_is_known_by_its_files(folder, tmp_path):
    assert is_table(folder)
    assert not is_table(tmp_path)
    (tmp_path / "table.yaml").write_text("{}")
    assert is_table(tmp_path)
    assert is_table(tmp_path / "table.yaml")


def test_settings_may_lie_elsewhere(folder, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("{folder: cells, name: mine, costs: [params, macs], limits: []}")
    files = table_files(file)
    assert (files.name, files.networks) == ("mine", folder / "networks.csv")
    assert network_columns(files, COLUMNS).costs == ("params", "macs")


def test_several_files_of_curves_are_chosen_by_name(folder):
    (folder / "curves.csv").unlink()
    for name in ("curves_a.csv", "curves_b.csv.gz"):
        write_rows(folder / name, ["network"], [])
    files = table_files(folder)
    assert files.curves("b") == ("cells/b", folder / "curves_b.csv.gz")
    with pytest.raises(InvalidInput, match=r"table cells has several files of curves: choose one with --curves \(a, b\)"):
        files.curves(None)
    with pytest.raises(InvalidInput, match="unknown curves of table cells 'c': known: a, b"):
        files.curves("c")
    (folder / "table.yaml").write_text("curves: {first: curves_a.csv, second: curves_b.csv.gz}")
    assert list(table_files(folder).variants) == ["first", "second"]


@pytest.mark.parametrize(
    ("columns", "score", "direction"),
    [
        (("accuracy",), "accuracy", "maximize"),
        (("accuracy", "train_accuracy", "loss"), "accuracy", "maximize"),
        (("val_accuracy", "test_accuracy", "val_loss"), "val_accuracy", "maximize"),
        (("train_loss", "val_loss"), "val_loss", "minimize"),
        (("top1_error",), "top1_error", "minimize"),
        (("cifar10-acc", "train loss"), "cifar10-acc", "maximize"),
        (("train_loss",), "train_loss", "minimize"),
    ],
)
def test_the_score_is_found_by_its_name(folder, columns, score, direction):
    found = curve_columns(table_files(folder), folder / "curves.csv", ["network", "seed", "epoch", *columns])
    assert (found.score, found.direction, found.figures) == (score, direction, columns)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("top1_accuracy", "top5_accuracy"), "of top1_accuracy, top5_accuracy is the score: give score in .*table.yaml"),
        (("reward",), "the name of column reward does not say which way it is better: give direction in .*table.yaml"),
        (("alpha", "beta"), "which of alpha, beta is the score"),
        ((), "which of none is the score"),
    ],
)
def test_names_that_do_not_say_what_the_score_is(folder, columns, message):
    with pytest.raises(InvalidInput, match=message):
        curve_columns(table_files(folder), folder / "curves.csv", ["network", "seed", "epoch", *columns])


def test_settings_say_what_names_do_not(tmp_path):
    files = settled(tmp_path / "t", score="beta", direction="minimize", seed="run", epoch="step", ignore=["gamma"])
    found = curve_columns(files, tmp_path / "t" / "curves.csv", ["network", "run", "step", "alpha", "beta", "gamma"])
    assert (found.score, found.direction, found.figures) == ("beta", "minimize", ("alpha", "beta"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cost": ["macs"]}, "table.yaml: unknown field of a table 'cost': did you mean 'costs'"),
        ({"direction": "up"}, "table.yaml: direction must be 'maximize' or 'minimize', got 'up'"),
        ({"networks": "n.csv"}, r"n\.csv does not exist or is not a file"),
        ({"curves": "c.csv"}, r"c\.csv does not exist or is not a file"),
        ({"costs": []}, "table.yaml: costs must name one to three columns, got 0"),
        ({"costs": ["flops"]}, r"networks\.csv row 1: must name column flops once, got network, width"),
        ({"costs": ["macs"], "parameters": ["width", "macs"]}, "table.yaml: column macs must mean one thing, got it twice"),
        ({"ignore": ["width", "operation"]}, r"networks\.csv must have at least one column of a parameter"),
    ],
)
def test_settings_that_are_wrong(tmp_path, settings, message):
    with pytest.raises(InvalidInput, match=message):
        network_columns(settled(tmp_path / "t", **settings), COLUMNS)


def test_networks_without_a_known_cost(folder):
    with pytest.raises(
        InvalidInput, match=r"no column has a known name of a cost \(width, price\): name the costs in .*table"
    ):
        network_columns(table_files(folder), ("network", "width", "price"))


def test_a_folder_without_curves(folder):
    (folder / "curves.csv").unlink()
    with pytest.raises(InvalidInput, match=r"cells must hold curves\.csv, curves\.csv\.gz or files called like"):
        table_files(folder)
