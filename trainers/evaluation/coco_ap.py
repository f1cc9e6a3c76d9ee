"""Average precision and recall of keypoints, as COCO defines and pycocotools computes them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.annotations.keypoints import KeypointSet
from trainers.evaluation.results import Result

# In the order of COCOeval.stats for keypoints: over all thresholds, at 0.5, at 0.75, of medium and of large people.
FIGURES = ("ap", "ap50", "ap75", "ap_m", "ap_l", "ar", "ar50", "ar75", "ar_m", "ar_l")


def keypoint_ap(
    results: Sequence[Result], images: Collection[int], annotations: list[dict[str, Any]], keypoint_set: KeypointSet
) -> dict[str, float]:
    """Return the ten figures of COCO, in [0, 1], by the names in ``FIGURES``.

    A figure without ground truth is absent: pycocotools gives -1 there, which is no score. No results at all score 0, since
    nothing was found.

    Args:
        results: The results; those for other images are left out.
        images: The images that count, by id.
        annotations: The annotations in them, of a checked file.
        keypoint_set: The keypoints.
    """
    truth = indexed(images, annotations)
    # Copies: pycocotools adds keys to the entries it is given, a bbox among them.
    listed = [dict(result) for result in results if result["image_id"] in images]
    with contextlib.redirect_stdout(io.StringIO()):
        # loadRes cannot read an empty list; a document without annotations says the same.
        found = truth.loadRes(listed) if listed else indexed(images, [])
        evaluation = COCOeval(truth, found, "keypoints")
        evaluation.params.kpt_oks_sigmas = np.array(keypoint_set.oks_sigmas)
        evaluation.params.catIds = [PERSON_CATEGORY]
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = [float(value) for value in evaluation.stats]
    return {name: value for name, value in zip(FIGURES, values, strict=True) if value >= 0}


def indexed(images: Iterable[int], annotations: Iterable[dict[str, Any]]) -> COCO:
    """The parts of a checked file that scores depend on, as pycocotools holds them.

    Annotations are copies, numbered from 1. pycocotools looks people up by id, writes down the id of a match, reads 0 as no
    match, and adds keys of its own.
    """
    coco = COCO()
    coco.dataset = {
        "info": {},
        "categories": [{"id": PERSON_CATEGORY, "name": "person"}],
        "images": [{"id": image_id} for image_id in images],
        "annotations": [{**annotation, "id": number} for number, annotation in enumerate(annotations, start=1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    return coco
