"""Zero-cost proxies: figures of an untrained network that may foretell its accuracy, in one pass or two over one batch.

Whether they do is a matter of measurement: ``docs/benchmarks.md``, "Zero-cost proxies". All are computed in double
precision, so that the order in which threads add changes no digit that is reported.

Shape legend: B images of a batch, K keypoints, H and W input height and width, h and w those of a heatmap, N kernels.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from search_spaces.common.errors import InvalidInput, check_names
from search_spaces.families.architecture import Architecture
from search_spaces.training_config import TrainConfig
from trainers.data.annotations.keypoints import COCO17
from trainers.data.geometry.transforms import crop_of_box, normalise, warp_image, warp_points
from trainers.data.samples.datasets import codec_for
from trainers.data.synthetic.dataset import Scene, draw_scene
from trainers.networks.loss import Batch, network_loss
from trainers.networks.registry import build_network, variable_modules

Proxy = Callable[[nn.Module, Batch], float]
"""A freshly initialised network and a batch, both in double precision, to a figure; the network may be changed."""

DRAWN_KEYPOINTS = COCO17.count
"""Keypoints of the people of a batch that is drawn."""
PEOPLE = 16
"""Images of a batch that is drawn."""


def synflow(network: nn.Module, batch: Batch) -> float:
    """Synaptic flow: the natural logarithm of Σ |θ·∂R/∂θ| over all convolution weights θ; expected better where larger.

    R is the sum of the outputs for one image of ones when every weight is its absolute value (arXiv:2006.05467, as a proxy
    arXiv:2101.08134). Only the batch's image size is used. Without a unit. Three things are ours, since that was made for
    plain networks:

    - Batch normalisation has its initial statistics, which make it the identity to 1/√(1 + ε).
    - It makes the scale of the weights before it arbitrary. The released initialisation has deviation 0.001 but for the
      kernels of DKA. It would leave to a convolution of the lowest branch of Dite-HRNet-18 less than 1e-13 of the flow. So
      the weights of each convolution are scaled to Kaiming's deviation √(2 / fan-in) first.
    - Sigmoid gates, hard ones too, stand at 1/2 and pass no flow, and ReLU6 is a ReLU: the rest is linear in each layer.
    """
    weights = [parameter for parameter in network.parameters() if parameter.dim() >= 4 and parameter.requires_grad]
    with torch.no_grad():
        for weight in weights:
            deviation = math.sqrt(2 / math.prod(weight.shape[-3:]))
            weight.abs_().mul_(deviation / weight.square().mean().sqrt())
    with _GatesHalfOpen():
        flow = network.eval()(torch.ones_like(batch["image"][:1])).sum()
    slopes = torch.autograd.grad(flow, weights, allow_unused=True)
    scores = [(weight * slope).abs().sum() for weight, slope in zip(weights, slopes, strict=True) if slope is not None]
    return float(torch.stack(scores).detach().sum().log())


def grad_norm(network: nn.Module, batch: Batch) -> float:
    """The Euclidean norm of the gradient of the heatmap loss for all parameters together; expected better where larger.

    One batch, batch normalisation with the batch's statistics (arXiv:2101.08134, where the norms of the layers are added).
    In the loss's unit, squared heatmap values, over the parameters' own.
    """
    outputs = network.train()(batch["image"])
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    loss = network_loss(network, outputs, batch["target"], batch["weight"])
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    return math.hypot(*(float(gradient.norm()) for gradient in gradients if gradient is not None))


def naswot(network: nn.Module, batch: Batch) -> float:
    """Return how differently the ReLUs see the images of a batch: log det of their (B, B) Hamming kernel.

    A network is expected to be better where the figure is larger. The kernel counts the units, of all ReLUs and positions,
    that two images agree in being on or off at (arXiv:2006.04647). Batch normalisation has the batch's statistics. Natural
    logarithm, without a unit; it grows with the number of units. Two images of the same code make it -inf.
    """
    with torch.no_grad(), _ActivationCodes(len(batch["image"]), batch["image"].device) as codes:
        network.train()(batch["image"])
    return log_determinant(codes.kernel)


def kernel_variation(network: nn.Module, batch: Batch) -> float:
    """How much dynamic kernels differ between images: the deviation of a_i(x) (Eq. 3) over the batch as a part of its mean.

    The mean over all DKAs of the network and their N kernels; 0 for a network without. Without a unit, 0 or more. Ours,
    from the statistics of Dite-HRNet at initialisation; expected better where larger, if kernels that adapt are of use.
    """
    return _mean_variation(network, batch, variable_modules("kernel_variation"))


def context_variation(network: nn.Module, batch: Batch) -> float:
    """How much context weights differ between images: the deviation of the weights of DCM (Eq. 5) and GCM (Eq. 6) over the
    batch as a part of their mean.

    The mean over all such modules, their channels and, for DCM, positions; 0 for a network without. Without a unit, 0 or
    more. Ours, as `kernel_variation`; expected better where larger.
    """
    return _mean_variation(network, batch, variable_modules("context_variation"))


PROXIES: dict[str, Proxy] = {
    proxy.__name__: proxy for proxy in (synflow, grad_norm, naswot, kernel_variation, context_variation)
}
"""By name; multiply-accumulates and parameters (`search_spaces.registry.cost_of`) need no network."""


def measure(arch: Architecture, names: Iterable[str], *, seed: int, batch: Batch | None = None) -> dict[str, float]:
    """Proxies of an architecture by name, for the network initialised from ``seed`` and a batch of 2 images or more.

    ``batch`` holds ``image`` (B, 3, H, W), ``target`` (B, K, h, w) and ``weight`` (B, K); None draws people from the seed.
    On the processor, without a trace in torch's generators.

    Raises:
        InvalidInput: a name or the seed is not valid, the batch does not fit the network, or a figure is not finite.
    """
    names = list(names)
    check_names("proxy", names, PROXIES)
    if not 0 <= seed < 2**63:
        raise InvalidInput(f"seed of a proxy must be from 0 to 2^63 - 1, got {seed}")
    batch = _checked(arch, drawn_batch(arch, seed=seed) if batch is None else batch)
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also reseed a GPU.
        torch.default_generator.manual_seed(seed)
        network = build_network(arch).double()
    figures = {name: PROXIES[name](copy.deepcopy(network), batch) for name in names}
    for name, value in figures.items():
        if not math.isfinite(value):
            raise InvalidInput(f"proxy {name} of network {arch.arch_id} must be finite on this batch, got {value}")
    return figures


def drawn_batch(arch: Architecture, *, seed: int, people: int = PEOPLE) -> dict[str, Tensor]:
    """A batch of drawn people for a network of COCO's 17 keypoints, each the only one of its image, without augmentation."""
    if arch.keypoints != COCO17.count:
        raise InvalidInput(
            f"a network of a proxy without a batch must have the {COCO17.count} keypoints of {COCO17.name},"
            f" got {arch.keypoints}"
        )
    generator = np.random.default_rng(seed)
    codec = codec_for(arch, TrainConfig())
    samples = []
    for _ in range(people):
        picture, (person,) = draw_scene(Scene(people_per_image=(1, 1)), generator)
        matrix = codec.crop_matrix(crop_of_box(person.box, arch.input_size))
        image = normalise(warp_image(picture, matrix, arch.input_size))
        samples.append((image, *codec.encode(warp_points(person.keypoints, matrix))))
    stacked = [torch.from_numpy(np.stack(arrays)) for arrays in zip(*samples, strict=True)]
    return dict(zip(("image", "target", "weight"), stacked, strict=True))


def log_determinant(kernel: Tensor) -> float:
    """Natural logarithm of the determinant of a symmetric kernel (B, B), -inf where it is singular."""
    return float(torch.linalg.slogdet(kernel).logabsdet)


def _checked(arch: Architecture, batch: Batch) -> dict[str, Tensor]:
    """The batch in double precision, if it fits the network."""
    count = len(batch["image"])
    if count < 2:
        raise InvalidInput(f"batch of a proxy must hold 2 images or more, got {count}")
    shapes = {
        "image": (count, 3, *arch.input_size),
        "target": (count, arch.keypoints, *arch.heatmap_size),
        "weight": (count, arch.keypoints),
    }
    for name, shape in shapes.items():
        if tuple(batch[name].shape) != shape:
            raise InvalidInput(f"{name} of a proxy's batch must be of shape {shape}, got {tuple(batch[name].shape)}")
    return {name: batch[name].to("cpu", torch.double) for name in shapes}


class _GatesHalfOpen(TorchFunctionMode):
    """Every sigmoid, hard or not, gives 1/2; a ReLU that ends at 6 does not end."""

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in (torch.sigmoid, F.hardsigmoid):
            return torch.full_like(args[0], 0.5)
        if func is F.hardtanh:
            return torch.relu(args[0])
        return func(*args, **(kwargs or {}))


_RECTIFIERS = tuple(
    getattr(torch.ops.aten, name).default for kind in ("relu", "hardtanh", "hardswish") for name in (kind, f"{kind}_")
)
"""ReLU, the ReLU that ends at 6, and hard swish, each of which is above 0 where its input is."""


class _ActivationCodes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The Hamming kernel of all ReLUs evaluated, as modules or functions, summed as they come: codes are not kept."""

    def __init__(self, count: int, device: torch.device) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kernel = torch.zeros(count, count, dtype=torch.double, device=device)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if func in _RECTIFIERS:
            on = (out > 0).flatten(1).double()
            off = 1 - on
            self.kernel += on @ on.T + off @ off.T
        return out


def _mean_variation(network: nn.Module, batch: Batch, kinds: tuple[type[nn.Module], ...]) -> float:
    """Mean over the modules of some kinds of the coefficient of variation of their weights over the batch."""
    variations: list[float] = []

    def note(module: nn.Module, inputs: Any, weights: Tensor) -> None:
        variations.append(float((weights.std(0, correction=0) / weights.mean(0)).mean()))

    for module in network.modules():
        if isinstance(module, kinds):
            module.register_forward_hook(note)
    with torch.no_grad():
        network.train()(batch["image"])
    return sum(variations) / len(variations) if variations else 0.0
