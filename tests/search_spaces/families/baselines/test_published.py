"""The trainings of the published rows are those that the record states."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from search_spaces.families.baselines.published import PRETRAINED, TRAININGS
from search_spaces.registry import FAMILIES
from search_spaces.training_config import TrainConfig
from trainers.data.geometry.augmentation import Augmentation

FIGURES = [figure for family in FAMILIES.values() for figure in family.published if figure.name in TRAININGS]


def test_rows_of_the_model_zoo_are_trained_by_its_schedule(reference: Path) -> None:
    """MobileNetV2's and ShuffleNetV2's figures are those of the published models, digit for digit."""
    facts = json.loads((reference / "baselines/baselines.json").read_text(encoding="utf-8"))
    schedule, networks = facts["mmpose_schedule"], facts["networks"]
    rotation = re.search(r"rotation up to (\d+) degrees with probability ([\d.]+)", schedule["augmentation"])
    sizes = re.search(r"scale ([\d.]+) to ([\d.]+)", schedule["augmentation"])
    assert rotation
    assert sizes
    drops = [int(epoch) for epoch in re.findall(r"\d{2,}", schedule["drops"])]
    for name, network in (("MobileNetV2", "mobilenet_v2"), ("ShuffleNetV2", "shufflenet_v2")):
        gpus, samples = map(int, networks[network]["mmpose_training"]["batch"].split("x"))
        for figure in (each for each in FIGURES if each.name == name):
            recipe = TrainConfig(**dict(figure.training))
            assert recipe.batch_size == gpus * samples == schedule["reference_batch"]
            assert recipe.learning_rate == schedule["learning_rate"]
            assert recipe.weight_decay == schedule["weight_decay"]
            assert (figure.epochs, list(figure.decay_epochs)) == (schedule["epochs"], drops)
            assert (1 - recipe.scale_range, 1 + recipe.scale_range) == tuple(map(float, sizes.groups()))
            # The zoo cuts its normal deviate at twice the standard deviation, which the hyper-parameter is.
            assert 2 * recipe.rotation_degrees == float(rotation[1])
            assert Augmentation().rotate == float(rotation[2])
            assert recipe.warmup_iterations == 500
            assert figure.remark == PRETRAINED


@pytest.mark.parametrize("name", ["8-stage Hourglass", "CPN-ResNet-50", "MobileNetV3"])
def test_rows_whose_training_is_not_stated_have_no_length_and_are_never_compared(name: str, reference: Path) -> None:
    facts = json.loads((reference / "baselines/baselines.json").read_text(encoding="utf-8"))["networks"]
    known = {"8-stage Hourglass": "stacked_hourglass_8", "CPN-ResNet-50": "cpn_resnet50", "MobileNetV3": "mobilenet_v3"}
    assert "mmpose_training" not in facts[known[name]]
    assert {figure.epochs for figure in FIGURES if figure.name == name} == {0}
    assert TRAININGS[name].remark


def test_rows_of_simple_baseline_and_hrnet_have_the_recipes_of_their_papers() -> None:
    """arXiv:1804.06208, section 3: 140 epochs, drops at 90 and 120; arXiv:1902.09212, section 4.1: 210, at 170 and 200."""
    for name, epochs, drops, rotation, scale, codec in (
        ("SimpleBaseline-ResNet-50", 140, (90, 120), 40, 0.3, "msra"),
        ("HRNet-W32", 210, (170, 200), 45, 0.35, "msra"),
        ("UDP-HRNet-W32", 210, (170, 200), 45, 0.35, "udp"),
        ("DARK-HRNet-W48", 210, (170, 200), 45, 0.35, "dark"),
    ):
        rows = [figure for figure in FIGURES if figure.name == name]
        assert rows
        for figure in rows:
            recipe = TrainConfig(**dict(figure.training))
            assert (figure.epochs, figure.decay_epochs) == (epochs, drops)
            assert (recipe.rotation_degrees, recipe.scale_range, recipe.codec) == (rotation, scale, codec)
            assert math.isclose(recipe.learning_rate, 1e-3)
