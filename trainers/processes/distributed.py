"""The processes of one training: who they are, and what they tell each other by ``torch.distributed``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One process of a training.

    With more than one the default process group must be up, as Ray Train or ``torchrun`` leave it. Every method but
    ``is_first`` is collective: all processes call it, in the same order.

    Args:
        rank: The number of the process, from 0.
        count: The number of processes.
        device: The device that the process computes on.
    """

    rank: int = 0
    count: int = 1
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this process scores and writes checkpoints for all."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """Return the network that learns with those of the other processes: gradients are averaged as they arise.

        Running statistics stay each process's own until `average_buffers`. Sending them around with every step would cost
        hundreds of small messages, and change nothing that is learned.
        """
        if self.count == 1:
            return network
        ids = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True)

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        if self.count == 1:
            return value
        total = value.detach().clone()
        dist.all_reduce(total)
        return total

    def gather(self, value: T) -> list[T]:
        """The values of all processes, by rank."""
        if self.count == 1:
            return [value]
        values: list[Any] = [None] * self.count
        dist.all_gather_object(values, value)
        return values

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give all processes the mean of their gradients, in one message.

        A parameter without a gradient is left out, and must have none in any process: an optimiser would move it by a
        gradient of 0.
        """
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        self._average(gradients)

    def average_buffers(self, network: nn.Module) -> None:
        """Give all processes the mean of their running statistics, so that they score, and keep, the same network."""
        if self.count == 1:
            return
        self._average([buffer for buffer in network.buffers() if buffer.is_floating_point()])

    def _average(self, values: Sequence[Tensor]) -> None:
        """Replace tensors by their means over all processes."""
        if not values:
            return
        joined = self.sum(torch.cat([value.flatten() for value in values])) / self.count
        means = torch.split(joined, [value.numel() for value in values])
        for value, mean in zip(values, means, strict=True):
            value.copy_(mean.view_as(value))


def default_device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done what it was asked to; a processor has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
