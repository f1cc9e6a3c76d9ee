"""Drawn people for all tests of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainers.data.synthetic.dataset import draw_dataset


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "people"
    draw_dataset(root, train_images=40, val_images=12, seed=3)
    return root
