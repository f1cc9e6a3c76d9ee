"""From frames and boxes to keypoints: the crops, the network and the decoding of an evaluation, frame after frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import Box
from trainers.data.codecs import Codec
from trainers.data.formats.coco import Person
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import codec_for
from trainers.evaluation.inference import predict
from trainers.evaluation.results import kept_people, person_scores
from trainers.prediction.boxes import PersonBoxes
from trainers.prediction.network import TrainedNetwork
from trainers.prediction.sources import Frame, picture_pixels, video_frames
from trainers.processes.distributed import default_device

MOST_WAITING_BYTES = 256 * 2**20
"""Bytes of frames that wait for a batch to be full."""
READ_AHEAD = 4
"""Frames that are decoded while the network works."""
STOP, SKIP = "stop", "skip"
ON_BROKEN_IMAGE = (STOP, SKIP)


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedPerson:
    """A person with keypoints.

    Args:
        box: x, y, width and height in pixels of the frame.
        box_score: The confidence in the box, from 0 to 1.
        keypoints: x, y in pixels of the frame and the height of the heatmap's peak (K, 3).
        score: The confidence in the person, as COCO results have it: that in the box times the mean of the higher peaks.
    """

    box: Box
    box_score: float
    keypoints: NDArray[np.float64]
    score: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PredictedFrame:
    """A frame with its people, the best first unless their boxes were given."""

    frame: Frame
    people: Sequence[PredictedPerson]


def frames_of(
    boxes: PersonBoxes,
    *,
    on_orientation: str,
    on_broken_image: str = STOP,
    note: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Frame]:
    """Yield the frames of all pictures and videos in their order.

    Args:
        boxes: The boxes, which know the pictures and their numbers.
        on_orientation: The rule of `trainers.data.images.orientation`.
        on_broken_image: Whether a picture or video that cannot be read ends all, or is told to ``note`` and left out.
        note: Receives remarks.

    Raises:
        InvalidInput: a picture or video cannot be read, and such are not left out.
    """
    count = 0
    for source in boxes.sources:
        try:
            if source.is_video:
                for number, pixels in enumerate(video_frames(source, on_orientation=on_orientation, note=note)):
                    count += 1
                    yield Frame(source=source, image_id=count, pixels=pixels, number=number)
                continue
            pixels = picture_pixels(source, boxes.sizes.get(source.path), on_orientation=on_orientation)
        except InvalidInput as error:
            if on_broken_image == STOP:
                raise
            note(f"left out: {error}")
            continue
        count += 1
        yield Frame(source=source, image_id=boxes.ids.get(source.path, count), pixels=pixels)


class Predictor:
    """Finds keypoints of people in frames.

    Args:
        trained: The network.
        flip_test: Whether heatmaps are averaged with those of the mirrored crop, where sides are known.
        batch_size: The number of people at once.
        device: The device of the network; by default a GPU where there is one.
    """

    def __init__(
        self, trained: TrainedNetwork, *, flip_test: bool = True, batch_size: int = 32, device: str | None = None
    ) -> None:
        if batch_size < 1:
            raise InvalidInput(f"batch_size of a prediction must be 1 or more, got {batch_size}")
        self._trained = trained
        self._device = device or default_device()
        self._network = trained.network.to(self._device)
        self._codec = codec_for(trained.arch, trained.train)
        self._flip_test, self._batch_size = flip_test, batch_size

    def __call__(self, frames: Iterable[Frame], boxes: PersonBoxes) -> Iterator[PredictedFrame]:
        """Yield each frame with its people, in the order of the frames.

        Frames wait until their people fill a batch.

        Raises:
            InvalidInput: as what reads the frames and finds the boxes.
        """
        waiting: list[tuple[Frame, Sequence[Person]]] = []
        for frame in read_ahead(iter(frames)):
            waiting.append((frame, boxes.find(frame)))
            if self._is_enough(waiting):
                yield from self._predicted(waiting, boxes)
                waiting = []
        yield from self._predicted(waiting, boxes)

    def _is_enough(self, waiting: Sequence[tuple[Frame, Sequence[Person]]]) -> bool:
        people, held = sum(len(found) for _, found in waiting), sum(frame.pixels.nbytes for frame, _ in waiting)
        return people >= self._batch_size or held >= MOST_WAITING_BYTES

    def _predicted(self, waiting: Sequence[tuple[Frame, Sequence[Person]]], boxes: PersonBoxes) -> Iterator[PredictedFrame]:
        people = [person for _, found in waiting for person in found]
        if not people:
            yield from (PredictedFrame(frame=frame, people=()) for frame, _ in waiting)
            return
        dataset = _FrameDataset([frame for frame, _ in waiting], people, self._codec, self._trained)
        found = predict(self._network, dataset, flip_test=self._flip_test, device=self._device, batch_size=self._batch_size)
        if not (np.isfinite(found.keypoints).all() and np.isfinite(found.scores).all()):
            raise InvalidInput(f"network {self._trained.name} must give finite heatmaps, but gave some that are not")
        scores = person_scores(people, found.scores)
        triples = np.concatenate([found.keypoints, found.scores[..., None]], axis=2)
        if boxes.drops_duplicates and self._trained.keypoint_set.oks_sigmas:
            kept = kept_people(dataset, found, scores)
        else:
            kept = {
                frame.image_id: [row for row, person in enumerate(people) if person.image_id == frame.image_id]
                for frame, _ in waiting
            }
        for frame, _ in waiting:
            yield PredictedFrame(
                frame=frame,
                people=[
                    PredictedPerson(
                        box=people[row].box,
                        box_score=people[row].score,
                        keypoints=triples[row],
                        score=float(scores[row]),
                    )
                    for row in kept.get(frame.image_id, ())
                ],
            )


class _FrameDataset(TopDownDataset):
    """The people of frames that are in memory; samples are those of an evaluation."""

    def __init__(self, frames: Sequence[Frame], people: Sequence[Person], codec: Codec, trained: TrainedNetwork) -> None:
        super().__init__(
            people, codec, keypoint_set=trained.keypoint_set, cache_bytes=0, normalisation=trained.arch.NORMALISATION
        )
        self._pixels = {frame.image_id: frame.pixels for frame in frames}

    def image(self, person: Person) -> NDArray[np.uint8]:
        """Return the frame of a person as (height, width, 3) BGR."""
        return self._pixels[person.image_id]


def read_ahead(frames: Iterator[Frame], depth: int = READ_AHEAD) -> Iterator[Frame]:
    """Yield frames, of which up to ``depth`` are read by another thread meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, frames, None) for _ in range(depth))
        try:
            while (frame := waiting.popleft().result()) is not None:
                waiting.append(pool.submit(next, frames, None))
                yield frame
        finally:
            for future in waiting:
                future.cancel()
