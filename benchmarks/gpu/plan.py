"""The plan of a benchmark: networks, batches and time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

HEADLINE_BATCH = 128
"""Samples of the batch at which the goal is set: three times the published computation."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run of the benchmark.

    Args:
        device: the device that is measured.
        minutes: time for all parts together.
        networks: names, as `benchmarks.gpu.networks` knows them; the first is measured in every part.
        batches: samples of a step; the headline is among them.
        headline: samples of the batch in the parts that take one only.
        precisions: number formats that are measured.
        input_size: height and width.
        rounds: steps of each way that are timed, unless time is up before.
        shared_space: name of the space whose networks share weights.
        images: drawn images that the training learns from.
        epochs: epochs of that training.
        copied: bytes that are copied to find the bandwidth.
        side: of the square matrices that are multiplied to find the rate.
        reference: folder of published checkpoints with recorded outputs; None where there is none.
    """

    device: torch.device
    minutes: float
    networks: tuple[str, ...] = ("dite_hrnet_18", "dite_hrnet_30", "lite_hrnet_18", "hrnet_w32")
    batches: tuple[int, ...] = (32, HEADLINE_BATCH, 256)
    headline: int = HEADLINE_BATCH
    precisions: tuple[str, ...] = ("float32", "bfloat16", "float16")
    input_size: tuple[int, int] = (256, 192)
    rounds: int = 10
    shared_space: str = "dite_hrnet"
    images: int = 1200
    epochs: int = 20
    copied: int = 2**30
    side: int = 8192
    reference: Path | None = None

    @property
    def on_gpu(self) -> bool:
        """Whether figures are those of a GPU, for which there are goals."""
        return self.device.type == "cuda"


def plan_for(device: torch.device, minutes: float, reference: Path | None = None) -> Plan:
    """Return the whole plan for a GPU, and for a processor a small one that runs every part."""
    if device.type == "cuda":
        return Plan(device=device, minutes=minutes, reference=reference)
    return Plan(
        device=device,
        minutes=minutes,
        reference=reference,
        networks=("dite_hrnet_18", "lite_hrnet_18", "hrnet_w32"),
        batches=(2, 4),
        headline=4,
        # A processor takes a hundred times as long for float16, which it does not know.
        precisions=("float32", "bfloat16"),
        input_size=(64, 64),
        rounds=2,
        shared_space="tiny_128",
        images=24,
        epochs=2,
        copied=2**26,
        side=512,
    )
