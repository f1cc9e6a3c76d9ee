"""Which samples each process of a training takes, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

from search_spaces.training_config import steps_per_epoch


class BatchShares(Sampler[list[int]]):
    """The share of one process in every batch of a shuffled epoch.

    The batches of an epoch are the same for any number of processes, and depend on (seed, epoch) only. Each process takes
    every ``count``-th sample of a batch, so that shares differ by one sample at most. Samples that do not fill a batch are
    left out until the next epoch. A data set smaller than one batch is repeated until it fills one.

    Args:
        samples: The number of samples of the data set.
        batch_size: The samples of a whole batch.
        seed: The seed of the order.
        rank: The number of this process, from 0.
        count: The number of processes.
        chosen: The samples to take, of more that the data set has; None takes the first ``samples``.
    """

    def __init__(
        self,
        samples: int,
        *,
        batch_size: int,
        seed: int,
        rank: int = 0,
        count: int = 1,
        chosen: Sequence[int] | None = None,
    ) -> None:
        assert samples > 0
        assert chosen is None or len(chosen) == samples
        self._chosen = range(samples) if chosen is None else chosen
        assert 0 <= rank < count <= batch_size, (rank, count, batch_size)
        self.samples, self.batch_size, self.seed, self.rank, self.count = samples, batch_size, seed, rank, count
        self.batches = steps_per_epoch(samples, batch_size)
        self._epoch = self._first = 0

    def set_epoch(self, epoch: int, *, first: int = 0) -> None:
        """Choose the order of this epoch, and the batch to begin with."""
        assert 0 <= first <= self.batches, (first, self.batches)
        self._epoch, self._first = epoch, first

    def __len__(self) -> int:
        """Batches still to come in the epoch."""
        return self.batches - self._first

    def __iter__(self) -> Iterator[list[int]]:
        """Indices of samples, a list a batch."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self._epoch)
        order = [self._chosen[place] for place in torch.randperm(self.samples, generator=generator).tolist()]
        order *= math.ceil(self.batch_size / self.samples)
        for batch in range(self._first, self.batches):
            yield order[batch * self.batch_size : (batch + 1) * self.batch_size][self.rank :: self.count]
