"""``dite-search predict`` as a user gives it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import pandas as pd
import pytest

from dite_search.cli.networks import predict as module
from dite_search.cli.networks.predict import progress_line
from dite_search.tasks.predict import PredictionProgress
from tests.analysis.export.networks import SMALL
from tests.analysis.prediction.detectors import final_output, raw_output, write_detector
from tests.dite_search.commands import refused, run
from tests.dite_search.study.test_directory import trained
from tests.trainers.prediction.media import weights, write_picture, write_video
from trainers.checkpoints.checkpoint import save_checkpoint


@pytest.fixture
def checkpoint(tmp_path, monkeypatch) -> Path:
    """A checkpoint, and a working directory for what is written."""
    monkeypatch.chdir(tmp_path)
    state = {"network": weights().state_dict(), "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
    made = dataclasses.replace(trained(SMALL, epochs=1), state=state, data={"format": "coco"})
    save_checkpoint(tmp_path / "best.pt", made)
    return tmp_path / "best.pt"


def test_a_folder_and_a_video_are_predicted_and_drawn(checkpoint, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    for name in ("a.png", "b.jpg"):
        write_picture(tmp_path / "photos" / name)
    video = write_video(tmp_path / "v.mp4", frames=3)
    people = [(32.0, 32.0, 30.0, 44.0, 0.9)]
    for number, output in enumerate((raw_output(people), final_output(people))):
        detector = write_detector(tmp_path / "people.onnx", output)
        words = (checkpoint, "photos", video, "--detector", detector, "--no-flip-test", "--json")
        result = run("predict", *words)
        assert result.exit_code == 0, (result.output, result.exception)
        found = json.loads(result.stdout)
        place = "runs/predict" if number == 0 else f"runs/predict-{number + 1}"
        assert (found["pictures_and_frames"], found["people"], found["output"]) == (5, 5, place)
        assert found["people_per_second"] > 0
        assert "4 of 5 pictures and frames, " in result.stderr
        assert " s left" in result.stderr
        table = pd.read_csv(tmp_path / place / "keypoints.csv")
        assert table[["left", "top", "width", "height"]].values.tolist()[0] == pytest.approx([17, 2, 30, 44])
        drawn = tmp_path / place / "drawn"
        assert sorted(path.name for path in drawn.iterdir()) == ["a.png", "b.jpg", "v.mp4"]
    capture = cv2.VideoCapture(str(drawn / "v.mp4"))
    assert capture.read()[1].shape == (48, 64, 3)
    capture.release()


def test_boxes_of_the_command_line_and_nobody(checkpoint, tmp_path):
    picture = write_picture(tmp_path / "a.png")
    found = run("predict", checkpoint, picture, "--box", "-1,2,30,40", "--box", "20,2,30,40", "--no-drawings", "--json")
    assert json.loads(found.stdout)["people"] == 2
    assert not (tmp_path / "runs" / "predict" / "drawn").exists()
    nobody = write_detector(tmp_path / "nobody.onnx", raw_output([]))
    found = run("predict", checkpoint, picture, "--detector", nobody, "--output", "none")
    assert found.exit_code == 0, (found.output, found.exception)
    assert "note: no person was found in any of them" in found.output
    assert len(pd.read_csv(tmp_path / "none" / "keypoints.csv")) == 0


def test_mistakes_are_sentences_and_write_nothing(checkpoint, tmp_path):
    picture = write_picture(tmp_path / "a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.txt").write_text("x")
    (tmp_path / "v.mp4").write_bytes(b"broken" * 50)
    (tmp_path / "broken.jpg").write_bytes(picture.read_bytes()[:50])
    odd = write_detector(tmp_path / "odd.onnx", final_output([])[:, :, :5])
    before = sorted(path.name for path in tmp_path.iterdir())
    for words, message in (
        ((picture, "--box", "1,2,3"), "a box must be x,y,width,height in pixels, as in 10,20,64,128, got '1,2,3'"),
        ((picture, "--box", "90,2,3,4"), "a box must show some of"),
        ((picture, "--detector", odd), "must have one output (1, 4 + classes, boxes) or (1, boxes, 6), got (1, 30, 5)"),
        ((picture, "--detections", "none.json"), "file not found: none.json"),
        (("empty",), "folder empty must hold pictures or videos"),
        (("*.png.jpg",), "glob *.png.jpg must match pictures or videos"),
        (("x.txt",), "x.txt must be a picture or a video, whose name ends in"),
        (("none.png",), "picture, video or folder not found: none.png"),
        (("v.mp4",), "video v.mp4 cannot be opened"),
        ((picture, "broken.jpg"), "image broken.jpg "),
        ((picture, "--output", "."), "the output folder . must be new or empty"),
        ((picture, "--input-size", "big"), "input_size must be written HEIGHTxWIDTH"),
    ):
        assert message in refused("predict", checkpoint, *words)
    assert "dite_hrnet_18 has no weights" in refused("predict", "dite_hrnet_18", picture)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "runs") == before
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_a_line_of_progress_has_the_time_left():
    half = PredictionProgress(frames=50, people=80, total=100, seconds=5.0)
    assert progress_line(half) == "50 of 100 pictures and frames, 10.0/s, 5 s left"
    assert progress_line(dataclasses.replace(half, total=0)) == "50 pictures and frames, 10.0/s"
