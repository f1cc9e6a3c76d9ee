"""The folder of a prediction appears whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from analysis.prediction.writing import PredictionFolder, require_free, whole_folder
from search_spaces.common.errors import InvalidInput
from tests.trainers.prediction.media import picture_source, pixels, write_video
from trainers.data.annotations.keypoints import COCO17
from trainers.prediction.predictor import PredictedFrame, PredictedPerson
from trainers.prediction.sources import Frame, Source, find_sources, video_frames

PERSON = PredictedPerson(box=(1.0, 2.0, 30.0, 40.0), box_score=1.0, keypoints=np.full((17, 3), 20.0), score=0.5)


def of_picture(source: Source, image_id: int) -> PredictedFrame:
    return PredictedFrame(frame=Frame(source=source, image_id=image_id, pixels=pixels(0)), people=[PERSON])


def test_pictures_of_one_name_and_videos_are_drawn(tmp_path):
    pictures = [picture_source(tmp_path / name / "a.jpg") for name in ("x", "y")]
    (video,) = find_sources([write_video(tmp_path / "v.avi".replace("avi", "mp4"), frames=3, size=(47, 63))])
    with whole_folder(tmp_path / "out") as folder:
        writer = PredictionFolder(folder, COCO17)
        for number, source in enumerate(pictures, 1):
            writer.add(of_picture(source, number))
        for number, frame in enumerate(video_frames(video)):
            seen = Frame(source=video, image_id=3 + number, pixels=frame, number=number)
            writer.add(PredictedFrame(frame=seen, people=[PERSON] * (number != 1)))
        table = writer.finish()
    out = tmp_path / "out"
    assert sorted(path.name for path in (out / "drawn").iterdir()) == ["a-2.jpg", "a.jpg", "v.mp4"]
    assert cv2.imread(str(out / "drawn" / "a.jpg")).shape == (48, 64, 3)
    (drawn,) = find_sources([out / "drawn" / "v.mp4"])
    assert (drawn.frames, drawn.rate) == (3, video.rate)
    results = json.loads((out / "results.json").read_text())
    assert [result["image_id"] for result in results] == [1, 2, 3, 5]
    assert [image["id"] for image in json.loads((out / "images.json").read_text())["images"]] == [1, 2, 3, 4, 5]
    pd.testing.assert_frame_equal(pd.read_csv(out / "keypoints.csv"), table)


def test_no_drawing_takes_the_name_of_another(tmp_path):
    pictures = [picture_source(tmp_path / name) for name in ("x/a.jpg", "x/a-2.jpg", "y/a.jpg")]
    with whole_folder(tmp_path / "out") as folder:
        writer = PredictionFolder(folder, COCO17)
        for number, source in enumerate(pictures, 1):
            writer.add(of_picture(source, number))
        writer.finish()
    assert sorted(path.name for path in (tmp_path / "out" / "drawn").iterdir()) == ["a-2.jpg", "a-3.jpg", "a.jpg"]


def test_what_fails_leaves_nothing(tmp_path):
    source = picture_source(tmp_path / "a.png")

    def fail():
        with whole_folder(tmp_path / "out") as folder:
            PredictionFolder(folder, COCO17).add(of_picture(source, 1))
            raise InvalidInput("broken in the middle")

    with pytest.raises(InvalidInput, match="broken in the middle"):
        fail()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_drawings_may_be_left_out_and_nothing_written(tmp_path):
    source = picture_source(tmp_path / "a.png")
    with whole_folder(tmp_path / "out") as folder:
        writer = PredictionFolder(folder, COCO17, draws=False)
        writer.add(of_picture(source, 1))
        writer.finish()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["images.json", "keypoints.csv", "results.json"]
    with whole_folder(None) as folder:
        writer = PredictionFolder(folder, COCO17)
        writer.add(of_picture(source, 1))
        assert len(writer.finish()) == 1


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("x")
    with pytest.raises(InvalidInput, match=r"must be new or empty, but it holds mine\.txt"):
        require_free(tmp_path / "full")
    with pytest.raises(InvalidInput, match="cannot be used: Not a directory"):
        require_free(tmp_path / "full" / "mine.txt" / "below")
    with pytest.raises(InvalidInput, match="the output folder /proc/x cannot be made"), whole_folder(Path("/proc/x")):
        pass
