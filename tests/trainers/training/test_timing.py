"""The measured speed of a training."""

from __future__ import annotations

import torch

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.training.timing import time_training

SMALL = ArchConfig(widths=(16, 24, 32, 48), stem_width=16, modules=(1, 1, 1), blocks_per_module=1, input_size=(64, 64))


def test_some_steps_are_timed_and_threads_stay(tmp_path):
    draw_dataset(tmp_path / "people", train_images=16, val_images=4, seed=0)
    data, threads = DataConfig(root=tmp_path / "people"), torch.get_num_threads()
    found = time_training(SMALL, TrainConfig(batch_size=4), data, seconds=0.1)
    assert (found.device, found.threads) == ("cuda" if torch.cuda.is_available() else "cpu", threads)
    assert found.steps == len(data.people("train")) // 4
    assert 0 < found.step_seconds < 60
    assert 0 < found.score_seconds < 60
    assert found.memory > 2**20
