"""Tables from elsewhere: what is read, and the sentence that each kind of wrong table is answered with."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.simulation.table_reader import read_foreign_table
from search_spaces.common.errors import InvalidInput
from tests.dite_search.foreign_tables import rising, write_rows, write_table
from tests.profiles import examples


def changed(folder, row, cells, file="curves.csv"):
    """Replace a row of a file, counted as messages do, by other cells; None takes it out."""
    lines = (folder / file).read_text().splitlines()
    lines[row - 1 : row] = [] if cells is None else [cells]
    (folder / file).write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write_table(tmp_path / "cells")


def test_networks_costs_and_curves_are_those_of_the_files(folder):
    table = read_foreign_table(folder)
    search = table.search
    assert (search.name, search.objectives, search.directions) == ("cells", ("accuracy", "macs"), ["maximize", "minimize"])
    assert (search.train_config.epochs, search.train_config.validated) == (3, (1, 2, 3))
    assert search.search_space.networks[2].costs == {"macs": 16010.0, "params": 1600.0}
    first, second = table.curves["n2"]
    assert list(second) == [{"epoch": epoch, "accuracy": rising(2, 16, "conv", 1, epoch)} for epoch in (1, 2, 3)]
    assert first[-1] == {"epoch": 3, "accuracy": rising(2, 16, "conv", 0, 3)}
    assert len(first[:2]) == 2
    assert list(table.curves) == [f"n{row}" for row in range(6)]


@examples(15)
@given(order=st.permutations(range(36)))
def test_the_order_of_rows_means_nothing(tmp_path_factory, order):
    folder = write_table(tmp_path_factory.mktemp("tables") / "cells")
    expected = {name: [list(curve) for curve in curves] for name, curves in read_foreign_table(folder).curves.items()}
    head, *rows = (folder / "curves.csv").read_text().splitlines()
    (folder / "curves.csv").write_text("\n".join([head, *(rows[place] for place in order)]))
    found = read_foreign_table(folder).curves
    assert {name: [list(curve) for curve in curves] for name, curves in found.items()} == expected


def test_losses_and_packed_files(tmp_path):
    folder = write_table(tmp_path, column="val_loss", curves="curves_a.csv.gz", epochs=(4, 12, 36))
    write_rows(folder / "curves_b.csv", ["network"], [])
    search = read_foreign_table(folder, variant="a").search
    assert (search.objectives, search.directions) == (("val_loss", "macs"), ["minimize", "minimize"])
    assert (search.train_config.epochs, search.rungs) == (36, (4, 12))


def test_names_of_networks_keep_their_zeros(folder):
    for file in ("networks.csv", "curves.csv"):
        (folder / file).write_text((folder / file).read_text().replace("n", "00").replace("00etwork", "network"))
    text = (folder / "networks.csv").read_text().replace("operatio00", "operation").replace("co00v", "conv")
    (folder / "networks.csv").write_text(text)
    assert next(iter(read_foreign_table(folder).curves)) == "000"


def test_figures_may_be_missing_and_epochs_without_a_score_are_no_rungs(folder):
    lines = (folder / "curves.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    write_rows(
        folder / "curves.csv",
        ["network", "seed", "epoch", "accuracy", "loss", "seconds"],
        [(*row[:3], "" if row[2] == "1" else row[3], 1 / int(row[2]), 10 * int(row[2])) for row in rows],
    )
    table = read_foreign_table(folder)
    assert table.search.train_config.validated == (2, 3)
    assert table.search.objectives[0] == "accuracy"
    first, last = table.curves["n0"][0][0], table.curves["n0"][0][-1]
    assert dict(first) == {"epoch": 1, "loss": 1.0, "seconds": 10.0}
    assert last["loss"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("row", "cells", "message"),
    [
        (1, "network,seed,epoch,accuracy,accuracy", "row 1: must name column accuracy once"),
        (1, "network,seed,step,accuracy", "row 1: must name column epoch once, got network, seed, step, accuracy"),
        (1, "network,run,epoch,accuracy", "row 1: must name column seed once"),
        (5, "n7,0,1,0.5", r"row 5: network must be one of networks\.csv, got 'n7'"),
        (5, ",0,1,0.5", "row 5: network must be given, got nothing"),
        (5, "n0,1,1,nan", "row 5: accuracy must be a finite number, got 'nan'"),
        (5, "n0,1,1,inf", "row 5: accuracy must be a finite number, got 'inf'"),
        (5, "n0,1,1,best", "row 5: accuracy must be a finite number, got 'best'"),
        (5, "n0,1,1,", "row 5: accuracy must be given in an epoch of all trainings or of none, got nothing"),
        (4, "n0,0,3,", "row 4: accuracy must be given in the last epoch, got nothing"),
        (5, "n0,one,1,0.5", "row 5: seed must be a whole number, got 'one'"),
        (5, "n0,1,1.5,0.5", "row 5: epoch must be a whole number, got '1.5'"),
        (5, "n0,1,0,0.5", "row 5: epoch must be at least 1, got 0"),
        (5, "n0,1,2,0.5", "row 6: epoch 2 of network n0 with seed 1 must be given once, got it again"),
        (6, None, "same 3 epochs, 1 to 3, but that of network n0 with seed 1 has no epoch 2"),
        (7, None, "same 3 epochs, 1 to 3, but that of network n0 with seed 1 has no epoch 3"),
        (5, "n0,1,1,0.5,0.6", "must be a table of comma-separated values"),
        (2, "n0,0,1,0.5,0.6", "row 2: must have 4 cells, got 5"),
    ],
)
def test_curves_that_are_wrong(folder, row, cells, message):
    with pytest.raises(InvalidInput, match=rf"curves\.csv:? .*{message}"):
        read_foreign_table(changed(folder, row, cells))


@pytest.mark.parametrize(
    ("row", "cells", "message"),
    [
        (1, "id,width,operation,params,macs", "row 1: must name column network once, got id, width"),
        (2, "n0,8,conv,800,-1", "row 2: macs must be a number of at least 0, got '-1'"),
        (2, "n0,8,conv,800,", "row 2: macs must be a number of at least 0, got nothing"),
        (2, "n0,8,,800,8010", "row 2: operation must be given, got nothing"),
        (3, "n0,8,skip,800,8000", "a network must be listed once, got n0 again"),
        (3, "n1,8,conv,800,8000", "networks must differ in a parameter, but n0 and n1 have the same values"),
    ],
)
def test_networks_that_are_wrong(folder, row, cells, message):
    with pytest.raises(InvalidInput, match=rf"networks\.csv:? .*{message}"):
        read_foreign_table(changed(folder, row, cells, file="networks.csv"))


def test_a_column_that_names_every_network_anew_is_no_parameter(folder):
    head, *rows = (folder / "networks.csv").read_text().splitlines()
    text = "\n".join([f"{head},hash", *(f"{row},h{place}" for place, row in enumerate(rows))])
    (folder / "networks.csv").write_text(text)
    with pytest.raises(
        InvalidInput, match=r"column hash is another name in every row, .* name it in ignore of .*table\.yaml"
    ):
        read_foreign_table(folder)
    (folder / "table.yaml").write_text("ignore: [hash]")
    assert list(read_foreign_table(folder).search.search_space.parameters) == ["width", "operation"]


def test_networks_and_seeds_without_trainings(folder):
    for row in (7, 6, 5):
        changed(folder, row, None)
    assert len(read_foreign_table(folder).curves["n0"]) == 1, "one seed is enough where nothing else is asked for"
    (folder / "table.yaml").write_text("seeds: 2")
    with pytest.raises(InvalidInput, match="every network must have trainings with at least 2 seeds, but n0 has 1"):
        read_foreign_table(folder)
    (folder / "table.yaml").write_text("seeds: 3")
    with pytest.raises(InvalidInput, match=r"at least 3 seeds, but n0 \(and 5 more\) has 1"):
        read_foreign_table(folder)
    for row in (4, 3, 2):
        changed(folder, row, None)
    (folder / "table.yaml").unlink()
    with pytest.raises(InvalidInput, match="every network must have trainings with at least 1 seed, but n0 has 0"):
        read_foreign_table(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"curves\.csv row 1: must name its columns, got none"),
        (b"\n\n", r"curves\.csv row 1: must name its columns, got none"),
        (b"network,seed,epoch,accuracy\n", "must hold at least one training, got none"),
        (b"network,seed,epoch,accuracy\n\xff,0,1,0.5\n", "must be UTF-8 text"),
        (b'network,seed,epoch,accuracy\n"n0,0,1,0.5\n', "must be a table of comma-separated values"),
    ],
)
def test_a_file_that_is_no_table(folder, content, message):
    (folder / "curves.csv").write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        read_foreign_table(folder)


def test_a_packed_file_that_is_cut_off(tmp_path):
    folder = write_table(tmp_path / "cells", curves="curves.csv.gz")
    file = folder / "curves.csv.gz"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(
        InvalidInput, match=r"curves\.csv\.gz must be a table of comma-separated values: Compressed file ended"
    ):
        read_foreign_table(folder)


def test_seconds_must_rise(folder):
    rows = [line.split(",") for line in (folder / "curves.csv").read_text().splitlines()[1:]]
    columns = ["network", "seed", "epoch", "accuracy", "seconds"]
    write_rows(folder / "curves.csv", columns, [(*row, 3 - int(row[2])) for row in rows])
    with pytest.raises(
        InvalidInput, match="row 3: seconds must be given in every epoch and be above that of the epoch before"
    ):
        read_foreign_table(folder)


def test_a_least_score_is_read(tmp_path):
    assert read_foreign_table(write_table(tmp_path / "a")).search.least_score == -math.inf
    assert read_foreign_table(write_table(tmp_path / "b", settings={"least": 0.2})).search.least_score == 0.2
