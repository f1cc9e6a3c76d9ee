"""A small valid data set in COCO's layout that a test may then break."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIZE = (60, 80)


def annotation(**changes: Any) -> dict[str, Any]:
    points = [value for index in range(17) for value in (20 + index, 10 + 2 * index, 2)]
    entry = {
        "id": 7,
        "image_id": 1,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [15, 5, 30, 45],
        "area": 900.0,
        "num_keypoints": 17,
        "keypoints": points,
    }
    return entry | changes


def document(*annotations: dict[str, Any], **image_changes: Any) -> dict[str, Any]:
    image = {"id": 1, "file_name": "one.jpg", "height": SIZE[0], "width": SIZE[1]} | image_changes
    return {"images": [image], "annotations": list(annotations or (annotation(),)), "categories": []}


def write_json(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def write_image(path: Path, size: tuple[int, int] = SIZE) -> Path:
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), image)
    return path


def write_dataset(folder: Path, value: Any = None) -> tuple[Path, Path]:
    """The annotation file and the image folder, which holds one.jpg."""
    images = folder / "images"
    images.mkdir()
    write_image(images / "one.jpg")
    return write_json(folder / "people.json", document() if value is None else value), images
