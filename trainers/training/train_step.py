"""One optimiser step: a network, how it learns from its share of a batch, and what a checkpoint keeps of that.

Shape legend: B samples of one process, K keypoints, h and w heatmap height and width.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from search_spaces.training_config import COMPILE, GRAPHS, NONE, TrainConfig
from trainers.networks.common.batch_norm import synchronise_batch_norm
from trainers.networks.common.recompute import Recomputable
from trainers.networks.loss import Batch, network_loss
from trainers.networks.parts import HEAD, Parts, freeze, modules_of
from trainers.processes.distributed import Worker, synchronise
from trainers.training.acceleration import (
    RecordedFunction,
    RecordedNetwork,
    check_acceleration,
    compiled,
    fastest,
    statistics_kept,
    ways_to_try,
)

SMALLEST_PIECE = 2
"""Batch normalisation behind a global pooling has no statistics of a single sample."""

PARTS_OF_BATCH = ("image", "target", "weight")
FUSED_DEVICES = ("cpu", "cuda")
"""Kinds of devices on which torch updates all parameters in one kernel."""

FACTOR = "factor"
"""The field of a group of parameters that its learning rate is multiplied by."""

_OPTIMIZERS: dict[str, Any] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
_log = logging.getLogger(__name__)


class Learner:
    """A network in training.

    ``micro_batch`` is how many samples are computed at once: what was asked for, and less once memory ran out. The step
    is that of the whole batch either way.

    Args:
        network: The network.
        config: The recipe.
        worker: This process.
        parts: The parts of the network, of which the recipe may freeze some.
        teacher: A network that gives heatmaps of images beside the ground truth; None where there is none.
    """

    def __init__(
        self,
        network: nn.Module,
        config: TrainConfig,
        worker: Worker,
        *,
        parts: Parts | None = None,
        teacher: nn.Module | None = None,
    ) -> None:
        self._config, self._worker = config, worker
        self._teacher = None if teacher is None else to_channels_last(teacher.to(worker.device))
        for part in network.modules():
            if isinstance(part, Recomputable):
                part.recompute = config.recompute_activations
        if config.sync_batchnorm and worker.count > 1:
            network = synchronise_batch_norm(network, worker.device)
        self.network = to_channels_last(network.to(worker.device))
        self.micro_batch = config.micro_batch
        self._frozen = freeze(network, parts or {}, config.freeze)
        self.optimizer: torch.optim.Optimizer = _OPTIMIZERS[config.optimizer](
            _parameter_groups(network, parts or {}, config.head_learning_rate_factor),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=worker.device.type in FUSED_DEVICES,
        )
        self._scaler = torch.amp.GradScaler(worker.device.type, enabled=config.precision == "float16")
        self._average: AveragedModel | None = None
        if config.ema_decay is not None:
            average = get_ema_multi_avg_fn(config.ema_decay)  # type: ignore[no-untyped-call]
            self._average = AveragedModel(network, multi_avg_fn=average, use_buffers=True)
        self._wrapped = self._wrap(network)
        self._forward: nn.Module = self._wrapped
        check_acceleration(config, worker)
        self._ways = ways_to_try(config, worker)
        self._way = self._ways[0] if len(self._ways) == 1 else ""
        self._recorded: RecordedFunction | None = None

    @cached_property
    def _translated(self) -> nn.Module:
        # Kernels are recorded where that was asked for, which ``compile`` alone never did.
        recorded = self._config.accelerate != NONE and self._worker.device.type == "cuda"
        return compiled(self._wrapped, recorded=recorded)

    @cached_property
    def scoring(self) -> nn.Module:
        """The network to be scored, with its kernels recorded where those of the steps are; as `scored` otherwise."""
        return RecordedNetwork(self.scored, self._worker.device) if self._way == GRAPHS else self.scored

    @property
    def scored(self) -> nn.Module:
        """The network to score and to ship: the averaged one where there is one."""
        return self._average.module if self._average else self.network

    def step(self, batch: Batch, rate: float) -> Tensor:
        """One optimiser step; this process's part of the batch's mean loss: over all processes they add up to it.

        Raises torch.OutOfMemoryError where not even the smallest piece fits, and, with several processes, where memory
        runs out after `fit_memory` found room.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get(FACTOR, 1.0)
        while True:
            try:
                loss = self._learned(batch)
                break
            except torch.OutOfMemoryError:
                if self._worker.count > 1 or not self._halve(len(batch["image"])):
                    raise
        if self._config.clip_norm is not None:
            self._scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self._config.clip_norm)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        if self._average:
            self._average.update_parameters(self.network)
        return loss

    def train(self) -> None:
        """Put the network into training mode, but for what is frozen: its batch normalisation keeps its statistics."""
        self.network.train()
        for module in self._frozen:
            module.eval()

    def teacher_milliseconds(self, batch: Batch) -> float:
        """Return the time that the teacher takes for this process's share of a batch; 0 without a teacher."""
        if self._teacher is None:
            return 0.0
        synchronise(self._worker.device)
        began = time.perf_counter()
        for piece in self._pieces(batch):
            with computing_in(self._config.precision, self._worker.device):
                self._teacher(piece["image"])
        synchronise(self._worker.device)
        return 1000.0 * (time.perf_counter() - began)

    def fit_memory(self, batch: Batch) -> None:
        """Find the micro-batch that fits into the memory of every process, before the first step; learns nothing.

        In a step, a process that runs out would leave the others waiting for its gradients.
        """
        with statistics_kept(self.network):
            while self._is_short_of_memory(batch):
                if not self._halve(len(batch["image"])):
                    raise torch.OutOfMemoryError(f"memory of {self._worker.device} does not hold {SMALLEST_PIECE} samples")

    def _is_short_of_memory(self, batch: Batch) -> bool:
        """Whether any process lacks the memory for the first piece of its share."""
        try:
            self._try_piece(next(self._pieces(batch)))
            short = 0.0
        except torch.OutOfMemoryError:
            short = 1.0
        self.optimizer.zero_grad()
        return bool(self._worker.sum(torch.tensor(short, device=self._worker.device)))

    def _try_piece(self, piece: Batch) -> None:
        """Compute a piece and its gradients, which takes the memory of a step."""
        self._loss(self.network, piece).backward()  # type: ignore[no-untyped-call]

    def _wrap(self, network: nn.Module) -> nn.Module:
        """Return the network that learns with those of the other processes."""
        return self._worker.wrap(network)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint: tensors and plain values."""
        average = self._average
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "average": average.module.state_dict() if average else None,
            "averaged_steps": int(average.n_averaged) if average else 0,
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`, for all but the network's own weights, which the caller has loaded and checked."""
        self.optimizer.load_state_dict(dict(state["optimizer"]))
        # A training that began without loss scaling has none to hand on.
        if state["scaler"]:
            self._scaler.load_state_dict(dict(state["scaler"]))
        if self._average:
            self._average.module.load_state_dict(dict(state["average"]))
            self._average.n_averaged.fill_(state["averaged_steps"])

    def _learned(self, batch: Batch) -> Tensor:
        """Compute the gradients of the whole share in the way that was asked for, or found to be the fastest."""
        share = {name: batch[name] for name in PARTS_OF_BATCH}
        if not self._way:
            with statistics_kept(self.network):
                ways = {way: partial(self._learned_by, way, share) for way in self._ways}
                self._way = fastest(ways, self._worker)
            # A recording owns the gradients that it writes, and the other ways have let go of them.
            self._recorded = None
        return self._learned_by(self._way, share)

    def _learned_by(self, way: str, share: Batch) -> Tensor:
        self._forward = self._translated if way == COMPILE else self._wrapped
        if way != GRAPHS:
            return self._accumulate(share)
        if self._recorded is None or not self._recorded.fits(share):
            with statistics_kept(self.network):
                self._recorded = RecordedFunction(self._accumulate, share, self._worker.device)
        return self._recorded(share)

    def _accumulate(self, batch: Batch) -> Tensor:
        """The gradients of the whole share, piece by piece, each loss as its part of the mean over the global batch."""
        self.optimizer.zero_grad()
        loss = torch.zeros((), device=self._worker.device)
        pieces = self._piece_count(len(batch["image"]))
        for number, piece in enumerate(self._pieces(batch), start=1):
            with self._gradients_kept(until_last=number < pieces):
                part = len(piece["image"]) / self._config.batch_size
                piece_loss = self._loss(self._forward, piece) * part
                # The wrapped network averages gradients over the processes; the losses are parts of one sum.
                self._scaler.scale(piece_loss * self._worker.count).backward()  # type: ignore[no-untyped-call]
            loss += piece_loss.detach()
        return loss

    def _loss(self, forward: nn.Module, piece: Batch) -> Tensor:
        """Return the loss of a piece: that of the ground truth, and the teacher's share where there is one.

        The teacher is heard on every keypoint, labelled or not (arXiv:1811.05419).
        """
        device, precision, distill = self._worker.device, self._config.precision, self._config.distill
        with computing_in(precision, device):
            outputs = forward(piece["image"])
        loss = network_loss(self.network, outputs, piece["target"], piece["weight"])
        if self._teacher is None or distill is None:
            return loss
        with computing_in(precision, device):
            shown = self._teacher(piece["image"])
        everything = torch.ones_like(piece["weight"])
        return (1 - distill.weight) * loss + distill.weight * network_loss(self.network, outputs, shown, everything)

    def _gradients_kept(self, *, until_last: bool) -> contextlib.AbstractContextManager[None]:
        """Only the last piece sends gradients to the other processes."""
        if until_last and isinstance(self._wrapped, DistributedDataParallel):
            kept: contextlib.AbstractContextManager[None] = self._wrapped.no_sync()
            return kept
        return contextlib.nullcontext()

    def _piece_count(self, samples: int) -> int:
        if self.micro_batch is None:
            return 1
        return max(1, min(math.ceil(samples / self.micro_batch), samples // SMALLEST_PIECE))

    def _pieces(self, batch: Batch) -> Iterator[Batch]:
        """Even pieces of a batch on the device; what is left is never less than the smallest."""
        device, count = self._worker.device, self._piece_count(len(batch["image"]))
        pieces = {name: batch[name].tensor_split(count) for name in PARTS_OF_BATCH}
        for image, target, weight in zip(pieces["image"], pieces["target"], pieces["weight"], strict=True):
            yield {
                "image": image.to(device, non_blocking=True, memory_format=torch.channels_last),
                "target": target.to(device, non_blocking=True),
                "weight": weight.to(device, non_blocking=True),
            }

    def _halve(self, samples: int) -> bool:
        """Compute half as many samples at once from now on; False where a piece cannot be made smaller."""
        current = math.ceil(samples / self._piece_count(samples))
        if current < 2 * SMALLEST_PIECE:
            return False
        self.micro_batch = current // 2
        self._recorded = None
        if self._worker.device.type == "cuda":
            torch.cuda.empty_cache()
        _log.warning(
            "memory ran out with %d samples at once: going on with %d, the batch stays %d",
            current,
            self.micro_batch,
            self._config.batch_size,
        )
        return True


def _parameter_groups(network: nn.Module, parts: Parts, factor: float) -> list[Any]:
    """Return the parameters to learn, those of the head in a group with its factor where it is not 1."""
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if factor == 1.0:
        return learned
    head = {id(each) for module in modules_of(network, parts, [HEAD]) for each in module.parameters()}
    groups = [
        {"params": [each for each in learned if id(each) not in head], FACTOR: 1.0},
        {"params": [each for each in learned if id(each) in head], FACTOR: factor},
    ]
    return [group for group in groups if group["params"]]


def computing_in(precision: str, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Return the block in which a network computes in a number format of `search_spaces.training_config.PRECISIONS`."""
    if precision == "float32":
        # Not autocast that is switched off: some devices have none.
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def to_channels_last(network: nn.Module) -> nn.Module:
    """Store convolution weights channels-last, in which depth-wise convolutions run faster; the function is the same."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network
