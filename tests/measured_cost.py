"""The cost of a built network, as fvcore counts it: the judge of the closed form.

fvcore's trace takes several seconds for a deep network, mostly for repeating the same modules. `SharedCounts` traces each
distinct part once. Every module that the forward pass calls is counted under its real sizes. Parts with the same types,
settings, parameter shapes and input sizes share one trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.families.dite_hrnet.config import ArchConfig
from trainers.evaluation.counting import count_macs
from trainers.networks.dite_hrnet.network import PoseNetwork


class SharedCounts:
    """fvcore part by part, each distinct part traced once."""

    def __init__(self) -> None:
        self._macs: dict[object, int] = {}

    def macs(self, arch: ArchConfig, network: PoseNetwork) -> int:
        parts = [part for part in _parts(network) if not isinstance(part, nn.Identity)]
        covered = {id(module) for part in parts for module in part.modules()}
        assert all(id(m) in covered for m in network.modules() if isinstance(m, nn.Conv2d)), "a convolution is in no part"
        total = 0

        def count(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            nonlocal total
            key = (_signature(module), str([_shape(value) for value in inputs]))
            if key not in self._macs:
                self._macs[key] = count_macs(_Call(module), inputs)
            total += self._macs[key]

        calls: list[tuple[nn.Module, tuple[Any, ...]]] = []
        handles = [part.register_forward_pre_hook(lambda module, inputs: calls.append((module, inputs))) for part in parts]
        with torch.no_grad():
            network(torch.zeros(1, 3, *arch.input_size))
        for handle in handles:
            handle.remove()
        for module, inputs in calls:
            count(module, inputs)
        return total


class _Call(nn.Module):
    """A root of its own for the trace, so that names of scopes start anew."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any) -> Any:
        return self.module(*inputs)


def _parts(network: PoseNetwork) -> Iterator[nn.Module]:
    """Parts that together hold every convolution; what joins them only adds, splits and shuffles."""
    yield network.stem
    for stage in network.stages:
        yield from (*stage.transition.kept, stage.transition.new)
        for fused in stage.fused_modules:
            for block in fused.blocks:
                yield from (block.cross, *block.convs, *block.contexts)
            for paths in fused.fusion.paths:
                yield from paths
    yield from network.head.projects
    yield network.final


def _shape(value: Any) -> Any:
    return tuple(value.shape) if isinstance(value, Tensor) else [_shape(item) for item in value]


def _signature(module: nn.Module) -> str:
    """Everything that decides a module's cost, apart from its input: types, plain settings, parameter shapes."""
    parts = []
    for name, child in module.named_modules():
        settings = {k: v for k, v in vars(child).items() if isinstance(v, int | str | tuple) and not k.startswith("_")}
        shapes = {k: tuple(v.shape) for k, v in child.named_parameters(recurse=False)}
        parts.append((name, type(child).__name__, sorted(settings.items(), key=str), sorted(shapes.items())))
    return repr(parts)
