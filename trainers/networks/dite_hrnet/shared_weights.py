"""`SharedWeights`: the tensors that networks of a space share, and networks that read them.

A network of the space is the network that `build_network` makes, called with indexed tensors. So a copy of its weights
gives the same outputs to the last bit.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from search_spaces.families.architecture import Architecture
from search_spaces.families.dite_hrnet.elastic import DiteEnvelope
from search_spaces.families.envelope import Envelope
from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.shared_layout import Slice, layout_of, shared_tensors
from trainers.networks.shared_store import NetworkView, SharedStore

FILLS = (Tensor.zero_, Tensor.fill_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_)
"""Operations that give a parameter its initial value."""
CONVOLUTION_DEVIATION = 0.001
"""The standard deviation of a convolution's initial weights, as in the released initialisation."""


class SharedWeights(SharedStore):
    """The tensors by their roles, drawn from torch's global generator as a network's initial weights are.

    Args:
        envelope: The sizes of the tensors, of the kind that the family makes.
    """

    def __init__(self, envelope: Envelope) -> None:
        super().__init__(envelope)
        # Only the family's own spaces reach its store.
        self._sizes = cast(DiteEnvelope, envelope)
        for role, part in shared_tensors(self._sizes).items():
            tensor = _initial(role, part.shared_shape)
            self.register_parameter(role, nn.Parameter(tensor, requires_grad=part.is_learned))

    def view(self, arch: Architecture) -> NetworkView:
        """Return a network that learns in the store, as `SharedStore.view` says."""
        layout = layout_of(self.checked(arch), self._sizes)
        network = _skeleton(arch)
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None
        return _View(network.train(), self, layout)

    def export(self, arch: Architecture) -> nn.Module:
        """Return a network of its own with a copy of its weights, as `SharedStore.export` says."""
        layout = layout_of(self.checked(arch), self._sizes)
        device = next(self.parameters()).device
        network = _skeleton(arch).to_empty(device=device)
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                module.reset_running_stats()
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                parameter.copy_(_Reading(layout[name], device)(self))
        return network


class _Reading:
    """How one parameter is read out of the store: an index along each axis that is not read whole."""

    def __init__(self, part: Slice, device: torch.device) -> None:
        self._role, self._shape = part.role, part.shape
        axes = [(number, axis) for number, axis in enumerate(part.axes) if not axis.is_whole]
        self._prefixes = [(number, len(axis.indices)) for number, axis in axes if axis.is_prefix]
        self._chosen = [(number, torch.from_numpy(axis.indices).to(device)) for number, axis in axes if not axis.is_prefix]

    def __call__(self, store: nn.Module) -> Tensor:
        tensor: Tensor = getattr(store, self._role)
        for axis, count in self._prefixes:
            tensor = tensor.narrow(axis, 0, count)
        for axis, indices in self._chosen:
            tensor = tensor.index_select(axis, indices)
        return tensor.reshape(self._shape).contiguous()


class _View(NetworkView):
    """A network of the family that reads its tensors out of a store."""

    def __init__(self, network: nn.Module, store: SharedWeights, layout: dict[str, Slice]) -> None:
        super().__init__(network)
        self._store = store
        device = next(store.parameters()).device
        self._readings = {name: _Reading(part, device) for name, part in layout.items()}

    def tensors(self) -> dict[str, Tensor]:
        return {name: reading(self._store) for name, reading in self._readings.items()}

    def __call__(self, images: Tensor) -> Any:
        return functional_call(self.network, self.tensors(), (images,))


def _skeleton(arch: Any) -> nn.Module:
    """Return a network without weights, which takes no time to draw them."""
    with torch.device("meta"), _Undrawn():
        return build_network(arch)


class _Undrawn(TorchFunctionMode):
    """Leaves initial values out: nobody reads them, and to draw none on ``meta`` takes most of the time of building."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Return the tensor that was to be filled, or call any other function."""
        named = kwargs or {}
        if func in FILLS:
            # Functions of ``nn.init`` name their tensor.
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def _initial(role: str, shape: tuple[int, ...]) -> Tensor:
    """Return the initial values of a shared tensor, by the part of a layer that it is."""
    tensor, part = torch.empty(shape), role.rpartition("/")[2]
    if part == "bias":
        return tensor.zero_()
    if len(shape) == 1:
        return tensor.fill_(1.0)
    if part != "kernels" or shape[0] == 1:
        return tensor.normal_(std=CONVOLUTION_DEVIATION)
    for kernel in tensor:
        nn.init.kaiming_uniform_(kernel)
    return tensor
