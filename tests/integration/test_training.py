"""One training on real Ray Train workers: the same curve as alone, and nothing lost but an interval when one is killed."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from dite_search.driver.ray_session import start_ray
from dite_search.driver.trainable import reason_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from search_spaces.space.elastic_space import ElasticSpace, elastic_space
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


def on_workers(
    directory: Path, data: DataConfig, config: TrainConfig = CONFIG, *, arch: ArchConfig = ARCH, **options
) -> dict[str, float]:
    start_ray()
    return fit(arch, config, data, directory=directory, name="t", storage=directory / "ray", **({"workers": 2} | options))


# At a commit shared weights train on two workers of Ray as among processes without it, and those train the curve of one.
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


SETTINGS = SupernetConfig(epochs=by_profile(1, 3), subnets_per_step=2, held_out=0.2)
SHARED = dataclasses.replace(CONFIG, sync_batchnorm=True)


@cache
def elastic() -> ElasticSpace:
    return elastic_space(named_space("tiny_128"))


def trained_shared(worker: Worker, directory: Path, data: DataConfig) -> dict[str, float]:
    """The metrics of a training of shared weights, as of `trained`."""
    return train_supernet(
        elastic(), SETTINGS, SHARED, data, directory=directory, report=lambda *_: None, worker=worker
    ).metrics


# At a commit two workers of Ray train as two processes do without it, and test_sandwich_step has two learn what one learns.
@pytest.mark.nightly
def test_two_workers_train_shared_weights_as_one_process_does(people, tmp_path):
    alone = train_supernet(elastic(), SETTINGS, SHARED, people, directory=None, report=lambda *_: None)
    MANY.on_ray(tmp_path, people)
    curve = load_shared_checkpoint(tmp_path / LAST).curve
    # Adam's first steps are of full size whatever the gradient: they make rounding a hundredth of the loss.
    for name in ("loss", *LOSSES):
        assert [m[name] for m in curve] == pytest.approx([m[name] for m in alone.curve], rel=0.03)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """A training among processes with and without Ray, and what it leaves."""

    undisturbed: Callable[..., dict[str, float]]
    on_ray: Callable[[Path, DataConfig], dict[str, float]]
    load: Callable[[Path], Any]
    figures: tuple[str, ...]


ONE = Kind(
    undisturbed=trained,
    on_ray=lambda directory, data: on_workers(directory, data, retries=1),
    load=load_checkpoint,
    figures=("loss", "ap_gt"),
)
MANY = Kind(
    undisturbed=trained_shared,
    on_ray=lambda directory, data: on_workers(
        directory,
        data,
        SHARED,
        arch=elastic().largest,
        retries=1,
        shared=SharedTraining(elastic=elastic(), settings=SETTINGS),
    ),
    load=load_shared_checkpoint,
    figures=("loss", *LOSSES),
)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param(ONE, marks=pytest.mark.nightly), MANY], ids=["one network", "shared weights"])
def test_a_worker_killed_within_an_epoch_loses_at_most_an_interval(people, tmp_path, kind):
    """The other one stops too, both start anew, and the end is that of a training nobody disturbed."""
    undisturbed, *_ = run_workers(kind.undisturbed, 2, tmp_path / "whole", people)
    result: dict[str, float] = {}
    directory = tmp_path / "killed"
    # Not in the thread, with which Ray's own processes would end.
    start_ray()
    thread = threading.Thread(target=lambda: result.update(kind.on_ray(directory, people)))
    thread.start()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (directory / LAST).exists() and kind.load(directory / LAST).position:
            break
        time.sleep(0.02)
    else:
        pytest.fail("no checkpoint within an epoch in two minutes")
    # Of the Ray that this process started: others of this machine have workers as well.
    ours = psutil.Process().children(recursive=True)
    victims = [process for process in ours if "RayTrainWorker" in " ".join(process.cmdline())]
    assert len(victims) == 2
    os.kill(victims[0].pid, signal.SIGKILL)
    before = kind.load(directory / LAST)
    thread.join(timeout=240)
    assert not thread.is_alive()
    assert before.position or before.curve
    assert {name: result[name] for name in kind.figures} == {name: undisturbed[name] for name in kind.figures}
    ours, theirs = (kind.load(tmp_path / name / LAST) for name in ("whole", "killed"))
    assert all(torch.equal(ours.weights[key], theirs.weights[key]) for key in ours.weights)
    if kind is MANY:
        assert theirs.supernet == identity_of(elastic(), SETTINGS)


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
