"""Whether the device computes the right thing: outputs and gradients against double precision on the processor."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.gpu.networks import drawn_batch, subject
from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row, at_most
from trainers.networks.loss import heatmap_loss
from trainers.training.train_step import computing_in, to_channels_last

PART = "goldens"
SAMPLES = 4
TF32 = " with TF32"
BOUNDS = {
    "heatmaps": {"float32": 1e-4, "float32" + TF32: 2e-2, "bfloat16": 0.1, "float16": 0.02},
    "gradients": {"float32": 1e-2, "float32" + TF32: 5e-2, "bfloat16": 0.15, "float16": 0.05},
}
"""Largest deviations from double precision, as parts of the norm of the right values.

Gradients may be further away: rounding opens or closes a ReLU whose input is nearly 0.
"""
GAIN = 0.7
"""Deviation of a weight, times the root of its fan-in: larger ones saturate the masks, where rounding decides."""
RECORDED = {"ditehrnet_18": 1e-3, "litehrnet_18": 1e-4}
"""Checkpoints with recorded outputs, and the largest deviation from the record as a part of its largest value."""


def measure(plan: Plan, until: float) -> list[Row]:
    """Return the deviations of each number format, and those from recorded outputs where ``plan`` has their folder.

    Batch normalisation keeps its running statistics: those of a small batch would amplify rounding a thousandfold.
    """
    batch = drawn_batch(SAMPLES, plan.input_size)
    doubled = {name: value.double() for name, value in batch.items()}
    rows = []
    for name in plan.networks:
        if rows and time.monotonic() > until:
            rows.append(Row(part=PART, what=name, value=None, note="time was up"))
            continue
        right = _computed(_network(name).double(), doubled, "float32")
        for form in (*plan.precisions, *(["float32" + TF32] if plan.on_gpu else [])):
            moved = {key: value.to(plan.device) for key, value in batch.items()}
            with tf32(form.endswith(TF32)):
                found = _computed(_network(name).to(plan.device), moved, form.removesuffix(TF32))
            for what, value, expected in zip(("heatmaps", "gradients"), found, right, strict=True):
                off = float((value.double().cpu() - expected).norm() / expected.norm())
                rows.append(_row(f"{name}, {what}, {form}", off, BOUNDS[what][form]))
    try:
        return [*rows, *_from_record(plan)]
    except ImportError as error:
        return [*rows, Row(part=PART, what="recorded outputs", value=None, note=f"a package is missing: {error}")]


def _row(what: str, off: float, bound: float) -> Row:
    return Row(part=PART, what=what, value=off, note=at_most(bound, off))


def _network(name: str) -> nn.Module:
    """Return a network with weights that leave no part of it idle; the same ones each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = to_channels_last(subject(name).build())
        for parameter in network.parameters():
            if parameter.dim() == 4:
                nn.init.normal_(parameter, std=GAIN * parameter[0].numel() ** -0.5)
    return network.eval()


def _computed(network: nn.Module, batch: dict[str, Tensor], precision: str) -> tuple[Tensor, Tensor]:
    """Return the heatmaps, and the gradients of all parameters end to end."""
    with computing_in(precision, batch["image"].device):
        heatmaps = network(batch["image"])
    wide = heatmaps if heatmaps.dtype == torch.float64 else heatmaps.float()
    # Divided by its size: float16 ends at 65,504.
    scale = wide.detach().abs().max()
    heatmap_loss(wide / scale, batch["target"], batch["weight"]).backward()
    gradients = [parameter.grad.flatten() for parameter in network.parameters() if parameter.grad is not None]
    return wide.detach(), torch.cat(gradients)


def _from_record(plan: Plan) -> Iterator[Row]:
    """Yield the deviations of published networks from their recorded outputs, in float32."""
    if plan.reference is None:
        return
    from trainers.networks.load import load_released_checkpoint

    for name, bound in RECORDED.items():
        file = plan.reference / f"{name}_coco_256x192.pth"
        recorded = np.load(plan.reference / f"{name}_coco_256x192_io.npz")
        network = load_released_checkpoint(file).to(plan.device).eval()
        with torch.inference_mode(), tf32(False):
            output = network(torch.from_numpy(recorded["input"]).to(plan.device)).cpu()
        expected = torch.from_numpy(recorded["output"])
        off = float((output - expected).abs().max() / expected.abs().max())
        yield _row(f"{name}, recorded output", off, bound)


def reference_beside(root: Path) -> Path | None:
    """Return the folder of recorded outputs that lies beside a checkout, where it does."""
    folder = root.parent / "shared" / "reference"
    return folder if folder.is_dir() else None


@contextlib.contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid the shortened float32 of NVIDIA's matrix units in the block."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = before
