"""The folder of a prediction: results, table, drawn pictures and videos, all of them or none."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from analysis.errors.drawing import Picture
from analysis.prediction.drawing import draw_people
from analysis.prediction.table import document_of, image_of, results_of, rows_of, table_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import check_output, write_json
from trainers.data.annotations.keypoints import KeypointSet
from trainers.evaluation.results import Result
from trainers.prediction.predictor import PredictedFrame
from trainers.prediction.sources import Source

RESULTS_FILE, IMAGES_FILE, TABLE_FILE, DRAWN_FOLDER = "results.json", "images.json", "keypoints.csv", "drawn"
"""COCO results, the COCO file of their images, the table, and the drawn pictures and videos."""
VIDEO_ENDING, VIDEO_CODE = ".mp4", "mp4v"
JPEG_QUALITY = 92


class PredictionFolder:
    """Collects predicted frames and writes them to a folder.

    Args:
        folder: The folder, which exists and is empty; None collects only.
        keypoint_set: The keypoints.
        draws: Whether pictures and videos are drawn.
    """

    def __init__(self, folder: Path | None, keypoint_set: KeypointSet, *, draws: bool = True) -> None:
        self._folder, self._keypoint_set, self._draws = folder, keypoint_set, draws and folder is not None
        self._rows: list[list[Any]] = []
        self._results: list[Result] = []
        self._images: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._video: _VideoFile | None = None

    def add(self, predicted: PredictedFrame) -> None:
        """Take the people of a frame, and draw them.

        Raises:
            InvalidInput: a drawing cannot be written.
        """
        self._rows += rows_of(predicted, self._keypoint_set)
        if self._folder is None:
            return
        self._results += results_of(predicted)
        self._images.append(image_of(predicted))
        if self._draws:
            self._draw(predicted, self._folder / DRAWN_FOLDER)

    def finish(self) -> pd.DataFrame:
        """Write the files, and return the table.

        Raises:
            InvalidInput: a drawn video cannot be written.
        """
        table = table_of(self._rows, self._keypoint_set)
        self._end_video()
        if self._folder is not None:
            write_json(self._folder / RESULTS_FILE, self._results)
            write_json(self._folder / IMAGES_FILE, document_of(self._images, self._keypoint_set))
            table.to_csv(self._folder / TABLE_FILE, index=False)
        return table

    def _draw(self, predicted: PredictedFrame, folder: Path) -> None:
        source = predicted.frame.source
        folder.mkdir(exist_ok=True)
        picture = draw_people(predicted, self._keypoint_set)
        if self._video and self._video.source != source:
            self._end_video()
        if source.is_video:
            if self._video is None:
                self._video = _VideoFile(source, folder / self._free_name(source, VIDEO_ENDING), picture)
            self._video.write(picture)
            return
        file = folder / self._free_name(source, source.path.suffix.lower())
        done, data = cv2.imencode(file.suffix, picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        assert done, file
        file.write_bytes(data.tobytes())

    def _free_name(self, source: Source, ending: str) -> str:
        """Return the name of a drawing: that of its file, with a number where folders have files of one name."""
        stem = source.path.stem
        names = (f"{stem}{ending}" if count == 1 else f"{stem}-{count}{ending}" for count in itertools.count(1))
        free = next(name for name in names if name not in self._names)
        self._names.add(free)
        return free

    def _end_video(self) -> None:
        if self._video:
            self._video.end()
            self._video = None


class _VideoFile:
    """A drawn video while it is written."""

    def __init__(self, source: Source, file: Path, first: Picture) -> None:
        self.source, self._file = source, file
        height, width = first.shape[:2]
        self._writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*VIDEO_CODE), source.rate, (width, height))
        if not self._writer.isOpened():
            raise InvalidInput(f"a drawn video of {width} x {height} pixels cannot be written for {source.path}")

    def write(self, picture: Picture) -> None:
        self._writer.write(picture)

    def end(self) -> None:
        self._writer.release()
        if not self._file.is_file() or self._file.stat().st_size == 0:
            raise InvalidInput(f"the drawn video of {self.source.path} cannot be written: is the disk full?")


@contextmanager
def whole_folder(folder: Path | None) -> Iterator[Path | None]:
    """Hand out an empty folder that takes the place of ``folder`` when the block ends well, and vanishes otherwise.

    Raises:
        InvalidInput: the place holds something, or cannot be written.
    """
    if folder is None:
        yield None
        return
    require_free(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.")
    except OSError as error:
        raise InvalidInput(f"the output folder {folder} cannot be made: {error.strerror}") from None
    with place as scratch:
        new = Path(scratch) / "new"
        new.mkdir(mode=0o755)
        yield new
        if folder.exists():
            folder.rmdir()
        new.replace(folder)


def require_free(folder: Path) -> None:
    """Raise InvalidInput where a folder holds something, or cannot be written."""
    if folder.is_dir() and os.listdir(folder):
        raise InvalidInput(f"the output folder {folder} must be new or empty, but it holds {sorted(os.listdir(folder))[0]}")
    check_output(folder, is_folder=True)
