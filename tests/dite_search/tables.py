"""Recorded tables small enough to draw, of four networks named A to D."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.recorded_table import read_kept, write_table
from dite_search.config.search_config import parse_search
from search_spaces.families.parameter import Point

SPACE = {
    "base": {
        "input_size": "64x32",
        "stem_width": 16,
        "widths": [16, 32, 48, 64],
        "modules": [1, 1, 1],
        "blocks_per_module": 1,
        "stem_kernels": 1,
    },
    "parameters": {"width_branch1": [8, 16], "modules_stage3": [1, 2]},
}
A, B, C, D = ({"width_branch1": width, "modules_stage3": modules} for modules in (1, 2) for width in (8, 16))
"""The points in the order of the space, which is that of a grid; the cheapest is A, then C, B and D."""

Scores = Sequence[float]


def write_folder(folder: Path, *trainings: tuple[Point, int, Scores, float], **changes: Any) -> Path:
    """A table of trainings, each a point, its seed, a score for each epoch and the seconds of each epoch."""
    fields: dict[str, Any] = {
        "name": "drawn",
        "space": SPACE,
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "sampler": {"name": "grid"},
        "scheduler": {"name": "none"},
        "trials": 4,
        "training": {"epochs": len(trainings[0][2]), "batch_size": 16, "validate_every": 1},
        "directory": str(folder / "runs"),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "search.yaml").write_text(yaml.safe_dump(fields | changes, sort_keys=False))
    (folder / "curves").mkdir(exist_ok=True)
    for index, (point, seed, scores, seconds) in enumerate(trainings):
        curve = [
            {"epoch": epoch, "ap_gt": score, "loss": 1 / epoch, "seconds": epoch * seconds}
            for epoch, score in enumerate(scores, start=1)
        ]
        kept = folder / "curves" / f"{index}.json"
        kept.write_text(json.dumps({"point": point, "seed": seed, "curve": curve}))
    space = parse_search(fields | changes, "search.yaml").search_space
    write_table(space, read_kept(space, folder), folder / "curves.csv")
    return folder
