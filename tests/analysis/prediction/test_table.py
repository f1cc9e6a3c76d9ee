"""Tables, results and images of predicted frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from analysis.prediction.table import columns_of, document_of, image_of, results_of, rows_of, table_of
from tests.trainers.prediction.media import pixels
from trainers.data.annotations.keypoints import COCO17
from trainers.prediction.predictor import PredictedFrame, PredictedPerson
from trainers.prediction.sources import Frame, Source


def predicted(path: str, *, rate: float = 0.0, number: int = 0, people: int = 1) -> PredictedFrame:
    frame = Frame(source=Source(path=Path(path), rate=rate), image_id=7, pixels=pixels(0), number=number)
    keypoints = np.arange(51.0).reshape(17, 3)
    person = PredictedPerson(box=(1.0, 2.0, 3.0, 4.0), box_score=0.5, keypoints=keypoints, score=0.25)
    return PredictedFrame(frame=frame, people=[person] * people)


def test_a_line_for_each_person():
    rows = [*rows_of(predicted("a.png", people=2), COCO17), *rows_of(predicted("v.mp4", rate=10, number=3), COCO17)]
    table = table_of(rows, COCO17)
    assert list(table.columns) == columns_of(COCO17)
    assert table["file"].tolist() == ["a.png", "a.png", "v.mp4"]
    assert table["person"].tolist() == [0, 1, 0]
    assert table[["left", "top", "width", "height"]].values[0].tolist() == [1, 2, 3, 4]
    assert table[["nose_x", "nose_y", "nose_score", "right_ankle_score"]].values[0].tolist() == [0, 1, 2, 50]
    assert pd.isna(table["seconds"][0])
    assert (table["seconds"][2], table["frame"][2]) == (0.3, 3)
    empty = table_of([], COCO17)
    assert (len(empty), list(empty.columns)) == (0, columns_of(COCO17))


def test_results_and_images_are_of_one_coco_file():
    frame = predicted("x/v.mp4", rate=10, number=3)
    (result,) = results_of(frame)
    assert (result["image_id"], result["category_id"], result["score"], len(result["keypoints"])) == (7, 1, 0.25, 51)
    assert image_of(frame) == {"id": 7, "file_name": "v.mp4", "height": 48, "width": 64, "frame": 3, "seconds": 0.3}
    assert image_of(predicted("a.png")) == {"id": 7, "file_name": "a.png", "height": 48, "width": 64}
    document = document_of([image_of(frame)], COCO17)
    assert document["categories"][0]["skeleton"][0] == [16, 14]
