"""Average precision and recall of keypoints, as COCO defines and pycocotools computes them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.annotations.keypoints import COCO17, KeypointSet
from trainers.data.formats.coco_file import read_coco
from trainers.evaluation.results import Result

# In the order of COCOeval.stats for keypoints: over all thresholds, at 0.5, at 0.75, of medium and of large people.
FIGURES = ("ap", "ap50", "ap75", "ap_m", "ap_l", "ar", "ar50", "ar75", "ar_m", "ar_l")


def coco_ap(
    results: Sequence[Result],
    annotation_file: Path,
    *,
    keypoint_set: KeypointSet = COCO17,
    category: str | int | None = None,
) -> dict[str, float]:
    """The ten figures of COCO, in [0, 1], by the names in ``FIGURES``.

    A figure for which the file has no ground truth is absent: pycocotools gives -1 there, which is no score. No results
    at all score 0, since nothing was found. Results for images that the file does not list are left out. Raises
    InvalidInput for a broken file.
    """
    coco = read_coco(annotation_file, keypoint_set, category=category)
    return keypoint_ap(results, coco.images, coco.annotations, keypoint_set)


def keypoint_ap(
    results: Sequence[Result], images: Collection[int], annotations: list[dict[str, Any]], keypoint_set: KeypointSet
) -> dict[str, float]:
    """The figures of `coco_ap` for these images, by id, and the annotations in them, of checked files."""
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
