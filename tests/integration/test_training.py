"""One training on real Ray Train workers: the same curve as alone, and nothing lost but an interval when one is killed."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
import torch

from dite_search.driver.ray_session import start_ray
from dite_search.driver.trainable import reason_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from tests.dite_search.commands import run
from tests.profiles import by_profile
from tests.trainers.processes.workers import run_workers
from trainers.checkpoints.checkpoint import LAST, load_checkpoint, load_shared_checkpoint
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.processes.distributed import Worker
from trainers.training.loop import train
from trainers.training.ray_trainer import SharedTraining, fit
from trainers.training.supernet_loop import LOSSES, identity_of, train_supernet

pytestmark = pytest.mark.xdist_group("ray")
ARCH: ArchConfig = next(named_space("tiny").enumerate())
CONFIG = TrainConfig(epochs=3, batch_size=16, warmup_iterations=2, validate_every=3, checkpoint_iterations=2, seed=5)


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    root = tmp_path_factory.mktemp("data") / "people"
    draw_dataset(root, train_images=60, val_images=9, seed=4)
    return DataConfig(root=root, name="synthetic")


def on_workers(directory: Path, data: DataConfig, config: TrainConfig = CONFIG, **options) -> dict[str, float]:
    start_ray()
    return fit(ARCH, config, data, directory=directory, name="t", storage=directory / "ray", **({"workers": 2} | options))


# At a commit shared weights train on two workers of Ray as in one process, and processes without Ray train the curve of one.
@pytest.mark.nightly
def test_the_command_trains_the_same_curve_on_one_worker_and_on_two(coco_mini, tmp_path):
    network = tmp_path / "arch.yaml"
    epochs = by_profile(5, 3)
    write_mapping(network, by_profile(ARCH, preset("dite_hrnet_18", input_size=(64, 64))).to_dict())

    def curve(workers: int) -> list[dict[str, float]]:
        output = tmp_path / str(workers)
        words = [network, "--data", coco_mini, "--output", output, "--workers", workers]
        words += ["--epochs", epochs, "--batch-size", 16, "--set", "warmup_iterations=5", "--set", "sync_batchnorm=true"]
        done = run("train", *words, "--json")
        assert done.exit_code == 0, (done.output, done.exception)
        found = load_checkpoint(output / LAST).curve
        assert json.loads(done.stdout)["loss"] == found[-1]["loss"]
        return found

    alone, together = curve(1), curve(2)
    assert len(alone) == epochs
    # Adam's first steps are of full size whatever the gradient: they make rounding a hundredth of the loss.
    assert [m["loss"] for m in together] == pytest.approx([m["loss"] for m in alone], rel=0.03)
    assert together[-1]["loss"] < 0.9 * together[0]["loss"]
    assert together[-1].keys() == alone[-1].keys()


def trained(worker: Worker, directory: Path, data: DataConfig) -> dict[str, float]:
    """The metrics of a training among processes that Ray has not started: they have loaded everything for tests before."""
    return train(ARCH, CONFIG, data, directory=directory, report=lambda *_: None, worker=worker).metrics


@pytest.mark.slow
@pytest.mark.longer
def test_two_workers_train_shared_weights_as_one_process_does(people, tmp_path):
    elastic = elastic_space(named_space("tiny_128"))
    settings = SupernetConfig(epochs=by_profile(1, 3), subnets_per_step=3, held_out=0.2)
    config = dataclasses.replace(CONFIG, sync_batchnorm=True)
    shared = SharedTraining(elastic=elastic, settings=settings)
    alone = train_supernet(elastic, settings, config, people, directory=None, report=lambda *_: None)
    start_ray()
    place = tmp_path / "two"
    fit(elastic.largest, config, people, directory=place, workers=2, name="s", storage=tmp_path / "ray", shared=shared)
    checkpoint = load_shared_checkpoint(place / LAST)
    assert checkpoint.supernet == identity_of(elastic, settings)
    curve = checkpoint.curve
    # Adam's first steps are of full size whatever the gradient: they make rounding a hundredth of the loss.
    for name in ("loss", *LOSSES):
        assert [m[name] for m in curve] == pytest.approx([m[name] for m in alone.curve], rel=0.03)


@pytest.mark.slow
def test_a_worker_killed_within_an_epoch_loses_at_most_an_interval(people, tmp_path):
    """The other one stops too, both start anew, and the end is that of a training nobody disturbed."""
    undisturbed, *_ = run_workers(trained, 2, tmp_path / "whole", people)
    result: dict[str, float] = {}
    directory = tmp_path / "killed"
    thread = threading.Thread(target=lambda: result.update(on_workers(directory, people, retries=1)))
    thread.start()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (directory / LAST).exists() and load_checkpoint(directory / LAST).position:
            break
        time.sleep(0.02)
    else:
        pytest.fail("no checkpoint within an epoch in two minutes")
    # Of the Ray that this process started: others of this machine have workers as well.
    ours = psutil.Process().children(recursive=True)
    victims = [process for process in ours if "RayTrainWorker" in " ".join(process.cmdline())]
    assert len(victims) == 2
    os.kill(victims[0].pid, signal.SIGKILL)
    before = load_checkpoint(directory / LAST)
    thread.join(timeout=240)
    assert not thread.is_alive()
    assert before.position or before.curve
    assert result["loss"] == undisturbed["loss"]
    assert result["ap_gt"] == undisturbed["ap_gt"]
    ours, theirs = (load_checkpoint(tmp_path / name / LAST) for name in ("whole", "killed"))
    assert all(torch.equal(ours.weights[key], theirs.weights[key]) for key in ours.weights)


# At a commit test_counted_gpus asks for elastic workers.
@pytest.mark.nightly
def test_elastic_workers_take_what_room_there_is(people, tmp_path):
    metrics = on_workers(tmp_path, people, workers=1, max_workers=2)
    alone = train(
        ARCH, CONFIG, people, directory=None, report=lambda *_: None, worker=Worker(device=torch.device("cpu"))
    ).metrics
    assert metrics["epoch"] == CONFIG.epochs
    assert metrics["loss"] == pytest.approx(alone["loss"], rel=0.1)


@pytest.mark.slow
def test_a_reason_of_its_own_is_told_at_once(people, tmp_path):
    broken = dataclasses.replace(people, root=tmp_path / "gone")
    with pytest.raises(InvalidInput, match="data folder not found") as failure:
        on_workers(tmp_path / "run", broken, workers=1, retries=5)
    assert reason_of(failure.value).startswith("InvalidInput: data folder not found")
    assert [start.name for start in (tmp_path / "run" / "ray").glob("t*")] == ["t"], "it is not tried again"
