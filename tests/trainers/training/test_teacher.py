"""The teacher of a training: what may be one, and what it shows."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import CENTRED, IMAGENET, resized
from search_spaces.training_config import TrainConfig
from tests.baselines import small
from trainers.checkpoints.checkpoint import save_checkpoint
from trainers.data.formats.data_format import FORMATS
from trainers.networks.load import load_network
from trainers.networks.registry import build_network
from trainers.training.teacher import Teacher, load_teacher

COCO = FORMATS["coco"].keypoint_set.names


@pytest.fixture
def teacher(checkpoint, tmp_path):
    """Write a checkpoint with some fields changed, and return the recipe that names it."""

    def write(arch=None, *, train=None, data=None):
        arch = arch or checkpoint.arch
        state = dict(checkpoint.state) | {"network": build_network(arch).state_dict()}
        changes = {"arch": arch, "state": state, "train": train or checkpoint.train, "data": data or {"format": "coco"}}
        save_checkpoint(tmp_path / "teacher.pt", dataclasses.replace(checkpoint, **changes))
        return TrainConfig(distill={"teacher": str(tmp_path / "teacher.pt")})

    return write


def test_a_teacher_shows_its_heatmaps_without_gradients(teacher, small_arch, tmp_path):
    found = load_teacher(small_arch, teacher(), COCO)
    assert found is not None
    images = torch.rand(2, 3, *small_arch.input_size)
    found.train()
    shown = found(images)
    assert not shown.requires_grad
    assert torch.equal(shown, load_network(tmp_path / "teacher.pt")[1](images))
    assert not any(parameter.requires_grad for parameter in found.parameters())


def test_a_network_of_another_family_can_teach(teacher, small_arch):
    other = small("mobilenet_v2", input_size=small_arch.input_size, keypoints=17)
    found = load_teacher(small_arch, teacher(other), COCO)
    assert found is not None
    assert found(torch.rand(1, 3, *small_arch.input_size)).shape == (1, 17, *small_arch.heatmap_size)


def test_images_are_normalised_as_the_teacher_knows_them():
    image = torch.rand(1, 3, 4, 4)
    mean, std = (torch.tensor(part)[:, None, None] for part in (IMAGENET.mean, IMAGENET.std))
    centred = Teacher(torch.nn.Identity(), student=IMAGENET, own=CENTRED)
    assert torch.allclose(centred((image - mean) / std), image - torch.tensor(CENTRED.mean)[:, None, None], atol=1e-6)
    same = Teacher(torch.nn.Identity(), student=IMAGENET, own=IMAGENET)
    assert torch.equal(same(image), image)


def test_no_teacher_is_none(small_arch):
    assert load_teacher(small_arch, TrainConfig(), COCO) is None


def test_other_keypoints_are_refused(teacher, small_arch):
    config = teacher(resized(small_arch, keypoints=16), data={"format": "mpii"})
    message = r"distill.teacher must have the keypoints of the training \(nose, .*\), but .*teacher.pt has right_ankle, "
    with pytest.raises(InvalidInput, match=message):
        load_teacher(small_arch, config, COCO)


def test_another_input_size_is_refused(teacher, small_arch):
    config = teacher(resized(small_arch, input_size=(64, 64)))
    with pytest.raises(InvalidInput, match=r"must have the input size of the training, 96x64, but .* has 64x64"):
        load_teacher(small_arch, config, COCO)


def test_another_codec_is_refused(teacher, small_arch):
    config = teacher(train=TrainConfig(codec="udp", sigma=2.0))
    message = r"distill.teacher must have the codec of the training, msra with sigma 1, but .* has udp with sigma 2"
    with pytest.raises(InvalidInput, match=message):
        load_teacher(small_arch, config, COCO)


def test_a_file_that_does_not_say_its_network_is_refused(small_arch, tmp_path):
    torch.save({"state_dict": {"backbone.conv1.weight": torch.ones(1)}}, tmp_path / "w.pth")
    config = TrainConfig(distill={"teacher": str(tmp_path / "w.pth")})
    with pytest.raises(InvalidInput, match=r"distill.teacher must say what network it is, as checkpoints, exports and"):
        load_teacher(small_arch, config, COCO)
