"""The identity of validation sets."""

from __future__ import annotations

import dataclasses

from analysis.errors.predictions import data_digest
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset


def test_another_category_is_another_validation_set(tmp_path):
    draw_dataset(tmp_path / "people", train_images=1, val_images=1, seed=0)
    data = DataConfig(root=tmp_path / "people")
    chosen = dataclasses.replace(data, category="rider")
    assert data_digest(data) != data_digest(chosen) != data_digest(dataclasses.replace(data, category="person"))
    assert data_digest(chosen) == data_digest(dataclasses.replace(data, category="rider"))
