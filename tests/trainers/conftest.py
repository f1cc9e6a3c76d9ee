"""Small data sets and networks that train in seconds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.space.space_file import named_space
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.registry import build_network


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """A drawn data set: 40 images to train on, 12 to be scored on."""
    root = tmp_path_factory.mktemp("synthetic") / "people"
    draw_dataset(root, train_images=40, val_images=12, seed=3)
    return DataConfig(root=Path(root), name="synthetic")


@pytest.fixture(scope="session")
def few_people(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    """A drawn data set for what is not about learning: 16 people to train on, 3 to be scored on."""
    root = tmp_path_factory.mktemp("synthetic") / "people"
    draw_dataset(root, train_images=10, val_images=3, seed=3)
    return DataConfig(root=Path(root), name="synthetic")


@pytest.fixture(scope="session")
def small_arch() -> ArchConfig:
    """A network of 36 thousand parameters at 96×64."""
    return next(named_space("tiny").enumerate())


@pytest.fixture(scope="session")
def short_training() -> TrainConfig:
    """Two epochs of two steps with the few people."""
    return TrainConfig(epochs=2, batch_size=8, warmup_iterations=2, validate_every=2, seed=7)


@pytest.fixture
def checkpoint(small_arch: ArchConfig) -> Checkpoint:
    """Three batches after the first epoch."""
    torch.manual_seed(0)
    return Checkpoint(
        arch=small_arch,
        train=TrainConfig(epochs=3),
        data={"root": "somewhere"},
        state={
            "network": build_network(small_arch).state_dict(),
            "optimizer": {},
            "scaler": {},
            "average": None,
            "averaged_steps": 0,
        },
        curve=[{"epoch": 1.0, "loss": 0.5}],
        position=3,
        loss=0.25,
        seconds=1.5,
    )
