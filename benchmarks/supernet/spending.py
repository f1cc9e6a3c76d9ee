"""The price of shared weights in epochs of one network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BACKWARD_FACTOR = 2.0
"""A backward pass takes so many forward passes."""


@dataclass(frozen=True, kw_only=True)
class Spending:
    """The price of a supernet in epochs of one network, each of equal weight.

    Args:
        epochs: The epochs of the supernet.
        subnets: The networks of a step.
        scored: The scored networks.
        images: The images that one score reads: those of the calibration and the held-out ones.
        training_images: The training images of an epoch.
        finalists: The networks that are trained in the end.
        finalist_epochs: The epochs of each.
    """

    epochs: int
    subnets: int
    scored: int
    images: int
    training_images: int
    finalists: int
    finalist_epochs: int

    @property
    def parts(self) -> dict[str, float]:
        """The epochs of the supernet, the scores and the finalists."""
        forward = self.images / (self.training_images * (1.0 + BACKWARD_FACTOR))
        return {
            "supernet": float(self.epochs * self.subnets),
            "scores": self.scored * forward,
            "finalists": float(self.finalists * self.finalist_epochs),
        }

    def weighted(
        self, step_macs: Sequence[float], scored_macs: float, finalist_macs: float, unit: float
    ) -> dict[str, float]:
        """Return the same in epochs of a network with ``unit`` MACs.

        Args:
            step_macs: The MACs of the networks of a step, in the mean over steps.
            scored_macs: The mean MACs of the scored networks.
            finalist_macs: The mean MACs of the finalists.
            unit: The MACs of the network that an epoch is counted in.
        """
        parts = self.parts
        return {
            "supernet": self.epochs * sum(step_macs) / unit,
            "scores": parts["scores"] * scored_macs / unit,
            "finalists": parts["finalists"] * finalist_macs / unit,
        }
