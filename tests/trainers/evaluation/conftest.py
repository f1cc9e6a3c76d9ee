"""The data sets that evaluations are tested on."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.data.synthetic.dataset import draw_dataset


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "set"
    draw_dataset(folder, train_images=1, val_images=25, seed=2)
    return folder


@pytest.fixture(params=["synthetic", "coco_mini"])
def root(request: pytest.FixtureRequest) -> Path:
    return Path(request.getfixturevalue(request.param))
