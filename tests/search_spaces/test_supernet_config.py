"""The settings of shared weights: their limits, the recipe they make, and recipes that shared weights cannot have."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.supernet_config import SupernetConfig, check_recipe
from search_spaces.training_config import TrainConfig

STUDY = TrainConfig(epochs=270, batch_size=64, learning_rate=1e-3, seed=5)


def test_the_recipe_is_the_study_s_with_the_section_s_fields() -> None:
    recipe = SupernetConfig(epochs=30).recipe(STUDY)
    changed = {"epochs": 30, "validate_every": 30, "clip_norm": 1.0, "ema_decay": 0.999, "flip_test": False}
    assert recipe == dataclasses.replace(STUDY, **changed)


def test_plain_values_and_back() -> None:
    settings = SupernetConfig(epochs=3, distillation=0.2, ema_decay=None)
    assert SupernetConfig.from_dict(settings.to_dict()) == settings
    assert SupernetConfig.from_dict({}) == SupernetConfig()
    with pytest.raises(InvalidInput, match="unknown field of supernet 'epoch': did you mean 'epochs'"):
        SupernetConfig.from_dict({"epoch": 3})


def test_distillation_rises_over_the_first_third() -> None:
    settings = SupernetConfig(distillation=0.6)
    assert [settings.distillation_at(part) for part in (0, 1 / 6, 1 / 3, 1)] == pytest.approx([0, 0.3, 0.6, 0.6])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"subnets_per_step": 1}, "subnets_per_step must be an integer from 2 to 16, got 1"),
        ({"distillation": 1.0}, "distillation must be a number from 0 to 0.99, got 1"),
        ({"held_out": 0.0}, "held_out must be a number from 0.001 to 0.5, got 0"),
        ({"epochs": 0}, "epochs must be an integer from 1"),
    ],
)
def test_a_field_out_of_its_limits_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        SupernetConfig(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"recompute_activations": True}, "recompute_activations must be false where weights are shared, since a block"),
        ({"compile": True}, "compile must be false where weights are shared, since every network .* got true"),
        ({"accelerate": "graphs"}, "accelerate must be none where weights are shared, .* got graphs"),
        ({"start_from": "weights.pt"}, "start_from must be null where weights are shared, .* got .*weights.pt"),
        ({"start_from": "weights.pt", "freeze": ["stem"]}, "start_from must be null"),
        ({"distill": {"teacher": "t.pt", "weight": 0.5}}, "distill must be null where .* largest network teaches"),
        ({"head_learning_rate_factor": 2.0}, r"head_learning_rate_factor must be 1.0 where .* got 2.0"),
    ],
)
def test_a_recipe_of_one_network_is_refused(fields: dict[str, Any], message: str) -> None:
    training = TrainConfig(**fields)
    for check in (check_recipe, SupernetConfig().recipe):
        with pytest.raises(InvalidInput, match=message):
            check(training)
