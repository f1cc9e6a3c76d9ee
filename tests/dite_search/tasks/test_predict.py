"""Predictions for users are those that an evaluation scores."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from dite_search.tasks.predict import PeopleGiven, predict, run_prediction
from dite_search.tasks.train_and_evaluate import evaluate_one
from search_spaces.common.errors import InvalidInput
from tests.trainers.prediction.media import picture_source, small_network, write_video
from trainers.data.config import DataConfig
from trainers.evaluation.results import Result


def in_order(results: list[Result]) -> list[Result]:
    return sorted(results, key=lambda result: (result["image_id"], -result["score"]))


@pytest.mark.slow
@pytest.mark.parametrize("flip_test", [True, False])
def test_keypoints_are_those_of_evaluate_on_photographs(coco_mini, tmp_path, flip_test):
    """The same people, crops, decoding, flip and rescoring, and the same suppression of duplicates."""
    data, trained = DataConfig(root=coco_mini), small_network()
    evaluate_one(trained, data, flip_test=flip_test, input_size=None, dump=tmp_path / "dump.json")
    table = predict(
        trained,
        coco_mini / "val2017",
        annotations=data.annotations,
        flip_test=flip_test,
        output=tmp_path / "out",
        draw=False,
    )
    scored = in_order(json.loads((tmp_path / "dump.json").read_text()))
    found = in_order(json.loads((tmp_path / "out" / "results.json").read_text()))
    assert len(scored) == len(found) == len(table) > 50
    assert [one["image_id"] for one in found] == [one["image_id"] for one in scored]
    for one, other in zip(found, scored, strict=True):
        places = np.reshape([one["keypoints"], other["keypoints"]], (2, 17, 3))
        np.testing.assert_allclose(places[0], places[1], atol=1e-3, rtol=1e-3)
        assert one["score"] == pytest.approx(other["score"], rel=1e-3)


def test_a_video_gives_a_line_for_each_frame_and_progress(tmp_path):
    video, said, seen = write_video(tmp_path / "v.mp4", frames=3), [], []
    done = run_prediction(small_network(), [video], PeopleGiven(), report=seen.append, note=said.append, flip_test=False)
    assert done.table["frame"].tolist() == [0, 1, 2]
    assert done.table["seconds"].tolist() == pytest.approx([0, 0.1, 0.2])
    assert [(progress.frames, progress.people, progress.total) for progress in seen] == [(1, 1, 3), (2, 2, 3), (3, 3, 3)]
    assert seen[-1] == done.progress
    assert said == ["no boxes were given, so the whole picture is taken for the box of one person"]


def test_boxes_give_people_and_nothing_is_written_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = picture_source(tmp_path / "a.png")
    table = predict(small_network(), [source.path], boxes=[(1, 2, 30, 40), (20, 2, 30, 40)], flip_test=False)
    assert isinstance(table, pd.DataFrame)
    assert table[["left", "width"]].values.tolist() == [[1, 30], [20, 30]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"boxes": [(1, 2, 3, 4)], "detector": "x.onnx"}, "people must be given in one way, got boxes and a detector"),
        ({"annotations": "a.json", "detector": "x.onnx"}, "got a detector and annotations"),
        ({"min_score": 0.5}, "min_score must be given with detections or a detector"),
        ({"min_score": 1.5, "detector": "x.onnx"}, r"min_score must be from 0 to 1, got 1\.5"),
        ({"category": "dog"}, "category must be given with annotations"),
    ],
)
def test_people_are_given_in_one_way(given, message):
    with pytest.raises(InvalidInput, match=message):
        PeopleGiven(**given)


def test_mistakes_leave_nothing(tmp_path):
    source = picture_source(tmp_path / "a.png")
    source.path.write_bytes(b"broken")
    for options, message in (
        ({}, r"a\.png must be a JPEG or PNG file"),
        ({"on_broken_image": "skip"}, "none of 1 pictures and videos can be read"),
        ({"on_orientation": "turn"}, "unknown on_orientation 'turn'"),
        ({"on_broken_image": "mend"}, "unknown on_broken_image 'mend'"),
    ):
        with pytest.raises(InvalidInput, match=message):
            run_prediction(small_network(), [source.path], PeopleGiven(), output=tmp_path / "out", **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]
