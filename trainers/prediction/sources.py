"""The pictures and videos that a user names by files, folders and globs, and their frames one after the other."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.images.images import read_image
from trainers.data.images.orientation import APPLY, IGNORE, STOP

# What FFmpeg says of a broken file goes past Python to the terminal, and would stand before our sentence; -8 is nothing. It
# reads the variable once, when the first video of the process is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

PICTURES = (".jpg", ".jpeg", ".png")
VIDEOS = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mpg", ".mpeg")
"""Endings of the files that are read, whatever their case."""
GLOB_SIGNS = "*?["
USUAL_RATE = 25.0
"""Frames in a second of a video that does not say."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A picture, or a video.

    Args:
        path: The file.
        frames: The number of frames; of a video the number that its file says, 0 where it does not say.
        rate: The frames in a second of a video; 0 of a picture.
    """

    path: Path
    frames: int = 1
    rate: float = 0.0

    @property
    def is_video(self) -> bool:
        """Whether the file is a video."""
        return self.rate > 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """A picture, or one frame of a video, as it is displayed.

    Args:
        source: The file.
        image_id: The number of the frame among all, as results name it.
        pixels: (height, width, 3) BGR of 8 bits.
        number: The number of the frame in its video from 0; 0 of a picture.
    """

    source: Source
    image_id: int
    pixels: NDArray[np.uint8]
    number: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    @property
    def seconds(self) -> float | None:
        """The time from the beginning of the video; None for a picture."""
        return self.number / self.source.rate if self.source.is_video else None

    @property
    def label(self) -> str:
        """The frame in messages."""
        return f"frame {self.number} of {self.source.path}" if self.source.is_video else str(self.source.path)


def find_sources(paths: Sequence[str | Path], *, on_orientation: str = APPLY) -> list[Source]:
    """Return the pictures and videos that paths name, each once, in the order of the paths and of names within each.

    Args:
        paths: Files, folders (whose own files count, not those of folders below), and globs, in which ``**`` is any folder.
        on_orientation: The rule of `trainers.data.images.orientation` for videos that are not stored upright.

    Raises:
        InvalidInput: a path names no picture or video, or a video cannot be opened.
    """
    files = dict.fromkeys(file for path in paths for file in _files_of(str(path)))
    if not files:
        raise InvalidInput("a prediction must have at least one picture or video")
    return [_opened(file, on_orientation) if is_video(file) else Source(path=file) for file in files]


def is_video(path: Path) -> bool:
    """Whether the name of a file ends as that of a video."""
    return path.suffix.lower() in VIDEOS


def video_frames(
    source: Source, *, on_orientation: str = APPLY, note: Callable[[str], None] = lambda sentence: None
) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a video, (height, width, 3) BGR of 8 bits, as a player shows them unless told otherwise.

    A video that ends before its file says is told to ``note``.

    Raises:
        InvalidInput: no frame can be read.
    """
    capture, count = _capture(source.path, on_orientation), 0
    try:
        while True:
            done, pixels = capture.read()
            if not done:
                break
            count += 1
            yield np.asarray(pixels, np.uint8)
    finally:
        capture.release()
    if count == 0:
        raise InvalidInput(f"video {source.path} must have a frame that OpenCV reads, but has none")
    if count < source.frames:
        note(f"video {source.path} ends after {count} frames, of {source.frames} that its file says")


def picture_pixels(source: Source, size: tuple[int, int] | None, *, on_orientation: str = APPLY) -> NDArray[np.uint8]:
    """Return a picture as `read_image` does; ``size`` (height, width) is what its annotations say, if they say something."""
    return read_image(source.path, size=size, on_orientation=on_orientation)


def _files_of(text: str) -> list[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        found = _readable(path.iterdir())
        if not found:
            raise InvalidInput(
                f"folder {text} must hold pictures or videos ({_endings()}), but none of its {len(os.listdir(path))} entries"
                " is one"
            )
        return found
    if path.exists():
        if not _is_readable(path):
            raise InvalidInput(f"{text} must be a picture or a video, whose name ends in {_endings()}")
        return [path]
    if any(sign in text for sign in GLOB_SIGNS):
        found = _readable(map(Path, glob.glob(str(path), recursive=True)))
        if not found:
            raise InvalidInput(f"glob {text} must match pictures or videos ({_endings()}), but matches none")
        return found
    if "://" in text:
        raise InvalidInput(f"a picture or a video must be a file of this machine, got {text.partition('://')[0][:20]}://…")
    raise InvalidInput(f"picture, video or folder not found: {text}")


def _readable(paths: Iterator[Path]) -> list[Path]:
    return sorted(path for path in paths if _is_readable(path) and not path.name.startswith("."))


def _is_readable(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in (*PICTURES, *VIDEOS)


def _endings() -> str:
    return ", ".join((*PICTURES, *VIDEOS))


def _opened(path: Path, on_orientation: str) -> Source:
    capture = _capture(path, on_orientation)
    try:
        rate, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    finally:
        capture.release()
    return Source(
        path=path,
        frames=int(frames) if 0 < frames < 2**31 else 0,
        rate=rate if np.isfinite(rate) and rate > 0 else USUAL_RATE,
    )


def _capture(path: Path, on_orientation: str) -> cv2.VideoCapture:
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        capture = cv2.VideoCapture(str(path))
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not capture.isOpened():
        raise InvalidInput(f"video {path} cannot be opened: it is damaged, empty, or of a kind that OpenCV does not read")
    turned = round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360
    if on_orientation == STOP and turned:
        capture.release()
        raise InvalidInput(
            f"video {path} must be stored upright where on_orientation is stop, but is turned by {turned} degrees"
        )
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0.0 if on_orientation == IGNORE else 1.0)
    return capture
