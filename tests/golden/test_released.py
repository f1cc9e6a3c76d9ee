"""The published networks: their checkpoints load key by key and give their outputs."""

from __future__ import annotations

import dataclasses
import os
import pickle
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from tests.profiles import examples, first_at_a_commit
from tests.strategies import architectures
from trainers.networks import load_released_checkpoint
from trainers.networks.dite_hrnet.dynamic_conv import DynamicKernelAggregation
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.networks.dite_hrnet.released_checkpoint import infer_arch, released_key, translate
from trainers.networks.load import load_published
from trainers.networks.registry import build_network

PUBLISHED = {"ditehrnet_18": "dite_hrnet_18", "litehrnet_18": "lite_hrnet_18"}


@pytest.fixture(scope="module")
def arithmetic_of_the_record() -> Iterator[ProcessPoolExecutor]:
    """Yield a process that rounds as the process of the recorded outputs did, whatever the processor.

    Kernel attention normalises averages over the image whose spread is small against their size. The rounding of an average
    therefore grows some thousandfold on its way out. The record's sums are those of two threads or more, and of the path
    that Intel's MKL takes on processors of all makers. Other orders are off by 3e-4 to 6e-4 of the largest value, as far as
    the record itself is from exact arithmetic. MKL is told so before its first sum, thus in a process of its own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MKL_CBWR", "COMPATIBLE")
        with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (2,)) as process:
            process.submit(os.getpid).result()
            yield process


def deviation(reference: Path, name: str, network: PoseNetwork) -> float:
    """The largest deviation from the recorded output, as a fraction of its largest value."""
    recorded = np.load(reference / f"{name}_coco_256x192_io.npz")
    return deviation_of(network(torch.from_numpy(recorded["input"])), reference, name)


def deviation_of(output: Tensor, reference: Path, name: str) -> float:
    expected = torch.from_numpy(np.load(reference / f"{name}_coco_256x192_io.npz")["output"])
    assert output.shape == expected.shape == (2, 17, 64, 48)
    return float((output - expected).abs().max() / expected.abs().max())


def use_linear_kernels(network: PoseNetwork, name: str) -> None:
    dynamic = [module for module in network.modules() if isinstance(module, DynamicKernelAggregation)]
    assert bool(dynamic) == (name == "ditehrnet_18")
    for module in dynamic:
        module.linear = True


@torch.no_grad()
def deviations(reference: Path, name: str) -> tuple[float, float]:
    """Of the published network from the record, with its dynamic kernels summed and in their linear form."""
    network = load_released_checkpoint(reference / f"{name}_coco_256x192.pth")
    summed = deviation(reference, name, network)
    use_linear_kernels(network, name)
    return summed, deviation(reference, name, network)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_published_outputs_are_reproduced(reference: Path, name: str, arithmetic_of_the_record: ProcessPoolExecutor) -> None:
    summed, linear = arithmetic_of_the_record.submit(deviations, reference, name).result()
    assert summed <= 1e-4
    assert linear <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize(("name", "bound"), first_at_a_commit([("ditehrnet_18", 1e-3), ("litehrnet_18", 1e-4)]))
@torch.no_grad()
def test_exact_arithmetic_agrees_with_the_record_and_with_itself(reference: Path, name: str, bound: float) -> None:
    """In double precision nothing depends on the order of sums: both evaluations of dynamic kernels are one."""
    network = load_released_checkpoint(reference / f"{name}_coco_256x192.pth").double()
    images = torch.from_numpy(np.load(reference / f"{name}_coco_256x192_io.npz")["input"]).double()
    output = network(images)
    assert deviation_of(output, reference, name) <= bound
    use_linear_kernels(network, name)
    torch.testing.assert_close(network(images), output, rtol=0, atol=1e-9 * float(output.abs().max()))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_architecture_is_inferred(reference: Path, name: str) -> None:
    arch, network = load_published(reference / f"{name}_coco_256x192.pth")
    assert arch.arch_id == preset(PUBLISHED[name]).arch_id
    assert not network.training


def randomise(network: PoseNetwork) -> None:
    """Weights and running statistics that leave no part of the network idle."""
    generator = torch.Generator().manual_seed(7)
    for key, tensor in network.state_dict().items():
        if key.endswith("running_var"):
            tensor.uniform_(0.5, 1.5, generator=generator)
        elif tensor.is_floating_point():
            tensor.normal_(0.1, 0.5, generator=generator)


def save_released(arch: ArchConfig, path: Path) -> PoseNetwork:
    network = build_network(arch).eval()
    randomise(network)
    state = {released_key(key, arch.canonical): value.clone() for key, value in network.state_dict().items()}
    assert len(state) == len(network.state_dict()), "two of our keys share a published one"
    torch.save({"state_dict": state, "meta": {"epoch": 3}}, path)
    return network


@pytest.mark.slow
@given(arch=architectures(released=True))
@examples(5, nightly=150)
@torch.no_grad()
def test_any_network_of_the_published_layout_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, arch: ArchConfig
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pth"
    network = save_released(arch, path)
    inferred, loaded = load_published(path, input_size=arch.input_size)
    assert inferred.arch_id == arch.arch_id
    images = torch.randn(2, 3, *arch.input_size, generator=torch.Generator().manual_seed(0))
    expected = network(images)
    assert expected.isfinite().all()
    torch.testing.assert_close(loaded(images), expected, rtol=0, atol=0)


SMALL = ArchConfig(
    stem_width=16, widths=(8, 16, 24, 32), modules=(1, 1, 1), blocks_per_module=1, groups=(1, 1, 2, 4), input_size=(64, 32)
)
SMALL_LITE = dataclasses.replace(SMALL, stem="lite", block="lite", fusion="before_relu")


@pytest.fixture(scope="module", params=[SMALL, SMALL_LITE], ids=["dite", "lite"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    path = tmp_path_factory.mktemp("released") / "small.pth"
    save_released(request.param, path)
    content: dict[str, dict[str, Tensor]] = torch.load(path, weights_only=True)
    return content["state_dict"]


def refusal(path: Path, content: Any) -> str:
    torch.save(content, path)
    with pytest.raises(InvalidInput) as error:
        load_released_checkpoint(path)
    message = str(error.value)
    assert message.startswith(f"checkpoint {path}")
    assert "\n" not in message
    return message


FINAL = "keypoint_head.final_layer.weight"
FUSED = "backbone.stage2.0.fuse_layers.3.0.2.2.weight"


def test_a_plain_state_dict_loads_too(tmp_path: Path, checkpoint: dict[str, Tensor]) -> None:
    torch.save(checkpoint, tmp_path / "plain.pth")
    assert load_released_checkpoint(tmp_path / "plain.pth", input_size=(64, 32)).final.out_channels == 17


@pytest.mark.parametrize("key", [FINAL, FUSED, "backbone.stem.conv1.conv.weight"])
def test_a_missing_key_is_named(tmp_path: Path, checkpoint: dict[str, Tensor], key: str) -> None:
    assert key in checkpoint
    assert f"key {key!r} is missing" in refusal(tmp_path / "a.pth", {k: v for k, v in checkpoint.items() if k != key})


@pytest.mark.parametrize("extra", ["backbone.stem.conv9.weight", "optimizer", FUSED + ".copy"])
def test_an_unexpected_key_is_named(tmp_path: Path, checkpoint: dict[str, Tensor], extra: str) -> None:
    assert f"key {extra!r} is unexpected" in refusal(tmp_path / "a.pth", {**checkpoint, extra: torch.zeros(1)})


def test_a_wrong_shape_is_named_with_both_shapes(tmp_path: Path, checkpoint: dict[str, Tensor]) -> None:
    wrong = torch.zeros(32, 9, 1, 1)
    message = refusal(tmp_path / "a.pth", {**checkpoint, FUSED: wrong})
    assert f"key {FUSED!r} must have shape (32, 8, 1, 1), got (32, 9, 1, 1)" in message


blank_network = cache(build_network)


def unfit(state: dict[str, Tensor]) -> str:
    """The reason why a state dict does not load, without writing a file for each."""
    try:
        arch = infer_arch({key: tuple(value.shape) for key, value in state.items()}, input_size=(64, 32))
        translate(state, blank_network(arch.canonical), arch)
    except InvalidInput as error:
        return str(error)
    pytest.fail("the state dict was accepted")


def one_of_each_kind(checkpoint: dict[str, Tensor]) -> list[str]:
    """Keys that differ in more than their numbers: some decide the architecture, all decide whether it fits."""
    return list({"".join(c for c in key if not c.isdigit()): key for key in checkpoint}.values())


def test_no_missing_key_escapes_as_another_error(checkpoint: dict[str, Tensor]) -> None:
    for key in one_of_each_kind(checkpoint):
        assert "key '" in unfit({k: v for k, v in checkpoint.items() if k != key})


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape", first_at_a_commit([((5000, 2, 3, 3),), ((),), ((3,),), ((0, 4, 1, 1),)], commit=2), ids=str
)
def test_no_wrong_shape_passes_or_escapes_as_another_error(checkpoint: dict[str, Tensor], shape: tuple[int, ...]) -> None:
    for key in one_of_each_kind(checkpoint):
        if checkpoint[key].shape != shape:
            assert unfit({**checkpoint, key: torch.zeros(shape)})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({}, "is missing"),
        ([1, 2], "must hold named fields, got list"),
        ({"state_dict": 3}, "must hold a 'state_dict' of tensors with names"),
        ({"state_dict": {FINAL: "weights"}}, "must hold a 'state_dict' of tensors"),
        ({"state_dict": {3: torch.zeros(1)}}, "must hold a 'state_dict' of tensors with names"),
        (torch.zeros(3), "must hold named fields, got Tensor"),
    ],
    ids=["empty", "list", "number", "text", "numbered", "tensor"],
)
def test_content_that_is_no_checkpoint(tmp_path: Path, content: Any, reason: str) -> None:
    assert reason in refusal(tmp_path / "a.pth", content)


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    message = refusal(tmp_path / "evil.pth", {"state_dict": Evil(marker)})
    assert "must be a whole torch file of plain tensors" in message
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(InvalidInput, match="must be a whole torch file of plain tensors"):
        load_released_checkpoint(tmp_path / "evil.pkl")
    assert not marker.exists()
    pickle.loads((tmp_path / "evil.pkl").read_bytes())
    assert marker.exists(), "the trap itself must work"


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"\x80", b"\x80\x02}q\x00.", b"PK\x03\x04", bytes(range(256)), b"(" * 64 + b"."], ids=repr
)
def test_bytes_that_are_no_torch_file(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput) as error:
        load_released_checkpoint(path)
    assert str(error.value).startswith(f"checkpoint {path}")


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.6, 0.98])
def test_a_truncated_file(tmp_path: Path, checkpoint: dict[str, Tensor], fraction: float) -> None:
    whole, part = tmp_path / "whole.pth", tmp_path / "part.pth"
    torch.save(checkpoint, whole)
    content = whole.read_bytes()
    part.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(InvalidInput, match="must be a whole torch file of plain tensors"):
        load_released_checkpoint(part)


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"absent\.pth does not exist"):
        load_released_checkpoint(tmp_path / "absent.pth")
