"""The benchmark of trainings that begin from weights, on a few drawn people."""

from __future__ import annotations

import pytest

from benchmarks.start_from import DRAWN, HEAD, SCRATCH, TAUGHT, table
from search_spaces.space.space_file import named_space
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset


@pytest.mark.slow
def test_the_table_has_a_row_for_each_beginning_and_goes_on_where_it_was(tmp_path, capsys):
    draw_dataset(tmp_path / "people", train_images=6, val_images=3, seed=1)
    people = DataConfig(root=tmp_path / "people", name="synthetic")
    arch = next(named_space("tiny").enumerate())
    settings = {
        "people": people,
        "sources": {DRAWN: people},
        "network": arch,
        "teacher": arch,
        "recipe": TrainConfig(epochs=1, batch_size=6, warmup_iterations=1, validate_every=1, flip_test=False),
        "source_epochs": 1,
        "teacher_epochs": 1,
        "seeds": 1,
        "output": tmp_path / "runs",
        "resamples": 20,
    }
    lines = list(table(**settings))
    assert [line.beginning for line in lines] == [SCRATCH, DRAWN, TAUGHT]
    assert [line.taken for line in lines] == [0.0, 1.0, 0.0]
    assert [line.teacher_ms > 0 for line in lines] == [False, False, True]
    assert all(gain.value == 0 for gain in lines[0].gains)
    assert all(str(line).count("|") == HEAD[0].count("|") for line in lines)
    capsys.readouterr()
    assert list(table(**settings)) == lines
    assert "epoch 1 of 1" in capsys.readouterr().err, "a training that has ended reports its epochs and learns nothing"
