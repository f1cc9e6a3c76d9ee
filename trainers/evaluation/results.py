"""From predicted keypoints to COCO result entries: rescoring and the suppression of duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.formats.coco import Person
from trainers.data.formats.coco_file import CocoFile
from trainers.data.samples.dataset import TopDownDataset
from trainers.evaluation.inference import Predictions

VISIBILITY_THRESHOLD = 0.2
NMS_THRESHOLD = 0.9


class Result(TypedDict):
    """One entry of a COCO keypoint results file.

    It has no ``bbox``: with one, pycocotools takes the area of the box for that of the keypoints.
    """

    image_id: int
    category_id: int
    keypoints: list[float]
    score: float


def person_scores(
    people: Sequence[Person], keypoint_scores: NDArray[np.float64], threshold: float = VISIBILITY_THRESHOLD
) -> NDArray[np.float64]:
    """The confidence in each person (N,): the box's times the mean of the (N, K) scores above the threshold.

    It is 0 where no keypoint is above.
    """
    counted = keypoint_scores > threshold
    means = np.where(counted, keypoint_scores, 0).sum(axis=1) / np.maximum(counted.sum(axis=1), 1)
    return np.asarray(np.array([person.score for person in people]) * means, np.float64)


def oks(
    keypoints: NDArray[np.float64], others: NDArray[np.float64], areas: NDArray[np.float64], sigmas: Sequence[float]
) -> NDArray[np.float64]:
    """Object keypoint similarity of one (K, 2) to each of (N, K, 2), in [0, 1].

    ``areas`` (N,) in square pixels, the mean of the areas of both where neither is the truth. Source:
    https://cocodataset.org/#keypoints-eval.
    """
    squared = ((others - keypoints) ** 2).sum(axis=2)
    variances = (2 * np.asarray(sigmas)) ** 2
    return np.asarray(np.exp(-squared / (2 * variances * areas[:, None])).mean(axis=1), np.float64)


def oks_nms(
    keypoints: NDArray[np.float64],
    scores: NDArray[np.float64],
    areas: NDArray[np.float64],
    sigmas: Sequence[float],
    threshold: float = NMS_THRESHOLD,
) -> list[int]:
    """The people of one image that remain, best first: each more similar than ``threshold`` to a better one goes.

    (N, K, 2) keypoints, (N,) scores, (N,) areas.
    """
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while len(waiting):
        best, waiting = int(waiting[0]), waiting[1:]
        kept.append(best)
        similarity = oks(keypoints[best], keypoints[waiting], (areas[best] + areas[waiting]) / 2, sigmas)
        waiting = waiting[similarity <= threshold]
    return kept


def coco_results(dataset: TopDownDataset, predictions: Predictions) -> list[Result]:
    """Rescore, drop duplicates within each image (`kept_people`), and write down the rest in COCO's format, by image."""
    scores = person_scores(dataset.people, predictions.scores)
    results: list[Result] = []
    for image_id, kept in kept_people(dataset, predictions, scores).items():
        for index in kept:
            triples = np.column_stack([predictions.keypoints[index], predictions.scores[index]])
            results.append(
                Result(
                    image_id=image_id,
                    category_id=PERSON_CATEGORY,
                    keypoints=triples.ravel().tolist(),
                    score=float(scores[index]),
                )
            )
    return results


def kept_people(dataset: TopDownDataset, predictions: Predictions, scores: NDArray[np.float64]) -> dict[int, list[int]]:
    """Return the people (N,) that remain once duplicates are dropped, as indices by image, best first.

    As in the published protocol the area of a person is that of the padded crop.
    """
    people = dataset.people
    assert len(predictions.keypoints) == len(people), (len(predictions.keypoints), len(people))
    areas = np.array([np.prod(dataset.crop(index).size) for index in range(len(people))])
    by_image: dict[int, list[int]] = defaultdict(list)
    for index, person in enumerate(people):
        by_image[person.image_id].append(index)
    kept = {}
    for image_id, members in by_image.items():
        rows = np.array(members)
        places = oks_nms(predictions.keypoints[rows], scores[rows], areas[rows], dataset.keypoint_set.oks_sigmas)
        kept[image_id] = rows[places].tolist()
    return kept


def as_annotated(results: Sequence[Result], coco: CocoFile) -> list[Result]:
    """Return results as a scorer of the annotation file itself expects them.

    Inside, people are category 1 and keypoints stand in the order of the format; the file may have both otherwise.
    """
    count = len(coco.keypoint_order or ())
    places = sorted(range(count), key=lambda index: (coco.keypoint_order or ())[index])
    return [
        Result(
            image_id=result["image_id"],
            category_id=coco.category.category_id,
            keypoints=[value for index in places for value in result["keypoints"][3 * index : 3 * index + 3]]
            or result["keypoints"],
            score=result["score"],
        )
        for result in results
    ]


def box_kind(people: Sequence[Person]) -> str:
    """``"gt"`` for annotated boxes, ``"det"`` for detected ones; raises InvalidInput for a mixture or nobody.

    Figures on the two differ by some 2 AP and must not share a name.
    """
    annotated = sum(person.annotation_id is not None for person in people)
    if not people or 0 < annotated < len(people):
        raise InvalidInput(
            f"an evaluation must have people with boxes of one kind, got {annotated} annotated"
            f" and {len(people) - annotated} detected"
        )
    return "gt" if annotated else "det"
