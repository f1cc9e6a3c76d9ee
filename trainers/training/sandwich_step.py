"""One optimiser step of shared weights: several networks learn from one batch, and their gradients are one step.

Shape legend: B samples of one process, K keypoints, h and w heatmap height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from search_spaces.families.architecture import Architecture
from search_spaces.supernet_config import check_recipe
from search_spaces.training_config import TrainConfig
from trainers.networks.common.batch_norm import synchronise_batch_norm
from trainers.networks.loss import Batch, heatmap_loss, network_loss
from trainers.networks.shared_store import NetworkView, SharedStore
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner, computing_in

VIEWS_KEPT = 64
"""Networks whose modules and indices are kept for the next step that they learn in."""
SUBNET_LOSSES = "subnet_losses"
"""The field of the state with the sums of losses of the epoch so far."""


class SandwichLearner(Learner):
    """Shared weights in training, with the interface of `Learner`.

    In each step the first network, the largest, learns from the ground truth. All others learn from a blend of the truth
    with the first one's heatmaps.

    Args:
        store: The shared weights.
        config: The recipe.
        worker: This process.
        largest: The network whose memory decides on the samples that are computed at once.
    """

    def __init__(self, store: SharedStore, config: TrainConfig, worker: Worker, *, largest: Architecture) -> None:
        check_recipe(config)
        super().__init__(store, config, worker)
        self._store, self._largest = store, largest
        self._view = lru_cache(VIEWS_KEPT)(self._made_view)
        self._planned: Sequence[Architecture] = (largest,)
        self._distillation = 0.0
        self.subnet_losses = torch.zeros(2, device=worker.device)
        """Sums of the losses on the ground truth of the first and the second network, over the steps of an epoch."""

    def plan(self, networks: Sequence[Architecture], distillation: float) -> None:
        """Choose the networks of the next step, the largest and the smallest first.

        Args:
            networks: The networks, the same in every process.
            distillation: The share of the first one's heatmaps in the target of the others.
        """
        self._planned, self._distillation = tuple(networks), distillation

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint: tensors and plain values."""
        return super().state() | {SUBNET_LOSSES: self.subnet_losses.clone()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over a state, for all but the weights, which the caller has loaded and checked."""
        super().load(state)
        if self._worker.is_first:
            self.subnet_losses.copy_(state[SUBNET_LOSSES])

    def teacher_milliseconds(self, batch: Batch) -> float:
        """Return 0: the largest network teaches with outputs that it computes anyway."""
        return 0.0

    def _wrap(self, network: nn.Module) -> nn.Module:
        """Return the store itself: hooks that send gradients as they arise would wait for weights of other networks."""
        return network

    def _try_piece(self, piece: Batch) -> None:
        self._loss_of(self._view(self._largest), piece, piece["target"])[0].backward()  # type: ignore[no-untyped-call]

    def _accumulate(self, batch: Batch) -> Tensor:
        """Sum the gradients of all planned networks, and share them with the other processes; return the mean loss."""
        self._check_plans()
        self.optimizer.zero_grad()
        loss, own = torch.zeros((), device=self._worker.device), torch.zeros_like(self.subnet_losses)
        views = [self._view(arch) for arch in self._planned]
        for piece in self._pieces(batch):
            part = len(piece["image"]) / self._config.batch_size
            target = piece["target"]
            for number, view in enumerate(views):
                each, outputs = self._loss_of(view, piece, target)
                each = each * (part / len(views))
                # Gradients are averaged over the processes; the losses are parts of one sum.
                self._scaler.scale(each * self._worker.count).backward()  # type: ignore[no-untyped-call]
                loss += each.detach()
                shown = outputs.detach()
                if number < len(own):
                    own[number] += heatmap_loss(shown, piece["target"], piece["weight"]) * part
                if number == 0:
                    target = torch.lerp(piece["target"], shown.to(target.dtype), self._distillation)
        self._worker.average_gradients(self.network.parameters())
        self.subnet_losses += own
        return loss

    def _loss_of(self, view: NetworkView, piece: Batch, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of a network on a piece, and its heatmaps (B, K, h, w)."""
        with computing_in(self._config.precision, self._worker.device):
            outputs: Tensor = view(piece["image"])
        return network_loss(view.network, outputs, target, piece["weight"]), outputs

    def _made_view(self, arch: Architecture) -> NetworkView:
        view = self._store.view(arch)
        if self._config.sync_batchnorm and self._worker.count > 1:
            view.network = synchronise_batch_norm(view.network, self._worker.device)
        return view

    def _check_plans(self) -> None:
        """Stop where processes were to learn different networks: their gradients would not be those of one step."""
        names = tuple(arch.arch_id for arch in self._planned)
        plans = self._worker.gather(names)
        if len(set(plans)) > 1:
            listed = "; ".join(", ".join(plan) for plan in plans)
            raise RuntimeError(f"all processes must learn the same networks in a step, got {listed}")
