"""A network that reads shared weights is the network with a copy of them, and blocks of all widths do the same."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import preset
from search_spaces.space.elastic_space import elastic_space
from tests.profiles import examples
from tests.trainers.networks.dite_hrnet.sharing import SPACES, copied, drawn, envelope, store_of
from trainers.networks.dite_hrnet import shared_layout
from trainers.networks.dite_hrnet.build import build_block, build_network
from trainers.networks.dite_hrnet.shared_layout import layout_of
from trainers.networks.dite_hrnet.shared_weights import SharedWeights

SMALL = ("tiny_128", "poolings and bottlenecks", "lite", "lite with dsc")


def images(seed: int) -> Tensor:
    return torch.randn(2, 3, 64, 32, generator=torch.Generator().manual_seed(seed))


def check_exactness(name: str, seed: int) -> None:
    """A view, an export and a copy by numpy: outputs in both modes and gradients are equal to the last bit."""
    arch, store, x = drawn(name, seed), store_of(name), images(seed)
    store.zero_grad()
    network, exported, view = copied(store, arch).train(), store.export(arch).train(), store.view(arch)
    outputs = network(x)
    seen = view(x)
    assert torch.equal(seen, outputs)
    assert torch.equal(exported(x), outputs)
    network.eval()
    with torch.no_grad():
        scored = network(x)
        assert torch.equal(exported.eval()(x), scored)
        assert torch.equal(functional_call(network, view.tensors(), (x,)), scored)
    outputs.square().mean().backward()
    seen.square().mean().backward()
    check_gradients(store, arch, network)


def check_gradients(store: SharedWeights, arch: ArchConfig, network: nn.Module) -> None:
    """The gradients of a network stand in their places of the store, and all others are 0 or none."""
    expected: dict[str, Any] = {}
    parts, shared = layout_of(arch, envelope_of(store)), dict(store.named_parameters())
    for name, parameter in network.named_parameters():
        part = parts[name]
        if parameter.grad is None:
            assert shared[part.role].grad is None, name
            continue
        values = expected.setdefault(part.role, np.zeros(part.shared_shape, np.float32))
        places = np.ix_(*(axis.indices for axis in part.axes))
        values[places] += parameter.grad.numpy().reshape(values[places].shape)
    for role, parameter in shared.items():
        if role not in expected:
            assert parameter.grad is None, role
        else:
            assert parameter.grad is not None, role
            assert np.array_equal(parameter.grad.numpy(), expected[role]), role


def envelope_of(store: SharedWeights) -> Any:
    return store.envelope


@examples(3, 100)
@given(st.sampled_from(SMALL), st.integers(0, 2**31))
def test_networks_equal_their_copies(name: str, seed: int) -> None:
    check_exactness(name, seed)


@pytest.mark.nightly
@pytest.mark.slow
@examples(100, 100)
@given(st.sampled_from(sorted(SPACES)), st.integers(0, 2**31))
def test_a_hundred_networks_equal_their_copies(name: str, seed: int) -> None:
    check_exactness(name, seed)


def test_a_network_of_the_large_space_has_a_view() -> None:
    """Its outputs stand in the nightly form; here its tensors are read."""
    smallest: Any = elastic_space(SPACES["dite_hrnet"]).smallest
    store = store_of("dite_hrnet")
    tensors, parts = store.view(smallest).tensors(), layout_of(smallest, envelope("dite_hrnet"))
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {n: part.shape for n, part in parts.items()}
    assert all(tensor.is_contiguous() for tensor in tensors.values())


# Which channels a narrower block works on


@cache
def block_sizes() -> Any:
    """Return the envelope of blocks of two branches with halves of different widths, and several G and N."""
    return dataclasses.replace(
        envelope("poolings and bottlenecks"),
        widths=((16, 24, 32), (16, 32, 48), (32, 64), (32, 64)),
        groups=((1, 2, 4), (1, 2, 4), (1,), (1,)),
        kernels=(2, 2, 1, 1),
    )


def difference_of_blocks(arch: ArchConfig, sizes: Any, seed: int = 0) -> float:
    """Return by how much a narrower block, and a path that reads it, differ from the widest with other channels silent.

    The result is a share of the largest output.
    """
    torch.manual_seed(seed)
    store = SharedWeights(sizes)
    with torch.no_grad():
        for parameter in store.parameters():
            parameter.normal_(0.1, 0.3)
    wide = dataclasses.replace(
        arch,
        widths=sizes.largest_widths,
        context_reductions=sizes.context_reductions,
        cross_reduction=sizes.cross_reduction,
        attention_reduction=sizes.attention_reduction,
    )
    branches, prefix = 2, "stages.0.fused_modules.0."
    narrow_block, path = _module(store, arch, prefix, branches)
    silenced = _silenced(store, layout_of(arch, sizes))
    wide_block, wide_path = _module(silenced, wide, prefix, branches)
    inputs = [torch.randn(3, width, 8 >> b, 8 >> b) for b, width in enumerate(arch.widths[:branches])]
    places = [axis.indices for axis in _anchors(arch, sizes)]
    spread = []
    for b, values in enumerate(inputs):
        full = torch.zeros(3, wide.widths[b], *values.shape[2:])
        full[:, places[b]] = values
        spread.append(full)
    found, expected = narrow_block(inputs), wide_block(spread)
    pairs = [(path(found[1]), wide_path(expected[1])[:, places[0]])]
    columns = [axis.indices for axis in _columns(arch, sizes)]
    # Behind the widest block of the same G, a channel stands where that block's own order puts it.
    own = [np.argsort(axis.indices) for axis in _columns(wide, sizes)]
    pairs += [(found[b], expected[b][:, own[b][columns[b]]]) for b in range(branches)]
    return max(float(((a - b).abs().max() / b.abs().max()).detach()) for a, b in pairs)


def _module(store: SharedWeights, arch: ArchConfig, prefix: str, branches: int) -> tuple[nn.Module, nn.Module]:
    """Return a block, and the path up from its second branch, of a network that reads a store."""
    network = copied(store, arch).train()
    module: Any = network.get_submodule(prefix.removesuffix("."))
    assert len(build_block(arch, branches).convs) == branches
    return module.blocks[0], module.fusion.get_submodule("paths.0.1.project")


def _silenced(store: SharedWeights, parts: dict[str, Any]) -> SharedWeights:
    """Return a copy of a store in which all values that a network does not read are 0."""
    silent = copy.deepcopy(store)
    shared = dict(silent.named_parameters())
    kept = {role: np.zeros(tuple(parameter.shape), bool) for role, parameter in shared.items()}
    for part in parts.values():
        kept[part.role][np.ix_(*(axis.indices for axis in part.axes))] = True
    with torch.no_grad():
        for role, parameter in shared.items():
            parameter.mul_(torch.from_numpy(kept[role]))
    return silent


def _anchors(arch: ArchConfig, sizes: Any) -> Iterator[Any]:
    yield from shared_layout._Layout(arch, sizes)._anchors


def _columns(arch: ArchConfig, sizes: Any) -> Iterator[Any]:
    yield from shared_layout._Layout(arch, sizes)._columns


NARROW = dataclasses.replace(
    next(iter(SPACES["tiny_128"].enumerate())),
    widths=(16, 32, 32, 32),
    context_pooling="spatial",
    kernels=(2, 2, 1, 1),
    modules=(1, 1, 1),
)


@pytest.mark.parametrize("groups", [(1, 1), (1, 4), (2, 4), (4, 2)])
def test_a_narrower_block_equals_the_widest_with_other_channels_silent(groups: tuple[int, int]) -> None:
    arch: Any = dataclasses.replace(NARROW, groups=(*groups, 1, 1))
    assert difference_of_blocks(arch, block_sizes()) < 1e-5


def first_channels(width: int, largest: int, parts: int) -> Any:
    """Return the index set that would be wrong."""
    return np.arange(width)


def by_place(half: int, groups: int) -> Any:
    """Return the order that would ignore the shuffle behind a split."""
    return np.arange(half)


@pytest.mark.parametrize(("name", "wrong"), [("anchor", first_channels), ("after_split", by_place)])
def test_a_wrong_index_set_is_noticed(name: str, wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    arch: Any = dataclasses.replace(NARROW, groups=(2, 4, 1, 1))
    if name == "anchor":
        # The prefix has no second half among the channels that the widest block works on.
        monkeypatch.setattr(shared_layout, "worked", lambda places, largest: places[: len(places) // 2])
    monkeypatch.setattr(shared_layout, name, wrong)
    assert difference_of_blocks(arch, block_sizes()) > 0.1


# Stores


def test_initial_values_are_those_of_networks() -> None:
    torch.manual_seed(0)
    store = dict(SharedWeights(envelope("tiny_128")).named_parameters())
    torch.manual_seed(0)
    network = dict(build_network(preset("dite_hrnet_18")).named_parameters())
    block, own = "stages/0/fused_modules/0/blocks/0", "stages.0.fused_modules.0.blocks.0"
    dynamic = store[f"{block}/convs/0/of_1/0/conv/kernels"]
    expected = network[f"{own}.convs.0.operations.0.conv.kernels"]
    assert float((dynamic.std() / expected.std()).detach()) == pytest.approx(1, abs=0.2)
    assert float(store["final/weight"].std()) == pytest.approx(0.001, rel=0.2)
    assert float(store["final/bias"].abs().max()) == 0.0
    assert float(store[f"{block}/contexts/0/bn/weight"].min()) == 1.0
    assert not store[f"{block}/cross/released/masks/1/weight"].requires_grad


def test_a_network_without_a_place_is_refused() -> None:
    store = store_of("tiny_128")
    for make in (store.view, store.export):
        with pytest.raises(InvalidInput, match=r"network \w{12} has no place in the shared weights: stem_width must be 16"):
            make(preset("dite_hrnet_18"))


def test_a_view_remembers_no_statistics() -> None:
    arch = drawn("tiny_128", 3)
    view = store_of("tiny_128").view(arch)
    view(images(0))
    assert list(view.network.buffers()) == []
    assert all(parameter.is_meta for parameter in view.network.parameters())
    exported = store_of("tiny_128").export(arch)
    assert all(float(value) in (0.0, 1.0) for buffer in exported.buffers() for value in (buffer.min(), buffer.max()))


def test_an_export_is_a_copy() -> None:
    store, arch = copy.deepcopy(store_of("tiny_128")), drawn("tiny_128", 5)
    exported = store.export(arch)
    before = {name: value.clone() for name, value in exported.state_dict().items()}
    with torch.no_grad():
        for parameter in store.parameters():
            parameter.add_(1.0)
    assert all(torch.equal(value, before[name]) for name, value in exported.state_dict().items())
    exported.train()(images(0))
    assert torch.equal(store.state_dict()["final/bias"], store_of("tiny_128").state_dict()["final/bias"] + 1)
