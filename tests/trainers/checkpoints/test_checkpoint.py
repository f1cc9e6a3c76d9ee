"""Checkpoints: whole or absent, read without running code, and clear about what does not fit."""

from __future__ import annotations

import dataclasses
import errno
import os
import pickle

import pytest
import torch

from search_spaces.common.errors import InvalidInput, StorageFull
from trainers.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from trainers.networks.dite_hrnet.released_checkpoint import released_key
from trainers.networks.load import load_any_network, load_network
from trainers.networks.registry import build_network


def with_weights(checkpoint: Checkpoint, weights: dict[str, torch.Tensor]) -> Checkpoint:
    return dataclasses.replace(checkpoint, state={**checkpoint.state, "network": weights})


def test_round_trip(checkpoint, tmp_path):
    path = tmp_path / "deep" / "last.pt"
    save_checkpoint(path, checkpoint)
    loaded = load_checkpoint(path)
    for field in ("arch", "train", "data", "curve", "position", "loss", "seconds"):
        assert getattr(loaded, field) == getattr(checkpoint, field)
    arch, network = load_network(path)
    assert arch == checkpoint.arch
    images = torch.randn(2, 3, *arch.input_size)
    original = build_network(arch)
    original.load_state_dict(dict(checkpoint.weights))
    assert torch.equal(network(images), original.eval()(images))
    assert os.listdir(path.parent) == ["last.pt"]


def test_averaged_weights_are_the_ones_to_ship(checkpoint, tmp_path):
    average = {key: torch.ones_like(value) for key, value in checkpoint.weights.items()}
    state = {**checkpoint.state, "average": average, "averaged_steps": 7}
    save_checkpoint(tmp_path / "best.pt", dataclasses.replace(checkpoint, state=state))
    _, network = load_network(tmp_path / "best.pt")
    assert all(torch.equal(value, average[key]) for key, value in network.state_dict().items())


def test_a_published_checkpoint_is_recognised(checkpoint, small_arch, tmp_path):
    state = {released_key(key, small_arch): value for key, value in checkpoint.weights.items()}
    torch.save({"state_dict": state}, tmp_path / "published.pth")
    arch, _ = load_any_network(tmp_path / "published.pth")
    assert dataclasses.replace(arch, input_size=small_arch.input_size).arch_id == small_arch.arch_id


def test_missing_and_truncated_files(checkpoint, tmp_path):
    path = tmp_path / "last.pt"
    with pytest.raises(InvalidInput, match=r"checkpoint .*last\.pt does not exist"):
        load_checkpoint(path)
    save_checkpoint(path, checkpoint)
    for size in (0, 10, 1000, path.stat().st_size // 2, path.stat().st_size - 100):
        cut = tmp_path / f"cut{size}.pt"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(InvalidInput, match=rf"checkpoint .*cut{size}\.pt must be a whole torch file of plain tensors"):
            load_checkpoint(cut)


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil-was-here",)


def test_code_in_a_checkpoint_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "network": Evil()}, "evil.pt")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.pt", "evil.pkl"):
        with pytest.raises(InvalidInput, match=f"checkpoint {name} must be a whole torch file of plain tensors"):
            load_checkpoint(tmp_path.__class__(name))
    assert not (tmp_path / "evil-was-here").exists()


def test_a_checkpoint_of_another_shape_names_the_key(checkpoint, tmp_path):
    path = tmp_path / "last.pt"
    other = dataclasses.replace(checkpoint.arch, keypoints=16)
    save_checkpoint(path, dataclasses.replace(checkpoint, arch=other))
    with pytest.raises(
        InvalidInput, match=r"last\.pt: final\.weight must have shape \(16, \d+, 1, 1\), got \(17, \d+, 1, 1\)"
    ):
        load_network(path)
    lacking = {key: value for key, value in checkpoint.weights.items() if key != "final.bias"}
    save_checkpoint(path, with_weights(checkpoint, lacking))
    with pytest.raises(InvalidInput, match=r"last\.pt must hold the key 'final\.bias', which is missing"):
        load_network(path)
    save_checkpoint(path, with_weights(checkpoint, {**checkpoint.weights, "extra": torch.zeros(1)}))
    with pytest.raises(InvalidInput, match="holds the key 'extra', which the network has not"):
        load_network(path)


def test_a_torch_file_of_something_else(tmp_path):
    torch.save({"format": 1}, tmp_path / "old.pt")
    with pytest.raises(InvalidInput, match=r"old\.pt must have format 2, got 1"):
        load_checkpoint(tmp_path / "old.pt")
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.pt")
    with pytest.raises(InvalidInput, match=r"other\.pt must hold the field 'format'; is it a dite-search checkpoint\?"):
        load_checkpoint(tmp_path / "other.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(InvalidInput, match=r"list\.pt must hold named fields, got list"):
        load_checkpoint(tmp_path / "list.pt")


def test_a_failed_write_keeps_the_checkpoint_before(checkpoint, tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    save_checkpoint(path, checkpoint)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFull, match=r"checkpoint .*last\.pt cannot be written: no space left in .*"):
        save_checkpoint(path, dataclasses.replace(checkpoint, position=4))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["last.pt"]
