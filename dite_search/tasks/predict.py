"""Keypoints of people in a user's own pictures and videos, by any trained network."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from analysis.prediction.detector import SCORE, Detector, boxes_of_detector
from analysis.prediction.writing import PredictionFolder, require_free, whole_folder
from dite_search.tasks.network_reference import MODEL, find_network
from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import resized
from trainers.data.annotations.boxes import Box
from trainers.data.images.orientation import ON_ORIENTATION
from trainers.prediction.boxes import PersonBoxes, annotated_boxes, detected_boxes, given_boxes, whole_pictures
from trainers.prediction.network import TrainedNetwork
from trainers.prediction.predictor import ON_BROKEN_IMAGE, STOP, Predictor, frames_of
from trainers.prediction.sources import Source, find_sources


@dataclass(frozen=True, kw_only=True)
class PeopleGiven:
    """How the people are told to a prediction; with nothing given, each picture is one person's box.

    Args:
        boxes: Boxes in every frame: x, y, width and height in pixels.
        annotations: A COCO annotation file, whose people are predicted; beside ``detections`` it names the pictures.
        detections: A COCO detections file.
        detector: An ONNX file of a person detector.
        min_score: The confidence from 0 to 1 from which on a detected box counts; None is 0.25 for a detector, else 0.
        category: The name or the id of people in ``annotations``, where these do not tell.
    """

    boxes: Sequence[Box] = ()
    annotations: Path | None = None
    detections: Path | None = None
    detector: Path | None = None
    min_score: float | None = None
    category: str | int | None = None

    def __post_init__(self) -> None:
        """Refuse, with InvalidInput, two origins of boxes, and options that have nothing to choose."""
        known = {"boxes": self.boxes, "detections": self.detections, "a detector": self.detector}
        known["annotations"] = self.annotations if self.detections is None else None
        given = [name for name, value in known.items() if value]
        if len(given) > 1:
            raise InvalidInput(f"people must be given in one way, got {' and '.join(given)}")
        if self.min_score is not None:
            if not (self.detections or self.detector):
                raise InvalidInput("min_score must be given with detections or a detector, whose boxes it chooses from")
            if not (math.isfinite(self.min_score) and 0 <= self.min_score <= 1):
                raise InvalidInput(f"min_score must be from 0 to 1, got {self.min_score}")
        if self.category is not None and (self.annotations is None or self.detections is not None):
            raise InvalidInput("category must be given with annotations, whose people it chooses")

    def find(self, sources: Sequence[Source], trained: TrainedNetwork) -> PersonBoxes:
        """Return the boxes in these pictures and videos.

        Raises:
            InvalidInput: a file is broken, or fits neither the pictures nor the network.
        """
        if self.detector is not None:
            score = SCORE if self.min_score is None else self.min_score
            model = Detector(self.detector, min_score=score, threads=torch.get_num_threads())
            return boxes_of_detector(sources, model, name=str(self.detector))
        if self.detections is not None:
            return detected_boxes(sources, self.detections, annotations=self.annotations, min_score=self.min_score or 0.0)
        if self.annotations is not None:
            return annotated_boxes(sources, self.annotations, trained.keypoint_set, category=self.category)
        return given_boxes(sources, self.boxes) if self.boxes else whole_pictures(sources)


@dataclass(frozen=True, kw_only=True)
class PredictionProgress:
    """How far a prediction is.

    Args:
        frames: The pictures and frames of videos that are done.
        people: The people in them.
        total: The number of pictures and frames; 0 where a video does not say how many it has.
        seconds: The time since the first picture was read.
    """

    frames: int
    people: int
    total: int
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """A prediction that is done.

    Args:
        table: A line for each person (`analysis.prediction.table`).
        progress: What was done, and in which time.
        boxes: The origin of the boxes in words.
    """

    table: pd.DataFrame
    progress: PredictionProgress
    boxes: str


def predict(
    network: str | Path | TrainedNetwork,
    paths: str | Path | Sequence[str | Path],
    *,
    boxes: Sequence[Box] = (),
    annotations: str | Path | None = None,
    detections: str | Path | None = None,
    detector: str | Path | None = None,
    min_score: float | None = None,
    flip_test: bool = True,
    batch_size: int = 32,
    output: str | Path | None = None,
    draw: bool = True,
    directory: str | Path = "runs",
) -> pd.DataFrame:
    """Find the keypoints of people in pictures and videos, and return a table with a line for each person.

    The columns are file, frame, seconds, image_id, person, score, and box_confidence, left, top, width and height of the
    box. Each keypoint has NAME_x, NAME_y and NAME_score. Frames and people count from 0, and pictures have no seconds.
    Places are in pixels of the picture as it is displayed. The keypoints are those of ``dite-search evaluate`` on
    the same boxes.

    Args:
        network: A checkpoint, ``STUDY:TRIAL``, a study, the folder or an ONNX file of an export, or a loaded network.
        paths: Pictures, videos, folders and globs.
        boxes: Boxes of people in every frame: x, y, width and height in pixels.
        annotations: A COCO annotation file, whose people are predicted; beside ``detections`` it names the pictures.
        detections: A COCO detections file.
        detector: An ONNX file of a person detector. Without any of these, each picture is one person's box.
        min_score: The confidence from 0 to 1 from which on a detected box counts (0.25 for a detector, else 0).
        flip_test: Whether the answer is averaged with that for the mirrored picture, as scores are.
        batch_size: The number of people at once.
        output: A new folder for the results file, the table and the drawings; None writes nothing.
        draw: Whether pictures and videos are drawn.
        directory: The folder of the studies.

    Raises:
        InvalidInput: something given cannot be read or does not fit; nothing is written then.
    """
    people = PeopleGiven(
        boxes=boxes,
        annotations=_path(annotations),
        detections=_path(detections),
        detector=_path(detector),
        min_score=min_score,
    )
    return run_prediction(
        network,
        [paths] if isinstance(paths, str | Path) else paths,
        people,
        flip_test=flip_test,
        batch_size=batch_size,
        output=_path(output),
        draw=draw,
        directory=directory,
    ).table


def run_prediction(
    network: str | Path | TrainedNetwork,
    paths: Sequence[str | Path],
    people: PeopleGiven,
    *,
    flip_test: bool = True,
    batch_size: int = 32,
    output: Path | None = None,
    draw: bool = True,
    input_size: str | None = None,
    on_orientation: str | None = None,
    on_broken_image: str = STOP,
    directory: str | Path = "runs",
    report: Callable[[PredictionProgress], None] = lambda progress: None,
    note: Callable[[str], None] = lambda sentence: None,
) -> Prediction:
    """Predict as `predict` does, and say how it goes.

    Args:
        network: The network.
        paths: Pictures, videos, folders and globs.
        people: How the people are told.
        flip_test: Whether the answer is averaged with that for the mirrored picture.
        batch_size: The number of people at once.
        output: A new folder; None writes nothing.
        draw: Whether pictures and videos are drawn.
        input_size: Another input size than the network's, as in 256x192.
        on_orientation: The rule for pictures that are not stored upright; by default that of the training.
        on_broken_image: Whether a picture that cannot be read ends all, or is left out.
        directory: The folder of the studies.
        report: Receives the progress after each frame.
        note: Receives remarks.

    Raises:
        InvalidInput: something given cannot be read or does not fit; nothing is written then.
    """
    if on_orientation not in (None, *ON_ORIENTATION):
        raise unknown_name("on_orientation", str(on_orientation), ON_ORIENTATION)
    if on_broken_image not in ON_BROKEN_IMAGE:
        raise unknown_name("on_broken_image", on_broken_image, ON_BROKEN_IMAGE)
    if output is not None:
        require_free(output)
    trained = network if isinstance(network, TrainedNetwork) else _loaded(network, directory, input_size)
    rule = on_orientation or trained.on_orientation
    boxes = people.find(find_sources(paths, on_orientation=rule), trained)
    for sentence in boxes.notes:
        note(sentence)
    if flip_test and not trained.keypoint_set.mirrors:
        note("nothing is mirrored, since left and right of these keypoints are not known")
    frames = [source.frames for source in boxes.sources]
    progress = PredictionProgress(frames=0, people=0, total=sum(frames) if all(frames) else 0, seconds=0.0)
    predictor = Predictor(trained, flip_test=flip_test, batch_size=batch_size)
    read = frames_of(boxes, on_orientation=rule, on_broken_image=on_broken_image, note=note)
    begin = time.perf_counter()
    with whole_folder(output) as folder:
        writer = PredictionFolder(folder, trained.keypoint_set, draws=draw)
        for predicted in predictor(read, boxes):
            writer.add(predicted)
            progress = dataclasses.replace(
                progress,
                frames=progress.frames + 1,
                people=progress.people + len(predicted.people),
                seconds=time.perf_counter() - begin,
            )
            report(progress)
        if progress.frames == 0:
            raise InvalidInput(f"none of {len(boxes.sources)} pictures and videos can be read")
        table = writer.finish()
    return Prediction(table=table, progress=progress, boxes=boxes.kind)


def _loaded(network: str | Path, directory: str | Path, input_size: str | None) -> TrainedNetwork:
    reference = find_network(network, directory=directory)
    if input_size is not None and reference.kind == MODEL:
        raise InvalidInput(f"ONNX model {network} has an input size of its own, so no other must be given, got {input_size}")
    trained = reference.load()
    return dataclasses.replace(trained, arch=resized(trained.arch, input_size=input_size))


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given).expanduser()
