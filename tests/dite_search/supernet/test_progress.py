"""The progress of shared weights: what stands in their folder, read again only where it was written since."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from dite_search.config.search_config import SearchConfig
from dite_search.monitor.payload import as_plain
from dite_search.monitor.snapshot import LiveReader
from dite_search.monitor.terminal import frame
from dite_search.study.study import create_study
from dite_search.supernet import progress
from dite_search.supernet.progress import SharedWeightsReader, progress_words
from dite_search.supernet.scores import ScoresFile
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import run
from tests.dite_search.supernet.test_summary import IDENTITY, scores_of
from tests.dite_search.tasks.supernet.test_train_supernet import search_of, trained
from trainers.checkpoints.location import LAST


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> SearchConfig:
    config = search_of(tmp_path_factory.mktemp("studies"))
    trained(config)
    return config


def test_nothing_is_told_of_a_folder_without_weights(tmp_path: Path) -> None:
    assert SharedWeightsReader(tmp_path / "supernet").read() == {}
    assert progress_words({}) == ""


def test_scores_are_counted_as_they_come(tmp_path: Path) -> None:
    reader, file = SharedWeightsReader(tmp_path), ScoresFile(tmp_path)
    file.begin(IDENTITY, again="")
    assert reader.read() == {}
    for count, scored in enumerate(scores_of([0.2, 0.4]).networks, 1):
        file.append([scored])
        assert reader.read() == {"scored": count}
    assert progress_words(reader.read()) == "Shared weights: 2 networks scored"


def test_the_time_left_is_that_of_the_epochs_so_far() -> None:
    found = {"epoch": 3, "epochs": 12, "loss_largest": 0.0012, "loss_smallest": 0.0023, "seconds": 600.0, "scored": 0}
    losses = "loss 0.00120 of the largest network, 0.00230 of the smallest"
    assert progress_words(found) == f"Shared weights: epoch 3 of 12, {losses}, about 30 min of training left"
    assert progress_words(found | {"epoch": 12}) == f"Shared weights: epoch 12 of 12, {losses}"


def test_a_broken_checkpoint_is_told_and_stops_no_reading(make_search: Callable[..., SearchConfig]) -> None:
    config = make_search()
    create_study(config)
    folder = config.study_directory / "supernet"
    folder.mkdir()
    (folder / LAST).write_bytes(b"half a checkpoint")
    with pytest.raises(InvalidInput, match=r"last\.pt"):
        SharedWeightsReader(folder).read()
    told = SharedWeightsReader(folder).words()
    assert str(folder / LAST) in told
    assert LiveReader(config).read(0.0).shared_weights == told


@pytest.mark.slow
def test_a_checkpoint_is_read_once_for_each_time_it_is_written(
    weights: SearchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, original = [], progress._training
    monkeypatch.setattr(progress, "_training", lambda path: read.append(path) or original(path))
    reader = SharedWeightsReader(weights.study_directory / "supernet")
    first = reader.read()
    assert (first["epoch"], first["epochs"], first["scored"]) == (2, 2, 0)
    assert reader.read() == first
    assert len(read) == 1


@pytest.mark.slow
def test_weights_are_watched_before_their_search_begins_and_with_it(weights: SearchConfig) -> None:
    place = ("watch", weights.name, "--directory", weights.directory)
    assert run(*place, "--once").output.startswith("Shared weights: epoch 2 of 2, loss 0.")
    assert json.loads(run(*place, "--json").output)["shared_weights"]["epoch"] == 2
    create_study(weights)
    moment = LiveReader(weights).read(0.0)
    assert as_plain(moment)["shared_weights"].startswith("Shared weights: epoch 2 of 2")
    console = Console(file=io.StringIO(), width=60)
    console.print(frame(moment, width=60))
    (line,) = (line for line in console.file.getvalue().splitlines() if "Shared" in line)
    assert line.startswith("Shared weights: epoch 2 of 2, loss 0.")
