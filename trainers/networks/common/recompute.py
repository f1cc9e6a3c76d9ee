"""Activation checkpointing of one part of a network: less memory for a second forward pass (arXiv:1604.06174)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Recomputable(nn.Module):
    """A part of a network that trades time for memory in training where ``recompute`` is set; see `recomputed`."""

    recompute = False


class RecomputableSequential(nn.Sequential, Recomputable):
    """Parts one after another, each of which is computed again where ``recompute`` is set."""

    def forward(self, x: Any) -> Any:
        """Pass one tensor, or one for each branch, through every part."""
        return run_parts(self, self, x)


def run_parts(owner: Recomputable, parts: Iterable[nn.Module], x: Any) -> Any:
    """Pass one tensor, or one for each branch, through parts of ``owner``, recomputed in training where it says so."""
    for part in parts:
        if not (owner.recompute and owner.training):
            x = part(x)
        elif isinstance(x, Tensor):
            (x,) = recomputed(_OneTensor(part), [x])
        else:
            x = recomputed(part, x)
    return x


class _OneTensor(nn.Module):
    """A part of one tensor, called with a list of one."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return [self.part(inputs[0])]


def recomputed(part: nn.Module, branches: Sequence[Tensor]) -> list[Tensor]:
    """The output of ``part``; its inner activations are computed again when the backward pass needs them.

    The second pass leaves the running statistics of batch normalisation alone: they have seen the samples already.
    """
    out: list[Tensor] = checkpoint(
        lambda *inputs: part(inputs),
        *branches,
        use_reentrant=False,
        preserve_rng_state=False,
        context_fn=lambda: (contextlib.nullcontext(), _statistics_untouched(part)),
    )
    return out


@contextlib.contextmanager
def _statistics_untouched(part: nn.Module) -> Iterator[None]:
    """Let batch normalisation update copies of its statistics; autograd wants the same operations as in the first pass."""
    kept = [(module, dict(module._buffers)) for module in part.modules() if isinstance(module, _BatchNorm)]
    for module, buffers in kept:
        for name, buffer in buffers.items():
            module._buffers[name] = buffer.clone() if buffer is not None else None
    try:
        yield
    finally:
        for module, buffers in kept:
            module._buffers.update(buffers)
