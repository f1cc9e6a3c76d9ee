"""Batch normalisation over the samples of all processes of a training.

Shape legend: B samples of one process, C channels, H and W height and width.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` whose statistics in training are those of all processes together (torch's own needs a GPU).

    Gradients flow through the statistics to every process, so that the step equals that of one process with all samples.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) to the same; collective in training, whatever the sizes of the processes' shares."""
        if not self.training or not dist.is_initialized():
            return super().forward(input)
        samples = input.new_tensor([input.numel() // input.shape[1]])
        totals = _sum(torch.cat([input.sum((0, 2, 3)), samples]))
        count = totals[-1].detach()
        mean = totals[:-1] / count
        centred = input - mean[:, None, None]
        variance = _sum(centred.square().sum((0, 2, 3))) / count
        if self.track_running_stats:
            self._remember(mean.detach(), variance.detach() * count / (count - 1))
        return centred * (self.weight * torch.rsqrt(variance + self.eps))[:, None, None] + self.bias[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance, self.momentum or 0.0)


def _sum(value: Tensor) -> Tensor:
    """The sum over all processes, through which gradients flow."""
    total: Tensor = all_reduce(value)  # type: ignore[no-untyped-call]
    return total


def synchronise_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with its batch normalisation taken over all processes; parameters and buffers keep their names."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        return converted
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SynchronisedBatchNorm
    return network
