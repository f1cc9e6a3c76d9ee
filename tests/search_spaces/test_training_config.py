from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_mapping
from search_spaces.training_config import COMPUTATION, TRAIN_PARAMETERS, TrainConfig


@pytest.mark.parametrize(
    ("iteration", "rate"),
    [
        (0, 2e-6),  # 0.001 of 2e-3
        (250, 2e-3 * 0.5005),  # half way: 0.001 + 0.999 / 2
        (499, 2e-3 * (0.001 + 0.999 * 499 / 500)),
        (500, 2e-3),
        (169_999, 2e-3),  # the last iteration of epoch 169, counted from 0
        (170_000, 2e-4),
        (199_999, 2e-4),
        (200_000, 2e-5),
        (269_999, 2e-5),
    ],
)
def test_the_schedule_of_the_paper(iteration: int, rate: float) -> None:
    assert TrainConfig().learning_rate_at(iteration, 1000) == pytest.approx(rate, rel=1e-12)


@given(batch_size=st.integers(2, 4096), reference=st.integers(2, 4096))
def test_the_learning_rate_follows_the_batch_on_request(batch_size: int, reference: int) -> None:
    config = TrainConfig(batch_size=batch_size, reference_batch_size=reference, learning_rate=0.01, warmup_iterations=10)
    assert config.full_learning_rate == pytest.approx(0.01 * batch_size / reference)
    assert config.learning_rate_at(10, 1000) == pytest.approx(config.full_learning_rate)
    assert config.learning_rate_at(0, 1000) == pytest.approx(0.001 * config.full_learning_rate)
    assert TrainConfig(batch_size=batch_size, learning_rate=0.01).full_learning_rate == 0.01


def test_how_steps_are_computed_is_not_searched() -> None:
    assert set(COMPUTATION).isdisjoint(TRAIN_PARAMETERS)
    assert {"codec", "learning_rate", "ema_decay", "clip_norm", "photometric"} <= set(TRAIN_PARAMETERS)


def test_a_short_training_keeps_the_shape() -> None:
    config = TrainConfig(epochs=10, warmup_iterations=0, learning_rate=1.0, milestones=(0.5, 0.9), decay=0.5)
    rates = [config.learning_rate_at(2 * epoch, 2) for epoch in range(10)]
    assert rates == [1.0] * 5 + [0.5] * 4 + [0.25]


def test_a_warm_up_that_reaches_past_a_milestone_is_scaled_by_both() -> None:
    config = TrainConfig(epochs=4, warmup_iterations=8, warmup_ratio=0.0, learning_rate=1.0, milestones=(0.5,), decay=0.1)
    assert [config.learning_rate_at(i, 2) for i in (0, 2, 4, 6)] == pytest.approx([0.0, 0.25, 0.05, 0.075])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be an integer from 1 to 100000, got 0"),
        ({"epochs": 2.0}, "epochs must be an integer from 1 to 100000, got 2.0"),
        ({"batch_size": True}, "batch_size must be an integer from 1 to 1000000, got True"),
        ({"learning_rate": 0}, "learning_rate must be a number from 1e-08 to 10, got 0"),
        ({"learning_rate": math.nan}, "learning_rate must be a number from 1e-08 to 10, got nan"),
        ({"learning_rate": "2e-3"}, "learning_rate must be a number from 1e-08 to 10, got '2e-3'"),
        ({"flip_probability": 1.5}, "flip_probability must be a number from 0 to 1, got 1.5"),
        ({"sigma": 0}, "sigma must be a number from 0.1 to 100, got 0"),
        ({"optimizer": "admw"}, "unknown optimizer 'admw': did you mean 'adamw'? known: adam, adamw"),
        ({"flip_test": 1}, "flip_test must be true or false, got 1"),
        ({"compile": "yes"}, "compile must be true or false, got 'yes'"),
        ({"codec": "drak"}, "unknown codec 'drak': did you mean 'dark'? known: dark, msra, udp"),
        ({"precision": "float8"}, "unknown precision 'float8': did you mean 'float32'? known: bfloat16, float16, float32"),
        ({"micro_batch": 1}, "micro_batch must be an integer from 2 to 1000000, got 1"),
        ({"clip_norm": 0}, "clip_norm must be a number from 1e-06 to 1e+06, got 0"),
        ({"ema_decay": 1.0}, "ema_decay must be a number from 0 to 0.999999, got 1.0"),
        ({"photometric": 2}, "photometric must be a number from 0 to 1, got 2"),
        ({"milestones": 0.5}, "milestones must be a list of fractions of the training, got 0.5"),
        ({"milestones": [170, 200]}, "milestones[0] must be a number from 0 to 1, got 170"),
        ({"milestones": [0.9, 0.5]}, "milestones must rise, got [0.9, 0.5]"),
        ({"seed": -1}, "seed must be an integer from 0 to 4294967295, got -1"),
    ],
)
def test_a_broken_rule_names_field_rule_and_value(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as error:
        TrainConfig(**changes)
    assert str(error.value) == message


def test_an_unknown_field_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InvalidInput, match="unknown training field 'lerning_rate': did you mean 'learning_rate'"):
        TrainConfig.from_dict({"lerning_rate": 1e-3})


def test_sigma_may_be_left_to_the_heatmap() -> None:
    assert TrainConfig().sigma is None
    assert TrainConfig(sigma=3).sigma == 3.0


@pytest.mark.parametrize("name", ["train.yaml", "train.json"])
@given(rate=st.floats(1e-8, 10), milestones=st.lists(st.floats(0, 1), max_size=3).map(sorted))
def test_files_go_both_ways(tmp_path_factory: pytest.TempPathFactory, name: str, rate: float, milestones: list) -> None:
    config = TrainConfig(learning_rate=rate, milestones=tuple(milestones))
    path: Path = tmp_path_factory.mktemp("train") / name
    write_mapping(path, config.to_dict())
    assert TrainConfig.from_dict(read_mapping(path)) == config
    assert TrainConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
