"""A whole training on drawn people: that it learns, how quickly its samples come, and its AP."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gpu.plan import Plan
from benchmarks.gpu.rows import Row, at_least
from search_spaces.registry import preset
from search_spaces.training_config import TrainConfig
from trainers.processes.distributed import Worker

if TYPE_CHECKING:
    from trainers.data.samples.dataset import TopDownDataset

PART = "drawn people"
BATCH = 32
MOST_LOADED = 200
"""Samples that are loaded to find the rate of one core."""
LEAST_AP = 0.3
"""Below this, a training of twenty epochs has learned nothing to speak of."""


def loading_rate(samples: TopDownDataset) -> float:
    """Return samples a second of processor time, in one process."""
    began = time.process_time()
    count = min(len(samples), MOST_LOADED)
    for index in range(count):
        samples[index]
    return count / (time.process_time() - began)


def measure(plan: Plan, until: float) -> list[Row]:
    """Train the first network for the plan's epochs, validate it after the last, and return speed and AP."""
    # Not above: the packages that read images and score people may be missing, and other parts do without.
    from trainers.data.config import DataConfig
    from trainers.data.samples.datasets import training_set
    from trainers.data.synthetic.dataset import draw_dataset
    from trainers.training.loop import train

    arch = preset(plan.networks[0], input_size=plan.input_size)
    batch = min(BATCH, plan.images)
    config = TrainConfig(
        epochs=plan.epochs,
        batch_size=batch,
        warmup_iterations=max(1, plan.images // batch),
        validate_every=plan.epochs,
        half_body_probability=0.0,
    )
    with tempfile.TemporaryDirectory(prefix="dite-gpu-") as folder:
        root = Path(folder) / "people"
        draw_dataset(root, train_images=plan.images, val_images=max(4, plan.images // 10), seed=0)
        data = DataConfig(root=root, name="synthetic", workers=2 if plan.on_gpu else 0)
        loaded = [loading_rate(training_set(data, arch, config, raw=raw)) for raw in (False, True)]
        began = time.monotonic()
        done = train(arch, config, data, directory=None, report=lambda *_: None, worker=Worker(device=plan.device))
        seconds = time.monotonic() - began
    metrics = done.metrics
    verdict = at_least(LEAST_AP, metrics["ap_gt"]) if plan.on_gpu else ""
    return [
        Row(part=PART, what="samples loaded by one core, finished there", value=loaded[0], unit="samples/s"),
        Row(part=PART, what="samples loaded by one core, finished on the device", value=loaded[1], unit="samples/s"),
        Row(part=PART, what=f"a batch of {plan.headline}, by one core", value=1e3 * plan.headline / loaded[1], unit="ms"),
        Row(part=PART, what=f"training, batch {batch}", value=metrics["samples_per_second"], unit="samples/s"),
        Row(part=PART, what=f"{plan.epochs} epochs", value=seconds, unit="s"),
        Row(part=PART, what="loss of the last epoch", value=metrics["loss"]),
        Row(part=PART, what="ap_gt", value=metrics["ap_gt"], note=verdict),
    ]
