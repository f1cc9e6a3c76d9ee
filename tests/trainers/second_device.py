"""A second device on a machine with one: torch's ``meta``, and fake tensors that say they are on a GPU.

Neither computes anything. Both refuse, as a GPU does, to mix their tensors with those of the processor.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner

META = torch.device("meta")
FAKE_GPU = torch.device("cuda:0")
GUARDS = "_ZN3c104impl26device_guard_impl_registryE"
"""The symbol of the array in which torch keeps a guard for each kind of device."""
CUDA_SLOT, META_SLOT, SLOTS = 1, 14, 15
"""Numbers of two kinds of devices in that array, and the length of what is read of it."""


def build_quickly(arch: Architecture, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """Return a network on the processor whose weights were never drawn: on a second device nobody reads them."""
    with monkeypatch.context() as patch:
        for name in ("normal_", "uniform_", "trunc_normal_"):
            patch.setattr(Tensor, name, lambda self, *_, **__: self, raising=False)
        return build_network(arch)


def learner_on(device: torch.device, network: nn.Module, **fields: Any) -> Learner:
    """Return a network in training on a device, with a batch of 4 samples unless ``fields`` say more."""
    learner = Learner(network, TrainConfig(**({"batch_size": 4} | fields)), Worker(device=device))
    learner.network.train()
    return learner


def batch_of(arch: Architecture, *, device: torch.device | str = "cpu", samples: int = 4) -> dict[str, Tensor]:
    """Return an empty batch for a network; a training begins with one on the processor."""
    shapes = {
        "image": (samples, 3, *arch.input_size),
        "target": (samples, arch.keypoints, *arch.heatmap_size),
        "weight": (samples, arch.keypoints),
    }
    return {name: torch.zeros(shape, device=device) for name, shape in shapes.items()}


@contextlib.contextmanager
def zeros_where_figures_are_read(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let what leaves ``meta`` for the processor, where a figure is read, be zeros."""
    to_processor = Tensor.cpu

    def cpu(tensor: Tensor) -> Tensor:
        return torch.zeros(tensor.shape, dtype=tensor.dtype) if tensor.is_meta else to_processor(tensor)

    with monkeypatch.context() as patch:
        patch.setattr(Tensor, "cpu", cpu)
        patch.setattr(Tensor, "__float__", lambda tensor: float(cpu(tensor).item()), raising=False)
        yield


@contextlib.contextmanager
def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tensors be made on a GPU that is not there, and autocast take it for one.

    A torch that was built with CUDA guards such a GPU by itself. One without CUDA is lent the guard of ``meta``, which does
    nothing; its autograd cannot be lent anything, so nothing here may need gradients.
    """
    with monkeypatch.context() as patch:
        patch.setattr("torch.cuda.amp.common.amp_definitely_not_available", lambda: False)
        patch.setattr("torch.cuda.is_bf16_supported", lambda *_, **__: True)
        with _guard(), FakeTensorMode(), torch.no_grad():
            yield


@contextlib.contextmanager
def _guard() -> Iterator[None]:
    if torch.cuda._is_compiled():
        yield
        return
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    try:
        slots = (ctypes.c_void_p * SLOTS).in_dll(library, GUARDS)
    except ValueError:
        pytest.skip("this torch hides its guards, so that no tensor can pretend to be on a GPU")
    assert slots[CUDA_SLOT] is None
    slots[CUDA_SLOT] = slots[META_SLOT]
    try:
        yield
    finally:
        slots[CUDA_SLOT] = None


def moved_to_fake_gpu(network: nn.Module) -> nn.Module:
    """Return a network with empty parameters and buffers on the GPU that is not there."""
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                empty = torch.empty(parameter.shape, device=FAKE_GPU)
                module._parameters[name] = nn.Parameter(empty, requires_grad=False)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=FAKE_GPU)
    return network
