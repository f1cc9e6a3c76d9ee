"""Activation checkpointing of one part of a network: less memory for a second forward pass (arXiv:1604.06174)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Recomputable(nn.Module):
    """A part of a network that trades time for memory in training where ``recompute`` is set; see `recomputed`."""

    recompute = False


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
