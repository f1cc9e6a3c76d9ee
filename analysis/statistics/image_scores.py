"""The parts of COCO's average precision, image by image, so that it can be computed anew for any choice of images.

pycocotools matches people within each image; only the sorting by score and the adding up go across images. A prediction's
matches therefore stay as they are when images are drawn again, and each image simply counts as often as it was drawn.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools.cocoeval import COCOeval

from analysis.pareto.front import Array
from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.annotations.keypoints import KeypointSet
from trainers.evaluation.coco_ap import indexed
from trainers.evaluation.results import Result

CHUNK = 2_000_000
"""Entries of the largest array that `average_precisions` makes at once: 16 MB."""
RECALLS = np.linspace(0.0, 1.0, 101)
"""The recalls at which COCO reads the precision."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageScores:
    """The matches of one network's D predictions at T thresholds in I images, all areas.

    Predictions stand in order of falling score, equal ones in the order of pycocotools. A prediction that fell on a person
    who does not count is neither a hit nor a miss.

    Args:
        image_ids: The ids (I,) of the images, ascending.
        people: The number (I,) of annotated people that count.
        image: The row (D,) of each prediction's image.
        hits: Whether a prediction counts as found (T, D).
        misses: Whether a prediction counts as wrong (T, D).
    """

    image_ids: NDArray[np.int64]
    people: NDArray[np.int64]
    image: NDArray[np.int64]
    hits: NDArray[np.bool_]
    misses: NDArray[np.bool_]

    @property
    def informative(self) -> NDArray[np.bool_]:
        """Whether an image holds anything that AP depends on (I,): a person that counts, or a prediction."""
        found = np.zeros(len(self.image_ids), np.bool_)
        found[self.image] = True
        return found | (self.people > 0)

    def figures(self, counts: NDArray[np.integer[Any]]) -> Array:
        """Return `average_precisions` of these matches."""
        return average_precisions(self, counts)


def image_scores(
    results: Sequence[Result], images: Collection[int], annotations: Iterable[dict[str, Any]], keypoint_set: KeypointSet
) -> ImageScores:
    """The matches of pycocotools for results in these images, by id, against checked annotations of them.

    Results for other images are left out, as in `trainers.evaluation.coco_ap.keypoint_ap`.
    """
    evaluation = _evaluated(results, images, annotations, keypoint_set.oks_sigmas)
    ids = np.array(evaluation.params.imgIds, np.int64)
    rows = [(row, entry) for row, entry in enumerate(evaluation.evalImgs) if entry is not None]
    people = np.zeros(len(ids), np.int64)
    for row, entry in rows:
        people[row] = np.count_nonzero(np.asarray(entry["gtIgnore"]) == 0)
    thresholds = len(evaluation.params.iouThrs)
    counts = [len(entry["dtScores"]) for _, entry in rows]
    image = np.repeat(np.array([row for row, _ in rows], np.int64), counts)
    scores = np.concatenate([np.empty(0), *(np.asarray(entry["dtScores"], np.float64) for _, entry in rows)])
    empty = np.empty((thresholds, 0), np.bool_)
    matched = np.concatenate([empty, *(np.asarray(entry["dtMatches"], np.bool_) for _, entry in rows)], axis=1)
    ignored = np.concatenate([empty, *(np.asarray(entry["dtIgnore"], np.bool_) for _, entry in rows)], axis=1)
    order = np.argsort(-scores, kind="mergesort")
    matched, ignored = matched[:, order], ignored[:, order]
    return ImageScores(image_ids=ids, people=people, image=image[order], hits=matched & ~ignored, misses=~matched & ~ignored)


def average_precisions(scores: ImageScores, counts: NDArray[np.integer[Any]]) -> Array:
    """Return AP where each image counts so many times: ``counts`` (B, I), one AP (B,), NaN where nobody is left to be found.

    With every count 1 it is exactly that of pycocotools. Other counts give the AP of a data set with as many copies of each
    image.
    """
    values = np.empty(len(counts))
    step = max(1, CHUNK // max(1, len(scores.image)))
    for start in range(0, len(counts), step):
        part = np.asarray(counts[start : start + step], np.float64)
        values[start : start + step] = _precisions(scores, part)
    return values


def keypoint_aps(
    results: Sequence[Result],
    images: Collection[int],
    annotations: Sequence[dict[str, Any]],
    keypoint_set: KeypointSet,
) -> dict[str, float]:
    """Return the AP of every keypoint alone, by its name; absent where nobody has it labelled.

    A person is reduced to this keypoint. The similarity of a prediction and a truth is the keypoint's own term of OKS. With
    the person's area s² and COCO's σ it is exp(-d² / (2 s² (2σ)²)), the keypoint similarity of Ronchi and Perona
    (doi:10.1109/ICCV.2017.48). People without the keypoint do not count. Everything else is COCO's: matching, thresholds
    from 0.50 to 0.95 and 101 recalls, all areas, and the order of predictions by the score of the person. The mean over
    keypoints is not the AP of whole people, which have to be right in all of them at once.
    """
    found = {}
    for index, name in enumerate(keypoint_set.names):
        place = slice(3 * index, 3 * index + 3)
        truths = [_reduced(annotation, place) for annotation in annotations]
        if not any(truth["num_keypoints"] for truth in truths):
            continue
        own = [
            Result(
                image_id=result["image_id"],
                category_id=result["category_id"],
                keypoints=result["keypoints"][place],
                score=result["score"],
            )
            for result in results
        ]
        evaluation = _evaluated(own, images, truths, keypoint_set.oks_sigmas[index : index + 1], added_up=True)
        precision = evaluation.eval["precision"]
        # No truth that counts (all in crowds) leaves -1 everywhere, which is no score.
        if (precision > -1).any():
            found[name] = float(precision[precision > -1].mean())
    return found


def _precisions(scores: ImageScores, counts: Array) -> Array:
    weights = counts[:, scores.image]
    people = counts @ scores.people
    precision = np.zeros((len(counts), len(scores.hits), len(RECALLS)))
    for threshold, (hits, misses) in enumerate(zip(scores.hits, scores.misses, strict=True)):
        true, false = np.cumsum(weights * hits, axis=1), np.cumsum(weights * misses, axis=1)
        # As pycocotools writes it, to the last digit.
        best = np.maximum.accumulate((true / (false + true + np.spacing(1)))[:, ::-1], axis=1)[:, ::-1]
        recall = true / np.maximum(people, 1)[:, None]
        for row in range(len(counts)):
            places = np.searchsorted(recall[row], RECALLS, side="left")
            reached = places[places < recall.shape[1]]
            precision[row, threshold, : len(reached)] = best[row, reached]
    means = np.array([rows.mean() for rows in precision.reshape(len(counts), -1)])
    return np.where(people > 0, means, np.nan)


def _reduced(annotation: dict[str, Any], place: slice) -> dict[str, Any]:
    keypoint = annotation["keypoints"][place]
    # Whoever does not count with all keypoints does not count with one of them either.
    return {**annotation, "keypoints": keypoint, "num_keypoints": int(annotation["num_keypoints"] > 0 and keypoint[2] > 0)}


def _evaluated(
    results: Sequence[Result],
    images: Collection[int],
    annotations: Iterable[dict[str, Any]],
    sigmas: Sequence[float],
    *,
    added_up: bool = False,
) -> COCOeval:
    """The state of pycocotools after matching people of all areas and, where asked, after adding up."""
    truth = indexed(images, [dict(annotation) for annotation in annotations])
    # Copies: pycocotools adds keys to the entries it is given.
    listed = [dict(result) for result in results if result["image_id"] in images]
    with contextlib.redirect_stdout(io.StringIO()):
        found = truth.loadRes(listed) if listed else indexed(images, [])
        evaluation = COCOeval(truth, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(sigmas)
        evaluation.params.catIds = [PERSON_CATEGORY]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = evaluation.params.areaRng[:1], ["all"]
        evaluation.evaluate()
        if added_up:
            evaluation.accumulate()
    return evaluation
