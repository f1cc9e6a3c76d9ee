"""The training of shared weights as a command runs it: its folder, its output, its run, and what it refuses."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dite_search.config.search_config import SearchConfig, load_search
from dite_search.supernet.place import supernet_location
from dite_search.tasks.supernet.train_supernet import describe, train_shared_weights
from dite_search.tracking.client import FINISHED, SUPERNET_TAG, tracker_of
from search_spaces.common.errors import InvalidInput
from trainers.checkpoints.checkpoint import LAST, load_shared_checkpoint

FILE = """
name: shared
space: tiny_128
data: {synthetic: {train_images: 24, val_images: 4, seed: 1}}
budget: ["mmacs <= 5"]
trials: 1
training: {batch_size: 16, warmup_iterations: 2}
supernet: {epochs: 2, subnets_per_step: 2, held_out: 0.2}
"""


def search_of(folder: Path, text: str = FILE) -> SearchConfig:
    file = folder / "search.yaml"
    file.write_text(text)
    return load_search(file, changes={"directory": str(folder)})


def trained(config: SearchConfig, *, restart: bool = False, resume: bool = False) -> tuple[dict[str, Any], str]:
    output = io.StringIO()
    result = train_shared_weights(config, restart=restart, resume=resume, console=Console(file=output, width=200))
    return result, output.getvalue()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchConfig, dict[str, Any], str]:
    config = search_of(tmp_path_factory.mktemp("studies"))
    return config, *trained(config)


@pytest.mark.slow
def test_a_training_leaves_weights_figures_and_a_run(done: tuple[SearchConfig, dict[str, Any], str]) -> None:
    config, result, output = done
    assert result["supernet"] == str(config.study_directory / "supernet")
    checkpoint = load_shared_checkpoint(config.study_directory / "supernet" / LAST)
    assert len(checkpoint.curve) == 2
    assert checkpoint.supernet is not None
    assert checkpoint.supernet["budget"] == ["mmacs <= 5"]
    assert "Shared weights of space tiny_128: networks from" in output
    assert "epoch   1/2  largest 0." in output
    assert output.count(" s left") == 2
    (run,) = tracker_of(config).find_tagged({SUPERNET_TAG: "shared"})
    assert (run.status, run.params["subnets_per_step"]) == (FINISHED, "2")
    assert "MLflow lacks" not in output


@pytest.mark.slow
def test_the_same_command_again_trains_nothing(done: tuple[SearchConfig, dict[str, Any], str]) -> None:
    config, result, _ = done
    again, output = trained(config)
    assert again == result
    assert "Going on from epoch 2 of" in output
    assert "s left" not in output


@pytest.mark.slow
def test_another_training_in_the_folder_is_refused(done: tuple[SearchConfig, dict[str, Any], str]) -> None:
    config = done[0].replaced({"supernet": {"distillation": 0.1}}, "test")
    message = r"must have supernet distillation 0.1 to go on from it, got 0.5; --name names another study, and --restart"
    with pytest.raises(InvalidInput, match=message):
        trained(config)


def test_checkpoints_may_lie_elsewhere(tmp_path: Path) -> None:
    config = search_of(tmp_path, FILE + f"checkpoints: {tmp_path / 'elsewhere'}\n")
    assert supernet_location(config) == tmp_path / "elsewhere" / "shared-supernet"


def test_weights_stay_where_they_are_while_another_training_cannot_begin(tmp_path: Path) -> None:
    config = search_of(tmp_path, FILE + "mlflow_url: http://127.0.0.1:9\n")
    weights = supernet_location(config) / LAST
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"of days")
    with pytest.raises(InvalidInput, match=r"mlflow_url http://127\.0\.0\.1:9 cannot be reached"):
        trained(config, restart=True)
    assert weights.read_bytes() == b"of days"
    assert [path.name for path in weights.parent.iterdir()] == [LAST]


def test_an_epoch_says_the_time_that_is_left() -> None:
    metrics = {"epoch": 2.0, "loss_largest": 0.5, "loss_smallest": 0.25, "samples_per_second": 10.0, "seconds": 20.0}
    assert describe(metrics, 6) == "epoch   2/6  largest 0.500000  smallest 0.250000  10 samples/s  20 s, 40 s left"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("supernet: {epoch: 2}", "unknown field of supernet 'epoch': did you mean 'epochs'"),
        ("supernet: {epochs: 0}", "epochs must be an integer from 1"),
        ("training: {compile: true}", "training.compile must be false where weights are shared"),
        ("space: table6", "space table6 cannot have shared weights: stem must be one"),
        ("space: simple_baselines", "space simple_baselines cannot have shared weights: networks of the"),
    ],
)
def test_a_file_whose_networks_cannot_share_is_refused(change: str, message: str, tmp_path: Path) -> None:
    field = change.partition(":")[0]
    kept = "\n".join(line for line in FILE.splitlines() if not line.startswith(f"{field}:"))
    with pytest.raises(InvalidInput, match=message):
        search_of(tmp_path, f"{kept}\n{change}\n")


@pytest.mark.slow
def test_more_epochs_follow_the_schedule_of_so_many(tmp_path: Path) -> None:
    short, long = FILE.replace("epochs: 2", "epochs: 1"), FILE
    with pytest.raises(InvalidInput, match=r"--resume must be given for shared weights to go on with, but .* holds none"):
        trained(search_of(tmp_path, short), resume=True)
    trained(search_of(tmp_path, short))
    with pytest.raises(InvalidInput, match="supernet train --resume goes on to epoch 2, --name names another study"):
        trained(search_of(tmp_path, long))
    result, output = trained(search_of(tmp_path, long), resume=True)
    assert result["epoch"] == 2
    assert result["schedule"] == "epochs 1 to 1 by the schedule of 1, epochs 2 to 2 by that of 2"
    assert "From epoch 2 on the schedule of 2 epochs holds; so far that of 1 did." in output
    assert "Later commands need epochs: 2 in the section supernet" in output
    again, output = trained(search_of(tmp_path, long), resume=True)
    assert again == result
    assert "so far that of" not in output
    other = search_of(tmp_path, long.replace("epochs: 2", "epochs: 3").replace("subnets_per_step: 2", "subnets_per_step: 3"))
    with pytest.raises(InvalidInput, match="must have supernet subnets_per_step 3 to go on from it, got 2"):
        trained(other, resume=True)
