"""Data sets of drawn people for the page: whole, exchanged, with copies, with broken images."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.data.annotations.keypoints import COCO17


def annotation_file(root: Path, split: str) -> Path:
    return root / "annotations" / f"person_keypoints_{split}2017.json"


def edited(
    source: Path, root: Path, edit: Callable[[dict[str, Any]], None], splits: tuple[str, ...] = ("train", "val")
) -> Path:
    """A copy of a data set in COCO's layout, its annotations changed."""
    shutil.copytree(source, root)
    for split in splits:
        file = annotation_file(root, split)
        document = json.loads(file.read_text())
        edit(document)
        file.write_text(json.dumps(document))
    return root


def exchange(document: dict[str, Any], *, every: int = 1) -> None:
    """Give every so-many-th person's left the names of the right."""
    for entry in document["annotations"][::every]:
        points = [entry["keypoints"][3 * index : 3 * index + 3] for index in COCO17.flip_permutation]
        entry["keypoints"] = [value for point in points for value in point]


def with_names(names: dict[str, str], skeleton: Any = None) -> Callable[[dict[str, Any]], None]:
    """Keep and rename the keypoints that ``names`` maps, in its order."""

    def edit(document: dict[str, Any]) -> None:
        kept = [COCO17.names.index(name) for name in names]
        document["categories"][0] |= {"keypoints": list(names.values()), "skeleton": skeleton or []}
        for entry in document["annotations"]:
            points = [entry["keypoints"][3 * index : 3 * index + 3] for index in kept]
            entry["keypoints"] = [value for point in points for value in point]
            entry["num_keypoints"] = sum(point[2] > 0 for point in points)

    return edit


BODY = {name: name.replace("left_", "L").replace("right_", "R") for name in COCO17.names[5:]}
"""The body without a face, named as some tools do."""
