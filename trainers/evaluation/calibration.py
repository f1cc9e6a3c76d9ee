"""Calibration: the statistics of batch normalisation of a network, estimated anew.

Shape legend: B samples of a batch.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def calibrate(network: nn.Module, images: Iterable[Tensor]) -> int:
    """Replace the running statistics of a network by their means over batches, and return the number of the batches.

    A network that read its weights out of a store has no statistics of its own, and the statistics of others are wrong. The
    network is left in evaluation mode.

    Args:
        network: The network, on the device of the images.
        images: Batches (B, 3, H, W) of two samples or more, of equal weight; training images, never those of a score.
    """
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        # Statistics of before would stay in an average that goes on.
        norm.reset_running_stats()
    network.train()
    batches = 0
    try:
        with torch.no_grad():
            for batch in images:
                batches += 1
                for norm in norms:
                    # The mean of all batches so far. None would say the same to torch, but not to our own layers.
                    norm.momentum = 1.0 / batches
                network(batch)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        network.eval()
    if norms and not batches:
        raise ValueError("a calibration needs at least one batch")
    return batches
