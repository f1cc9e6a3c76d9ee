"""Predictions as a table: a line for each person, with the place and the confidence of every keypoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from trainers.data.annotations.categories import PERSON_CATEGORY, PERSON_NAME
from trainers.data.annotations.keypoints import KeypointSet
from trainers.evaluation.results import Result
from trainers.prediction.predictor import PredictedFrame

COLUMNS = (
    "file",
    "frame",
    "seconds",
    "image_id",
    "person",
    "score",
    "box_confidence",
    "left",
    "top",
    "width",
    "height",
)
"""The columns before those of the keypoints, which are NAME_x, NAME_y and NAME_score."""


def columns_of(keypoint_set: KeypointSet) -> list[str]:
    """Return the columns of a table of predictions."""
    return [*COLUMNS, *(f"{name}_{part}" for name in keypoint_set.names for part in ("x", "y", "score"))]


def rows_of(predicted: PredictedFrame, keypoint_set: KeypointSet) -> Iterator[list[Any]]:
    """Yield a line for each person of a frame, in the order of `columns_of`."""
    frame = predicted.frame
    for number, person in enumerate(predicted.people):
        where = [str(frame.source.path), frame.number, frame.seconds, frame.image_id, number]
        yield [*where, person.score, person.box_score, *person.box, *person.keypoints.ravel().tolist()]


def table_of(rows: Sequence[Sequence[Any]], keypoint_set: KeypointSet) -> pd.DataFrame:
    """Return the table of all lines; ``seconds`` is missing for pictures."""
    table = pd.DataFrame(rows, columns=columns_of(keypoint_set))
    return table.astype({"seconds": "float64"})


def results_of(predicted: PredictedFrame) -> list[Result]:
    """Return the people of a frame as entries of a COCO results file."""
    return [
        Result(
            image_id=predicted.frame.image_id,
            category_id=PERSON_CATEGORY,
            keypoints=person.keypoints.ravel().tolist(),
            score=person.score,
        )
        for person in predicted.people
    ]


def image_of(predicted: PredictedFrame) -> dict[str, Any]:
    """Return a frame as an entry of ``images`` of a COCO file; of a video it has the number and the time, too."""
    frame = predicted.frame
    entry: dict[str, Any] = {
        "id": frame.image_id,
        "file_name": frame.source.path.name,
        "height": frame.size[0],
        "width": frame.size[1],
    }
    return entry | ({"frame": frame.number, "seconds": frame.seconds} if frame.source.is_video else {})


def document_of(images: Sequence[dict[str, Any]], keypoint_set: KeypointSet) -> dict[str, Any]:
    """Return the COCO file that the entries of a results file refer to."""
    category = {
        "id": PERSON_CATEGORY,
        "name": PERSON_NAME,
        "keypoints": list(keypoint_set.names),
        "skeleton": [[a + 1, b + 1] for a, b in keypoint_set.limbs],
    }
    return {"images": list(images), "categories": [category], "annotations": []}
