"""People and predictions of them, drawn: truths with a seed, predictions with an error that the test chooses."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainers.data.annotations.keypoints import COCO17, KeypointSet
from trainers.evaluation.results import Result

IMAGE_IDS = 7  # Ids begin above 1, so that none is mistaken for a row.


def people(images: int, *, seed: int, keypoint_set: KeypointSet = COCO17, most: int = 3) -> list[dict[str, Any]]:
    """Annotations of 0 to ``most`` people in each image; some are crowds, some have nothing labelled."""
    generator = np.random.default_rng(seed)
    found: list[dict[str, Any]] = []
    for image in range(images):
        for _ in range(generator.integers(0, most + 1)):
            size = generator.uniform(30, 200, 2)
            corner = generator.uniform(0, 400, 2)
            points = corner + generator.uniform(0, 1, (keypoint_set.count, 2)) * size
            visible = generator.choice([0, 1, 2], keypoint_set.count, p=[0.2, 0.2, 0.6])
            if generator.random() < 0.05:
                visible[:] = 0
            found.append(
                {
                    "id": len(found) + 1,
                    "image_id": IMAGE_IDS + image,
                    "category_id": 1,
                    "iscrowd": int(generator.random() < 0.03),
                    "bbox": [*corner.tolist(), *size.tolist()],
                    "area": float(size.prod() * 0.6),
                    "num_keypoints": int((visible > 0).sum()),
                    "keypoints": np.column_stack([np.where(visible[:, None] > 0, points, 0), visible]).ravel().tolist(),
                }
            )
    return found


def ids(images: int) -> list[int]:
    """The ids of the images."""
    return list(range(IMAGE_IDS, IMAGE_IDS + images))


def predictions(annotations: list[dict[str, Any]], *, error: float, seed: int, ties: bool = False) -> list[Result]:
    """One prediction for each person, off by ``error`` of the person's size times what is hard about its image.

    Scores fall with the error, not exactly; with ``ties`` many are equal.
    """
    generator = np.random.default_rng(seed)
    results = []
    for annotation in annotations:
        hardness = np.random.default_rng(annotation["image_id"]).lognormal(0, 0.6)
        points = np.array(annotation["keypoints"]).reshape(-1, 3)
        off = generator.normal(0, error * hardness * np.sqrt(annotation["area"]), (len(points), 2))
        score = float(np.clip(1 / (1 + 4 * error * hardness) + generator.normal(0, 0.15), 0.01, 1))
        results.append(
            Result(
                image_id=annotation["image_id"],
                category_id=1,
                keypoints=np.column_stack([points[:, :2] + off, np.full(len(points), score)]).ravel().tolist(),
                score=round(score, 1) if ties else score,
            )
        )
    return results
