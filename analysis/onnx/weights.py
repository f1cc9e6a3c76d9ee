"""The trained arrays of a network by their names, as an exported graph needs them: batch normalisation folded in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

BN_EPSILON = 1e-5
"""Of torch's batch normalisation, whose defaults the whole network uses."""
NOT_NEEDED = "num_batches_tracked"
Array = NDArray[Any]


def arrays(module: nn.Module) -> dict[str, Array]:
    """Parameters and buffers by their names, in double precision, which holds every other."""
    return {name: tensor.detach().cpu().double().numpy() for name, tensor in module.state_dict().items()}


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """Two linear maps: weights (hidden, inputs) and (outputs, hidden), each with a bias."""

    reduce: Array
    reduce_bias: Array
    expand: Array
    expand_bias: Array

    def padded(self, multiple: int) -> Mlp:
        """The same map with zeros for hidden units up to a multiple."""
        missing = -len(self.reduce) % multiple
        return Mlp(
            reduce=np.pad(self.reduce, [(0, missing), (0, 0)]),
            reduce_bias=np.pad(self.reduce_bias, (0, missing)),
            expand=np.pad(self.expand, [(0, 0), (0, missing)]),
            expand_bias=self.expand_bias,
        )


def joint(parts: Sequence[Mlp]) -> Mlp:
    """Several maps side by side as one: block-diagonal weights from the joined inputs to the joined outputs."""
    return Mlp(
        reduce=_block_diagonal([part.reduce for part in parts]),
        reduce_bias=np.concatenate([part.reduce_bias for part in parts]),
        expand=_block_diagonal([part.expand for part in parts]),
        expand_bias=np.concatenate([part.expand_bias for part in parts]),
    )


class Weights:
    """A view into a state dict below a prefix, in double precision; it remembers what was read."""

    def __init__(self, state: Mapping[str, Array], prefix: str = "", read: set[str] | None = None) -> None:
        self._state, self._prefix = state, prefix
        self._read: set[str] = set() if read is None else read

    def at(self, *path: str | int) -> Weights:
        """The view below ``path``."""
        return Weights(self._state, self._prefix + "".join(f"{step}." for step in path), self._read)

    def __contains__(self, name: str) -> bool:
        return self._prefix + name in self._state

    def __getitem__(self, name: str) -> Array:
        self._read.add(self._prefix + name)
        return np.asarray(self._state[self._prefix + name], np.float64)

    def any(self) -> bool:
        """Whether there is anything below the prefix."""
        return any(name.startswith(self._prefix) for name in self._state)

    def unread(self) -> list[str]:
        """Names that nothing asked for, apart from counters."""
        return sorted(name for name in self._state if name not in self._read and not name.endswith(NOT_NEEDED))

    def batch_norm(self, name: str = "bn") -> tuple[Array, Array]:
        """Batch normalisation in evaluation as a factor and a shift for each channel."""
        part = self.at(name)
        factor = part["weight"] / np.sqrt(part["running_var"] + BN_EPSILON)
        return factor, part["bias"] - part["running_mean"] * factor

    def conv_bn(self, conv: str = "conv", norm: str = "bn") -> tuple[Array, Array]:
        """Weight and bias of a convolution without bias and the batch normalisation behind it."""
        factor, shift = self.batch_norm(norm)
        return self.at(conv)["weight"] * factor[:, None, None, None], shift

    def mlp(self, *, reduce_norm: str | None = "bn", expand_norm: str | None = None) -> Mlp:
        """The 1×1 convolutions ``reduce`` and ``expand`` as linear maps; one without batch normalisation has a bias."""
        reduce, reduce_bias = self._linear("reduce", reduce_norm)
        expand, expand_bias = self._linear("expand", expand_norm)
        return Mlp(reduce=reduce, reduce_bias=reduce_bias, expand=expand, expand_bias=expand_bias)

    def _linear(self, conv: str, norm: str | None) -> tuple[Array, Array]:
        weight, bias = self.conv_bn(conv, norm) if norm else (self.at(conv)["weight"], self.at(conv)["bias"])
        return weight[:, :, 0, 0], bias


def _block_diagonal(blocks: Sequence[Array]) -> Array:
    out = np.zeros((sum(len(block) for block in blocks), sum(block.shape[1] for block in blocks)))
    row = column = 0
    for block in blocks:
        out[row : row + len(block), column : column + block.shape[1]] = block
        row, column = row + len(block), column + block.shape[1]
    return out
