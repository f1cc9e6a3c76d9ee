"""Batches that are finished on the device of the network: pixels of 8 bits and profiles travel, floats are made there.

A quarter of an image's bytes and a tenth of a target's go over the bus, and the processor neither normalises nor draws
Gaussians. Warping stays with the processor, which decodes photographs of all sizes one by one.

Shape legend: B samples, K keypoints, H and W input height and width, h and w heatmap height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from trainers.data.geometry.transforms import gain_and_bias
from trainers.data.samples.dataset import TopDownDataset

RAW_DEVICES = ("cuda",)
"""Kinds of devices that finish their batches themselves. A processor would only do the same work later."""


class DeviceBatches:
    """The batches of a loader on a device, with ``image`` (B, 3, H, W), channels-last, and ``target`` (B, K, h, w).

    Raw samples are finished there; others are left where they are, and the network's step moves them piece by piece.
    A device of `RAW_DEVICES` copies and finishes a batch while it computes the one before. Iterating begins an epoch.
    """

    def __init__(self, loader: DataLoader[dict[str, Tensor]], device: torch.device) -> None:
        dataset = loader.dataset
        assert isinstance(dataset, TopDownDataset)
        self._loader, self._device, self._raw = loader, device, dataset.raw
        gain, bias = gain_and_bias(dataset.normalisation)
        self._gain, self._bias = (torch.from_numpy(values).to(device) for values in (gain, bias))
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def __len__(self) -> int:
        return len(self._loader)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return self._one_ahead() if self._raw else iter(self._loader)

    def _one_ahead(self) -> Iterator[dict[str, Tensor]]:
        ready: tuple[dict[str, Tensor], torch.cuda.Event | None] | None = None
        for raw in self._loader:
            following = self._begun(raw)
            if ready is not None:
                yield self._handed_over(*ready)
            ready = following
        if ready is not None:
            yield self._handed_over(*ready)

    def _begun(self, raw: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], torch.cuda.Event | None]:
        """Finish a batch beside what the device computes, and return it with the event of its end."""
        if self._stream is None:
            return finished(raw, self._gain, self._bias), None
        with torch.cuda.stream(self._stream):
            return finished(raw, self._gain, self._bias), self._stream.record_event()

    def _handed_over(self, batch: dict[str, Tensor], end: torch.cuda.Event | None) -> dict[str, Tensor]:
        """Let the stream that computes wait for a batch, and keep its memory until that stream is done with it."""
        if end is not None:
            computing = torch.cuda.current_stream(self._device)
            computing.wait_event(end)
            for value in batch.values():
                if value.is_cuda:
                    value.record_stream(computing)
        return batch


def finished(raw: Mapping[str, Tensor], gain: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Return a batch of raw samples on the device of ``gain`` and ``bias`` (3,), red, green and blue.

    Rounding of the targets apart, which are products of rounded profiles, the result is that of the processor.
    """
    device = gain.device
    moved = {name: raw[name].to(device, non_blocking=True) for name in ("pixels", "across", "down", "weight")}
    # BGR to RGB; the channels stay last in memory, where the network wants them.
    image = moved["pixels"].flip(3).float().mul_(gain).add_(bias).permute(0, 3, 1, 2)
    target = moved["down"][:, :, :, None] * moved["across"][:, :, None, :]
    return {"image": image, "target": target, "weight": moved["weight"], "index": raw["index"]}


def finishes_batches(device: torch.device) -> bool:
    """Return whether batches for a network on this device are raw until they are there."""
    return device.type in RAW_DEVICES
