"""Data sets of drawn things with any number of points: a bright mark of its own colour at each point, in COCO's layout."""

from __future__ import annotations

import colorsys
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

SIDE = 96

CARD = ("corner_a", "corner_b", "corner_c", "corner_d")
"""Four points without sides."""


def face_names(count: int = 68) -> list[str]:
    """Return names of face-like points: pairs of left and right, and the last two in the middle."""
    pairs = (count - 2) // 2
    return [f"{side}_{number}" for number in range(pairs) for side in ("left", "right")] + ["nose_tip", "chin"]


def draw_points(root: Path, names: list[str] | tuple[str, ...], *, train: int, val: int, named: bool = True) -> Path:
    """Write a data set of things whose points stand on a turned and scaled template; ``named`` gives the names."""
    rng = np.random.default_rng(len(names))
    angles = np.linspace(0, 2 * np.pi, len(names), endpoint=False)
    template = np.stack([np.cos(angles), 0.8 * np.sin(angles)], axis=1)
    category: dict[str, Any] = {"id": 1, "name": "thing"} | ({"keypoints": list(names)} if named else {})
    (root / "annotations").mkdir(parents=True)
    for split, count in (("train", train), ("val", val)):
        (root / f"{split}2017").mkdir()
        images, annotations = [], []
        for number in range(1, count + 1):
            turn = rng.uniform(-0.4, 0.4)
            matrix = rng.uniform(22, 34) * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            points = template @ matrix.T + SIDE / 2 + rng.uniform(-6, 6, 2)
            picture = np.full((SIDE, SIDE, 3), 60, np.uint8)
            for index, (x, y) in enumerate(points):
                red, green, blue = (round(255 * v) for v in colorsys.hsv_to_rgb(index / len(names), 0.9, 1))
                cv2.circle(picture, (round(x), round(y)), 3, (blue, green, red), -1, cv2.LINE_AA)
            assert cv2.imwrite(str(root / f"{split}2017" / f"{number}.png"), picture)
            low, high = points.min(axis=0) - 4, points.max(axis=0) + 4
            images.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE})
            annotations.append(
                {
                    "id": number,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [*low.tolist(), *(high - low).tolist()],
                    "area": float(np.prod(high - low)),
                    "keypoints": [value for x, y in points.tolist() for value in (x, y, 2)],
                }
            )
        document = {"images": images, "annotations": annotations, "categories": [category]}
        (root / "annotations" / f"person_keypoints_{split}2017.json").write_text(json.dumps(document))
    return root
