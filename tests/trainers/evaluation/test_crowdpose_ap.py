from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.trainers.data.layouts import write_crowdpose
from trainers.evaluation.crowdpose_ap import crowdness, crowdpose_ap

INDICES = [0.05, 0.1, 0.5, 0.8, 0.95]


def moved(document: dict[str, Any], seed: int) -> list[Any]:
    """The annotations as results, moved and scored at random."""
    generator = np.random.default_rng(seed)
    results = []
    for entry in document["annotations"]:
        points = np.array(entry["keypoints"], float).reshape(14, 3)
        points[:, :2] += generator.normal(0, 0.04 * max(entry["bbox"][2:]), (14, 2))
        score = float(generator.random())
        results.append(
            {"image_id": entry["image_id"], "category_id": 1, "keypoints": points.ravel().tolist(), "score": score}
        )
    return results


def direct(document: dict[str, Any], results: list[Any], images: list[int], folder: Path) -> list[float]:
    """Straight by pycocotools, from a file of these images whose areas are shares of the boxes."""
    annotations = [
        entry | {"area": 0.53 * entry["bbox"][2] * entry["bbox"][3]}
        for entry in document["annotations"]
        if entry["image_id"] in images
    ]
    kept = [image for image in document["images"] if image["id"] in images]
    file = folder / "subset.json"
    file.write_text(json.dumps({"info": {}, "categories": [{"id": 1}], "images": kept, "annotations": annotations}))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(file))
        evaluation = COCOeval(truth, truth.loadRes([r for r in results if r["image_id"] in images]), "keypoints")
        evaluation.params.kpt_oks_sigmas = (
            np.array([0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89, 0.79, 0.79]) / 10
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


@pytest.mark.parametrize("seed", [0, 1])
def test_figures_are_those_of_pycocotools_on_each_part(synthetic: Path, tmp_path: Path, seed: int) -> None:
    root = write_crowdpose(tmp_path / "crowd", synthetic, INDICES)
    file = root / "annotations" / "crowdpose_val.json"
    document = json.loads(file.read_text())
    results = moved(document, seed)
    figures = crowdpose_ap(results, file)
    every = [image["id"] for image in document["images"]]
    whole = direct(document, results, every, tmp_path)
    expected = dict(zip(("ap", "ap50", "ap75", "ar", "ar50", "ar75"), whole[:3] + whole[5:8], strict=True))
    for part, indices in (("ap_easy", [0.05]), ("ap_medium", [0.1, 0.5, 0.8]), ("ap_hard", [0.95])):
        images = [image["id"] for image in document["images"] if image["crowdIndex"] in indices]
        expected[part] = direct(document, results, images, tmp_path)[0]
    assert figures == pytest.approx(expected)
    assert 0.05 < figures["ap"] < 0.95
    assert len({round(figures[name], 6) for name in ("ap", "ap_easy", "ap_medium", "ap_hard")}) == 4


def test_a_part_without_images_is_absent(synthetic: Path, tmp_path: Path) -> None:
    file = write_crowdpose(tmp_path / "crowd", synthetic, [0.5]) / "annotations" / "crowdpose_val.json"
    figures = crowdpose_ap(moved(json.loads(file.read_text()), 0), file)
    assert {"ap_easy", "ap_hard"}.isdisjoint(figures)
    assert figures["ap_medium"] == figures["ap"]


def test_how_crowded_is_crowded() -> None:
    assert [crowdness(index) for index in (0, 0.0999, 0.1, 0.8, 0.8001, 1)] == [
        *("ap_easy", "ap_easy", "ap_medium", "ap_medium", "ap_hard", "ap_hard")
    ]
