"""Studies to test with: the numbers are made up."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import cost_of

TINY = ArchConfig(widths=(16, 32, 64, 128), modules=(1, 1, 1), blocks_per_module=1, input_size=(64, 64))
PROTOCOL = {
    "dataset": "synthetic, seed 0",
    "boxes": "ground truth",
    "input_size": "64x64",
    "epochs": 12,
    "flip_test": True,
    "images": {"train": 512, "val": 128},
}
PROVENANCE = {
    "command": "dite-search search examples/tiny.yaml",
    "versions": {"torch": "2.13.0", "optuna": "5.0.0"},
    "seed": 0,
    "device": "CPU, 2 cores",
    "storage": "postgresql://alice:s3cret@db.example:5432/optuna",
}


def trial(number: int, *, ap: float | None = None, status: str = "complete", **changes: object) -> TrialRecord:
    """A trial of a network whose width and G grow with its number; ``changes`` are fields of the record."""
    width = 16 + 8 * (number % 4)
    groups = (1, 1, 2, 4) if number % 3 == 0 else (1, 1, 1, 1)
    arch = dataclasses.replace(TINY, widths=(width, 2 * width, 4 * width, 8 * width), groups=groups, kernels=(2, 2, 1, 1))
    epochs = 12 if status == "complete" else 3
    curve = [
        {"epoch": float(epoch), "loss": 0.004 / epoch**0.5, "seconds": 4.0 * epoch}
        | ({"ap_gt": ap * (1 - 0.7 ** (2 * epoch))} if ap is not None and epoch % 2 == 0 else {})
        for epoch in range(1, epochs + 1)
    ]
    fields = {
        "number": number,
        "status": status,
        "arch": arch,
        "cost": cost_of(arch),
        "parameters": {
            "width": width,
            "groups_branch3": groups[2],
            "groups_branch4": groups[3],
            "learning_rate": 0.001 * (1 + number % 2),
            "batch_size": 32,
        },
        "seed": 0,
        "metrics": {"ap_gt": ap, "latency_ms": 1.5 + width / 8 + number / 50} if ap is not None else {},
        "curve": curve,
        "seconds": 40.0 + 3 * number,
        "checkpoint": Path(f"trials/{number}/best.pt") if ap is not None else None,
    }
    return TrialRecord(**{**fields, **changes})  # type: ignore[arg-type]


def study(trials: list[TrialRecord] | None = None, **changes: object) -> StudyRecord:
    """A study of a dozen trials of every status, or of the given ones."""
    made_up = [
        trial(0, ap=0.412),
        trial(1, ap=0.467),
        trial(2, ap=0.521),
        trial(3, ap=0.548),
        trial(4, status="failed", reason="loss became nan in epoch 3; last finite value 0.0021"),
        trial(5, ap=0.455),
        trial(6, ap=0.534),
        trial(7, ap=0.571),
        trial(8, ap=0.398),
        trial(9, ap=0.31, status="stopped", reason="below the median of epoch 3"),
        trial(10, ap=0.502),
        trial(11, status="running"),
    ]
    fields = {
        "name": "tiny synthetic search",
        "directory": Path("studies/tiny"),
        "objectives": ("ap_gt", "mmacs", "latency_ms"),
        "trials": made_up if trials is None else trials,
        "protocol": PROTOCOL,
        "provenance": PROVENANCE,
    }
    return StudyRecord(**{**fields, **changes})  # type: ignore[arg-type]
