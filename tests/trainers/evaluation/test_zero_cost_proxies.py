"""Zero-cost proxies: by hand on networks of a layer or two, and as figures of whole networks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import resized
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.presets import TABLE_6
from search_spaces.registry import preset
from tests.profiles import by_profile, examples
from tests.strategies import architectures
from trainers.evaluation.zero_cost_proxies import (
    PROXIES,
    context_variation,
    drawn_batch,
    grad_norm,
    kernel_variation,
    log_determinant,
    measure,
    naswot,
    synflow,
)
from trainers.networks.dite_hrnet.context import ChannelAttention
from trainers.networks.dite_hrnet.dynamic_conv import KernelAttention

pytestmark = pytest.mark.slow


def batch_of(image: Tensor) -> dict[str, Tensor]:
    return {"image": image}


def random_batch(arch: ArchConfig, *, count: int = 4, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "image": torch.randn(count, 3, *arch.input_size, generator=generator),
        "target": torch.rand(count, arch.keypoints, *arch.heatmap_size, generator=generator),
        "weight": torch.ones(count, arch.keypoints),
    }


def pointwise(weights: np.ndarray) -> nn.Conv2d:
    conv = nn.Conv2d(weights.shape[1], weights.shape[0], 1, bias=False).double()
    conv.weight.data = torch.from_numpy(weights)[:, :, None, None].clone()
    return conv


def at_kaiming_scale(weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(weights) / np.sqrt((weights**2).mean()) * np.sqrt(2 / weights.shape[1]))


@pytest.fixture
def two_layers() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    return generator.normal(size=(4, 3)), generator.normal(size=(2, 4))


# synflow


def test_synflow_of_two_linear_layers(two_layers: tuple[np.ndarray, np.ndarray]) -> None:
    """Each layer's Σ θ·∂R/∂θ is R itself, and R is a product of matrices at each of the 5×7 positions."""
    first, second = two_layers
    flow = 5 * 7 * np.sum(at_kaiming_scale(second) @ at_kaiming_scale(first))
    network = nn.Sequential(pointwise(first), pointwise(second))
    assert synflow(network, batch_of(torch.zeros(2, 3, 5, 7, dtype=torch.double))) == pytest.approx(math.log(2 * flow))


def test_synflow_sees_batch_norm_as_the_identity(two_layers: tuple[np.ndarray, np.ndarray]) -> None:
    """Nearly: a factor of (1 + ε) to the power of a half."""
    batch = batch_of(torch.zeros(2, 3, 5, 7, dtype=torch.double))
    plain = synflow(nn.Sequential(*map(pointwise, two_layers)), batch)
    norm = nn.BatchNorm2d(4).double()
    normalised = synflow(nn.Sequential(pointwise(two_layers[0]), norm, nn.ReLU(), pointwise(two_layers[1])), batch)
    assert normalised == pytest.approx(plain - 0.5 * math.log(1 + norm.eps), rel=1e-12)


def test_synflow_is_the_same_at_every_scale_and_sign_of_the_weights(two_layers: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = two_layers
    batch = batch_of(torch.zeros(2, 3, 5, 7, dtype=torch.double))
    expected = synflow(nn.Sequential(pointwise(first), pointwise(second)), batch)
    assert synflow(nn.Sequential(pointwise(-1e-9 * first), pointwise(1e9 * second)), batch) == pytest.approx(expected)


def test_synflow_passes_no_flow_through_gates(two_layers: tuple[np.ndarray, np.ndarray]) -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.gate = pointwise(two_layers[0]), pointwise(two_layers[0])

        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(self.gate(x)).mul(self.conv(x))

    batch = batch_of(torch.zeros(2, 3, 5, 7, dtype=torch.double))
    assert synflow(Gated(), batch) == pytest.approx(synflow(pointwise(two_layers[0]), batch) + math.log(0.5))


def test_synflow_of_a_deep_network_is_finite() -> None:
    arch = resized(preset("dite_hrnet_30"), input_size="64x64")
    value = measure(arch, ["synflow"], seed=0)["synflow"]
    assert value > math.log(torch.finfo(torch.float32).max), "what single precision cannot hold"


# grad_norm


def test_grad_norm_by_hand() -> None:
    """Of a 1×1 convolution: ∂L/∂W = 2/(B·K·h·w) Σ v²·(Wx + b - t)·x, and the same without x for b."""
    generator = np.random.default_rng(1)
    x, t = generator.normal(size=(3, 3, 4, 4)), generator.normal(size=(3, 2, 4, 4))
    v = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    conv = nn.Conv2d(3, 2, 1).double()
    weight, bias = (part.detach().numpy().squeeze() for part in conv.parameters())
    outputs = np.einsum("ki,bihw->bkhw", weight, x) + bias[None, :, None, None]
    slope = 2 / t.size * (v**2)[:, :, None, None] * (outputs - t)
    by_hand = math.hypot(np.linalg.norm(np.einsum("bkhw,bihw->ki", slope, x)), np.linalg.norm(slope.sum((0, 2, 3))))
    batch = {"image": torch.from_numpy(x), "target": torch.from_numpy(t), "weight": torch.from_numpy(v)}
    assert grad_norm(conv, batch) == pytest.approx(by_hand)


def test_grad_norm_of_a_network_that_is_right_is_zero() -> None:
    image = torch.ones(2, 3, 4, 4, dtype=torch.double)
    conv = pointwise(np.ones((1, 3)))
    batch = {"image": image, "target": 3 * image[:, :1], "weight": torch.ones(2, 1, dtype=torch.double)}
    assert grad_norm(conv, batch) == 0


# naswot


def codes(*rows: list[int]) -> Tensor:
    """Images (B, 1, 1, units) that a ReLU is on at where there is a 1."""
    return torch.tensor(rows, dtype=torch.double)[:, None, None] - 0.5


def test_naswot_by_hand() -> None:
    """Units on which images agree: 4 with themselves, 3 for the first two, 1 and 0 with the third."""
    batch = batch_of(codes([1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1]))
    kernel = np.array([[4, 3, 0], [3, 4, 1], [0, 1, 4]])
    assert naswot(nn.ReLU(), batch) == pytest.approx(math.log(np.linalg.det(kernel)))


def test_naswot_of_equal_codes_is_lowest() -> None:
    same, near, opposite = (
        naswot(nn.ReLU(), batch_of(codes([1, 0, 1, 0], other))) for other in ([1, 0, 1, 0], [1, 0, 1, 1], [0, 1, 0, 1])
    )
    assert same == -math.inf
    assert same < near < opposite
    assert opposite == pytest.approx(2 * math.log(4)), "units to the power of images"


def test_naswot_counts_a_relu_however_it_is_called() -> None:
    class Called(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x)

    batch = batch_of(codes([1, 0, 1], [1, 1, 1]))
    once = naswot(nn.ReLU(), batch)
    assert naswot(Called(), batch) == once
    assert naswot(nn.ReLU(inplace=True), batch_of(batch["image"].clone())) == once
    twice = naswot(nn.Sequential(Called(), nn.ReLU()), batch)
    assert twice == pytest.approx(once + 2 * math.log(2)), "each unit counted twice"


def test_determinants() -> None:
    assert log_determinant(torch.eye(3, dtype=torch.double) * 2) == pytest.approx(3 * math.log(2))
    assert log_determinant(torch.ones(2, 2, dtype=torch.double)) == -math.inf


# variations of the dynamic parts


def said(kind: type[nn.Module], weights: Tensor) -> nn.Module:
    """A module of a kind whose weights are always these."""

    class Said(kind):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            nn.Module.__init__(self)

        def forward(self, x: Tensor) -> Tensor:
            return weights

    return Said()


@pytest.mark.parametrize(("proxy", "kind"), [(kernel_variation, KernelAttention), (context_variation, ChannelAttention)])
def test_variations_by_hand(proxy, kind: type[nn.Module]) -> None:  # type: ignore[no-untyped-def]
    """The first of three weights varies by half of its mean, the second by a fifth, the third not at all."""
    weights = torch.tensor([[0.2, 0.4, 0.7], [0.6, 0.6, 0.7]], dtype=torch.double)
    batch = batch_of(torch.zeros(2, 3, 4, 4, dtype=torch.double))
    first = said(kind, weights)
    assert proxy(first, batch) == pytest.approx((0.5 + 0.2 + 0) / 3)
    still = said(kind, torch.ones(2, 1, dtype=torch.double))
    assert proxy(nn.Sequential(first, still), batch) == pytest.approx((0.5 + 0.2 + 0) / 6)
    assert proxy(nn.ReLU(), batch) == 0


def test_only_networks_with_the_part_have_its_variation() -> None:
    for name, kernels, contexts in (("lite_hrnet_18", 0, 0), ("lite_hrnet_18_acm", 0, 1), ("dite_hrnet_18", 1, 1)):
        arch = shallow(preset(name, input_size="64x64"))
        measured = measure(arch, ["kernel_variation", "context_variation"], seed=0)
        assert (measured["kernel_variation"] > 0, measured["context_variation"] > 0) == (kernels, contexts), name


# whole networks


def shallow(arch: ArchConfig) -> ArchConfig:
    """Return a network with the same parts, each of them as rarely as may be."""
    return dataclasses.replace(arch, modules=(1, 1, 1), blocks_per_module=1)


@pytest.fixture(scope="module")
def of_seed_1(small_arch: ArchConfig) -> dict[str, float]:
    """Every proxy of the small network with the people that the seed draws."""
    return measure(small_arch, PROXIES, seed=1)


@pytest.mark.longer
@pytest.mark.parametrize("name", TABLE_6)
def test_every_proxy_measures_every_kind_of_block(name: str) -> None:
    whole = preset(name, input_size="64x32")
    arch = by_profile(shallow(whole), whole)
    measured = measure(arch, PROXIES, seed=0, batch=drawn_batch(arch, seed=0, people=4))
    assert list(measured) == list(PROXIES)
    assert all(map(math.isfinite, measured.values())), measured


@examples(3, nightly=80)
@given(arch=architectures(max_modules=1), seed=st.integers(0, 2**63 - 1))
def test_every_proxy_measures_every_network(arch: ArchConfig, seed: int) -> None:
    batch = random_batch(arch, count=2)
    measured = measure(arch, PROXIES, seed=seed, batch=batch)
    assert all(map(math.isfinite, measured.values())), measured


def test_a_seed_decides(small_arch: ArchConfig, of_seed_1: dict[str, float]) -> None:
    torch.manual_seed(99)
    assert measure(small_arch, PROXIES, seed=1) == of_seed_1
    other = measure(small_arch, PROXIES, seed=2)
    assert all(other[name] != value for name, value in of_seed_1.items())


def test_a_proxy_leaves_no_trace(small_arch: ArchConfig, of_seed_1: dict[str, float]) -> None:
    """Neither in the generators, nor in what the others see."""
    state = torch.get_rng_state()
    backwards = measure(small_arch, reversed(PROXIES), seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    assert backwards == of_seed_1
    assert measure(small_arch, ["naswot"], seed=1) == {"naswot": of_seed_1["naswot"]}


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_threads_change_rounding_only(small_arch: ArchConfig) -> None:
    batch = random_batch(small_arch, count=2)
    names = ["naswot", "kernel_variation"]
    several = measure(small_arch, names, seed=0, batch=batch)
    torch.set_num_threads(1)
    assert measure(small_arch, names, seed=0, batch=batch) == pytest.approx(several, rel=1e-8)


def test_a_batch_of_ones_own(small_arch: ArchConfig, of_seed_1: dict[str, float]) -> None:
    assert measure(small_arch, PROXIES, seed=1, batch=drawn_batch(small_arch, seed=1)) == of_seed_1
    other = measure(small_arch, ["synflow", "grad_norm"], seed=1, batch=random_batch(small_arch))
    assert other["synflow"] == of_seed_1["synflow"], "it needs no data"
    assert other["grad_norm"] != of_seed_1["grad_norm"]


def test_drawn_people(small_arch: ArchConfig) -> None:
    drawn = drawn_batch(small_arch, seed=3, people=5)
    again = drawn_batch(small_arch, seed=3, people=6)
    assert all(torch.equal(drawn[name], again[name][:5]) for name in drawn), "a larger batch begins with the smaller one"
    assert drawn["target"].shape == (5, 17, *small_arch.heatmap_size)
    assert not torch.equal(drawn["image"], drawn_batch(small_arch, seed=4, people=5)["image"])
    shown = drawn["weight"] > 0
    assert shown.float().mean() > 0.8
    assert drawn["target"].amax((2, 3))[shown].min() > 0.5, "a peak for each keypoint that is labelled"


# refusals


def test_an_unknown_name_is_refused(small_arch: ArchConfig) -> None:
    known = "context_variation, grad_norm, kernel_variation, naswot, synflow"
    with pytest.raises(InvalidInput, match=rf"^unknown proxy 'sinflow': did you mean 'synflow'\? known: {known}$"):
        measure(small_arch, ["naswot", "sinflow"], seed=0)


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(small_arch: ArchConfig, seed: int) -> None:
    with pytest.raises(InvalidInput, match=rf"^seed of a proxy must be from 0 to 2\^63 - 1, got {seed}$"):
        measure(small_arch, ["synflow"], seed=seed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": torch.zeros(1, 3, 96, 64)}, "batch of a proxy must hold 2 images or more, got 1"),
        (
            {"image": torch.zeros(4, 3, 96, 96)},
            r"image of a proxy's batch must be of shape \(4, 3, 96, 64\), got \(4, 3, 96, 96\)",
        ),
        ({"weight": torch.zeros(4, 16)}, r"weight of a proxy's batch must be of shape \(4, 17\), got \(4, 16\)"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(small_arch: ArchConfig, changes: dict[str, Tensor], message: str) -> None:
    with pytest.raises(InvalidInput, match=f"^{message}$"):
        measure(small_arch, ["grad_norm"], seed=0, batch=random_batch(small_arch) | changes)


def test_other_keypoints_need_a_batch_of_ones_own(small_arch: ArchConfig) -> None:
    arch = dataclasses.replace(small_arch, keypoints=16)
    with pytest.raises(InvalidInput, match=r"without a batch must have the 17 keypoints of coco17, got 16$"):
        measure(arch, ["synflow"], seed=0)
    assert measure(arch, PROXIES, seed=0, batch=random_batch(arch)).keys() == PROXIES.keys()


def test_a_figure_that_is_not_finite_is_an_error(small_arch: ArchConfig) -> None:
    batch = random_batch(small_arch, count=2)
    batch["image"] = batch["image"][:1].expand(2, -1, -1, -1)
    message = f"^proxy naswot of network {small_arch.arch_id} must be finite on this batch, got -inf$"
    with pytest.raises(InvalidInput, match=message):
        measure(small_arch, PROXIES, seed=0, batch=batch)
