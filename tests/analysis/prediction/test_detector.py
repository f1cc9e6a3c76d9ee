"""A person detector of a user's own, run by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from analysis.prediction.detector import Detector, boxes_of_detector
from search_spaces.common.errors import InvalidInput
from tests.analysis.prediction.detectors import final_output, raw_output, write_detector
from tests.trainers.prediction.media import picture_source, pixels
from trainers.prediction.sources import Frame

PEOPLE = [(32.0, 32.0, 16.0, 24.0, 0.9), (33.0, 32.0, 16.0, 24.0, 0.6), (10.0, 40.0, 8.0, 8.0, 0.1)]
"""In the 64 x 64 input; the second is the first again, and the third is nobody."""


def found(path, **options):
    return Detector(path, **options)(pixels(0, (32, 64)))


def test_both_layouts_give_people_in_pixels_of_the_picture(tmp_path):
    """The picture of 32 x 64 has 16 grey rows above and below it in the input."""
    expected = [24, 20 - 16, 16, 24]
    boxes, scores = found(write_detector(tmp_path / "raw.onnx", raw_output(PEOPLE)))
    np.testing.assert_allclose(boxes, [expected], atol=1e-4)
    np.testing.assert_allclose(scores, [0.9], atol=1e-6)
    boxes, scores = found(write_detector(tmp_path / "final.onnx", final_output(PEOPLE)))
    np.testing.assert_allclose(boxes, [expected, [25, 4, 16, 24]], atol=1e-4)
    np.testing.assert_allclose(scores, [0.9, 0.6], atol=1e-6)


def test_confidence_and_overlap_choose(tmp_path):
    file = write_detector(tmp_path / "raw.onnx", raw_output(PEOPLE))
    assert len(found(file, min_score=0.05)[0]) == 2
    assert len(found(file, overlap=0.99)[0]) == 2
    assert len(found(file, min_score=0.95)[0]) == 0


def test_an_input_of_free_size_takes_640(tmp_path):
    file = write_detector(tmp_path / "free.onnx", raw_output([(320, 320, 64, 640, 0.9)]), side="side")
    boxes, _ = Detector(file)(pixels(0, (320, 640)))
    np.testing.assert_allclose(boxes, [[288, -160, 64, 640]], atol=1e-3)


def test_the_class_of_people_is_the_models_own(tmp_path):
    file = write_detector(tmp_path / "named.onnx", raw_output(PEOPLE), names="{0: 'dog', 16: 'Person'}")
    boxes, _ = found(file)
    np.testing.assert_allclose(boxes, [[15, -1, 10, 10]], atol=1e-4)


def test_boxes_are_cut_to_the_frame(tmp_path):
    detector = Detector(write_detector(tmp_path / "raw.onnx", final_output([(60, 32, 40, 24, 0.8), (32, 4, 8, 4, 0.9)])))
    source = picture_source(tmp_path / "a.png", size=(32, 64))
    boxes = boxes_of_detector([source], detector, name="raw.onnx")
    (person,) = boxes.find(Frame(source=source, image_id=3, pixels=pixels(0, (32, 64))))
    np.testing.assert_allclose(person.box, (40, 4, 23, 24), atol=1e-4)
    assert (person.image_id, round(person.score, 4)) == (3, 0.8)
    assert boxes.kind == "detector raw.onnx"


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        (
            np.zeros((1, 10), np.float32),
            {},
            r"must have one output \(1, 4 \+ classes, boxes\) or \(1, boxes, 6\), got \(1, 10\)",
        ),
        (np.zeros((1, 100, 85), np.float32), {}, r"or \(1, boxes, 6\), got \(1, 100, 85\)"),
        (np.zeros((2, 84, 100), np.float32), {}, r"got \(2, 84, 100\)"),
        (np.full((1, 30, 6), np.nan, np.float32), {}, "must give finite numbers"),
        (
            raw_output([]),
            {"inputs": (1, 1, 64, 64)},
            r"must have one input \(1, 3, height, width\) of float32, got \(1, 1, 64",
        ),
        (raw_output([]), {"names": "{0: 'cat', 1: 'dog'}"}, "must have a class person, but its classes are cat, dog"),
        (raw_output([]), {"names": "{90: 'person'}"}, "names class 90 person, but has 80 classes"),
    ],
)
def test_another_layout_is_told(tmp_path, output, options, message):
    with pytest.raises(InvalidInput, match=message):
        Detector(write_detector(tmp_path / "x.onnx", output, **options))


def test_no_model_is_told(tmp_path):
    with pytest.raises(InvalidInput, match=r"ONNX model .*none.onnx does not exist"):
        Detector(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"nothing")
    with pytest.raises(InvalidInput, match=r"ONNX model .*broken.onnx cannot be opened"):
        Detector(tmp_path / "broken.onnx")
