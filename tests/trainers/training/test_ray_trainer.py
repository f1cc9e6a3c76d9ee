"""The resources that a training asks of Ray; trainings on real workers are in `tests.integration.test_training`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import ray.train.torch

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.training.ray_trainer import fit, scaling_of, torch_config_of


class Asked(Exception):
    """Raised in place of a training, with what it would have been started with."""


@pytest.mark.parametrize(("gpus", "backend"), [(0.0, "gloo"), (0.25, "gloo"), (0.5, "gloo"), (1.0, "nccl"), (2.0, "nccl")])
def test_workers_that_share_a_gpu_do_not_use_nccl(gpus: float, backend: str) -> None:
    assert torch_config_of(gpus).backend == backend


@pytest.mark.parametrize(
    ("asked", "workers", "each"),
    [
        ((2, None, 3, 0.0), 2, {"CPU": 3}),
        ((4, None, 1, 1.0), 4, {"CPU": 1, "GPU": 1.0}),
        ((1, 4, 2, 0.5), (1, 4), {"CPU": 2, "GPU": 0.5}),
    ],
)
def test_what_is_asked_of_the_cluster(asked: tuple[int, int | None, int, float], workers: Any, each: Any) -> None:
    scaling = scaling_of(*asked)
    assert scaling.num_workers == workers
    assert scaling.resources_per_worker == each
    assert scaling.use_gpu == ("GPU" in each)


def test_a_training_asks_for_what_its_resources_say(
    small_arch: ArchConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trainer(loop: Any, **asked: Any) -> None:
        raise Asked(asked)

    monkeypatch.setattr(ray.train.torch, "TorchTrainer", trainer)
    with pytest.raises(Asked) as start:
        fit(
            small_arch,
            TrainConfig(),
            DataConfig(root=tmp_path),
            directory=tmp_path,
            workers=1,
            max_workers=4,
            cpus_per_worker=3,
            gpus_per_worker=0.5,
            name="t",
            storage=tmp_path,
        )
    (asked,) = start.value.args
    assert asked["torch_config"].backend == "gloo"
    assert asked["scaling_config"].num_workers == (1, 4)
    assert asked["scaling_config"].resources_per_worker == {"CPU": 3, "GPU": 0.5}
    assert asked["train_loop_config"]["threads"] == 3
