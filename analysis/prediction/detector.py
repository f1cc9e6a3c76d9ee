"""A person detector that a user brings as an ONNX file, with the outputs of the YOLO family."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.onnx.session import open_session
from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import clip_box
from trainers.data.formats.coco import Person
from trainers.prediction.boxes import PersonBoxes, person_in
from trainers.prediction.sources import Frame, Source

PERSON = "person"
NAMES = "names"
"""The property of a model that names its classes, as Ultralytics writes it: {0: 'person', ...}."""
USUAL_SIDE = 640
"""Pixels of a side of the input where the model leaves it free."""
GREY = 114
"""The value of pixels beside the picture."""
SCORE, OVERLAP = 0.25, 0.7
"""The usual confidence from which on a box counts, and the usual overlap (intersection over union) of two people."""
ROW = 6
"""Numbers of a box in an end-to-end model: left, top, right, bottom, confidence and class."""


class Detector:
    """Finds people with a model of one of two layouts, in pixels of its input.

    ``(1, 4 + C, N)``: centre x, centre y, width, height and C confidences of N boxes, which overlap until the best are
    chosen here. ``(1, N, 6)``: left, top, right, bottom, confidence and class, already chosen.

    The input is ``(1, 3, H, W)``, RGB from 0 to 1, the picture scaled to fit with grey beside.

    Args:
        file: The ONNX file.
        min_score: The confidence from 0 to 1 from which on a box counts.
        overlap: The overlap from 0 to 1 beyond which the less sure of two boxes goes, in the first layout.
        threads: The threads of ONNX Runtime.

    Raises:
        InvalidInput: the file is no model, or a model of another layout.
    """

    def __init__(self, file: Path, *, min_score: float = SCORE, overlap: float = OVERLAP, threads: int = 1) -> None:
        self._file, self._min_score, self._overlap = file, min_score, overlap
        self._session = open_session(file, threads=threads)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shape = list(inputs[0].shape)
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4 or shape[1] not in (3, "3"):
            raise InvalidInput(
                f"detector {file} must have one input (1, 3, height, width) of float32, got {_shapes(inputs)}"
            )
        self._input = inputs[0].name
        self._side = tuple(side if isinstance(side, int) and side > 0 else USUAL_SIDE for side in shape[2:])
        if len(outputs) != 1:
            raise self._unknown(_shapes(outputs))
        found = self._run(np.zeros((1, 3, *self._side), np.float32))
        self._is_final = self._layout(found.shape)
        self._person = self._class_of_people(found.shape)

    def __call__(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the boxes (N, 4) as x, y, width and height, and the confidences (N,), of an image (h, w, 3) in BGR."""
        image, factor, corner = _letterboxed(pixels, self._side)
        found = self._run(image)[0].astype(np.float64)
        boxes, scores = self._final(found) if self._is_final else self._chosen(found)
        boxes[:, :2] -= corner
        return boxes / factor, np.clip(scores, 0, 1)

    def _final(self, found: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows = found[(found[:, 4] >= self._min_score) & (found[:, 5].round() == self._person)]
        return np.concatenate([rows[:, :2], rows[:, 2:4] - rows[:, :2]], axis=1), rows[:, 4]

    def _chosen(self, found: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        classes = found[4:]
        sure = (classes[self._person] >= self._min_score) & (classes.argmax(axis=0) == self._person)
        rows, scores = found[:4, sure].T, classes[self._person, sure]
        boxes = np.concatenate([rows[:, :2] - rows[:, 2:] / 2, rows[:, 2:]], axis=1)
        if not len(boxes):
            return boxes, scores
        kept = np.asarray(
            cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), self._min_score, self._overlap), np.int64
        ).reshape(-1)
        return boxes[kept], scores[kept]

    def _run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            found = self._session.run(None, {self._input: image})[0]
        except Exception as error:  # ONNX Runtime's own classes have no common base but this one.
            shape = tuple(image.shape)
            raise InvalidInput(f"detector {self._file} cannot run on {shape}: {str(error).splitlines()[0]}") from None
        if not np.isfinite(found).all():
            raise InvalidInput(f"detector {self._file} must give finite numbers, but gave some that are not")
        return np.asarray(found, np.float32)

    def _layout(self, shape: Sequence[int]) -> bool:
        """Whether boxes are chosen already, by the shape of an output."""
        if len(shape) == 3 and shape[0] == 1:
            if shape[2] == ROW:
                return True
            if 5 <= shape[1] < shape[2]:
                return False
        raise self._unknown(str(tuple(shape)))

    def _unknown(self, shapes: str) -> InvalidInput:
        return InvalidInput(
            f"detector {self._file} must have one output (1, 4 + classes, boxes) or (1, boxes, {ROW}), got {shapes}"
        )

    def _class_of_people(self, shape: Sequence[int]) -> int:
        """Return the class of people by the model's own names, and 0, as in COCO, without names."""
        written = self._session.get_modelmeta().custom_metadata_map.get(NAMES)
        try:
            names: Any = ast.literal_eval(written) if written else {0: PERSON}
        except (ValueError, SyntaxError):
            names = {0: PERSON}
        numbered = dict(enumerate(names)) if isinstance(names, list | tuple) else names
        if not isinstance(numbered, dict):
            return 0
        people = [number for number, name in numbered.items() if str(name).lower() == PERSON and isinstance(number, int)]
        if not people:
            listed = ", ".join(str(name) for name in list(numbered.values())[:5])
            raise InvalidInput(f"detector {self._file} must have a class {PERSON}, but its classes are {listed}")
        if not self._is_final and people[0] >= shape[1] - 4:
            raise InvalidInput(f"detector {self._file} names class {people[0]} {PERSON}, but has {shape[1] - 4} classes")
        return people[0]


def boxes_of_detector(sources: Sequence[Source], detector: Detector, *, name: str) -> PersonBoxes:
    """Return the boxes that a detector finds in each frame, cut to the frame."""

    def find(frame: Frame) -> list[Person]:
        people = []
        for box, score in zip(*detector(frame.pixels), strict=True):
            cut = clip_box((float(box[0]), float(box[1]), float(box[2]), float(box[3])), frame.size)
            if cut is not None:
                people.append(person_in(frame, cut, score=float(score)))
        return people

    return PersonBoxes(find=find, sources=sources, kind=f"detector {name}")


def _letterboxed(pixels: NDArray[np.uint8], side: Sequence[int]) -> tuple[NDArray[np.float32], float, NDArray[np.float64]]:
    """Return the input (1, 3, H, W) of a picture, the scale, and where the picture's corner lies in the input (x, y)."""
    height, width = pixels.shape[:2]
    factor = min(side[0] / height, side[1] / width)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    canvas = np.full((side[0], side[1], 3), GREY, np.uint8)
    left, top = (side[1] - size[0]) // 2, (side[0] - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
    planes = canvas[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
    return np.ascontiguousarray(planes), factor, np.array([left, top], np.float64)


def _shapes(nodes: Sequence[Any]) -> str:
    return " and ".join(f"({', '.join(map(str, node.shape))})" for node in nodes) or "none"
