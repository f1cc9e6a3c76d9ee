"""Files of weights of every kind that a training can begin from."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.starting_weights import WeightsFile
from trainers.checkpoints.checkpoint import save_checkpoint
from trainers.data.formats.data_format import FORMATS
from trainers.data.keypoint_sets.fields import to_plain
from trainers.networks.weights_file import read_weights


def read(path):
    return read_weights(WeightsFile.of("start_from", path), "start_from")


def test_a_checkpoint_says_everything(checkpoint, tmp_path):
    save_checkpoint(tmp_path / "last.pt", checkpoint)
    found = read(tmp_path / "last.pt")
    assert (found.arch, found.train, found.keypoints) == (checkpoint.arch, checkpoint.train, ())
    assert found.state.keys() == checkpoint.weights.keys()


def test_an_export_says_its_network_its_keypoints_and_how_it_is_read(checkpoint, small_arch, tmp_path):
    points = FORMATS["coco"].keypoint_set
    said = {"arch_id": small_arch.arch_id, "codec": "udp", "sigma": "1.5", "keypoints": json.dumps(to_plain(points))}
    save_file(dict(checkpoint.weights), tmp_path / "model.safetensors", metadata=said)
    write_mapping(tmp_path / "arch.yaml", small_arch.to_dict())
    for path in (tmp_path, tmp_path / "model.safetensors"):
        found = read(path)
        assert (found.arch, found.keypoints) == (small_arch, points.names)
        assert found.train is not None
        assert (found.train.codec, found.train.sigma) == ("udp", 1.5)


def test_the_architecture_of_another_network_beside_a_file_says_nothing(small_arch, tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "w.safetensors")
    write_mapping(tmp_path / "arch.yaml", small_arch.to_dict())
    found = read(tmp_path / "w.safetensors")
    assert (found.arch, found.train, found.keypoints) == (None, None, ())


@pytest.mark.parametrize("old", [False, True], ids=["zip", "before torch 1.6"])
def test_a_file_of_mmpose_may_hold_numpy_arrays(tmp_path, old):
    meta = {"dataset_meta": {"sigmas": np.ones(17, np.float32), "pairs": np.zeros((2, 2), int)}}
    content = {"meta": meta, "state_dict": {"backbone.conv1.conv.weight": torch.ones(2)}}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=not old)
    assert set(read(tmp_path / "w.pth").state) == {"backbone.conv1.conv.weight"}


class Code:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("hello"), "must be a whole torch file of plain tensors"),
        (lambda path: torch.save({"state_dict": {"a": torch.ones(1)}, "meta": Code()}, path), "plain tensors"),
        (lambda path: torch.save({"state_dict": {}}, path), "holds no tensors by name"),
        (
            lambda path: torch.save({"epoch": 3}, path),
            "holds no tensor under 'epoch'; a file of other authors",
        ),
    ],
)
def test_what_is_no_file_of_weights_is_refused(tmp_path, capsys, write, message):
    write(tmp_path / "w.pth")
    with pytest.raises(InvalidInput, match=rf"start_from must be a file of weights, but .*{message}"):
        read(tmp_path / "w.pth")
    assert not capsys.readouterr().out, "no code was run"


def test_a_broken_safetensors_file_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"12345678{}")
    with pytest.raises(InvalidInput, match=r"start_from must be .*w\.safetensors is no safetensors file"):
        read(tmp_path / "w.safetensors")
