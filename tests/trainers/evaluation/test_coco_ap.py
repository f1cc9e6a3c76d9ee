from __future__ import annotations

import contextlib
import copy
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from search_spaces.common.errors import InvalidInput
from tests.trainers.evaluation.files import coco_ap
from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco import coco_split
from trainers.evaluation.coco_ap import FIGURES
from trainers.evaluation.results import Result


def true_results(annotation_file: Path, seed: int | None = None) -> list[Result]:
    """The annotations as results; with a seed moved at random and scored at random."""
    generator = np.random.default_rng(seed)
    results: list[Result] = []
    for entry in json.loads(annotation_file.read_text())["annotations"]:
        if entry["num_keypoints"]:
            points = np.array(entry["keypoints"], float).reshape(17, 3)
            points[:, 2] = 1
            score = 1.0
            if seed is not None:
                points[:, :2] += generator.normal(0, 0.05 * np.sqrt(entry["area"]), (17, 2))
                score = float(generator.random())
            results.append(Result(image_id=entry["image_id"], category_id=1, keypoints=points.ravel().tolist(), score=score))
    return results


def direct(results: list[Result], annotation_file: Path) -> list[float]:
    """Straight from the files by pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotation_file))
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), "keypoints")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(value) for value in evaluation.stats]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_figures_are_those_of_pycocotools(root: Path, seed: int) -> None:
    file = coco_split(root, "val").annotation_file
    results = true_results(file, seed)
    before = copy.deepcopy(results)
    expected = {name: value for name, value in zip(FIGURES, direct(results, file), strict=True) if value >= 0}
    assert coco_ap(results, file) == pytest.approx(expected)
    assert 0.05 < expected["ap"] < 0.95
    assert results == before


def test_a_figure_without_ground_truth_is_absent(synthetic: Path) -> None:
    """People in images of 160 × 160 are not large in COCO's sense."""
    file = coco_split(synthetic, "val").annotation_file
    assert direct(true_results(file), file)[4] == -1
    assert set(coco_ap(true_results(file), file)) == set(FIGURES) - {"ap_l", "ar_l"}


def test_no_results_score_zero(synthetic: Path) -> None:
    figures = coco_ap([], coco_split(synthetic, "val").annotation_file)
    assert figures == dict.fromkeys(sorted(set(FIGURES) - {"ap_l", "ar_l"}, key=FIGURES.index), 0.0)


def test_nothing_to_find_gives_no_figure(synthetic: Path, tmp_path: Path) -> None:
    document = json.loads(coco_split(synthetic, "val").annotation_file.read_text())
    (tmp_path / "none.json").write_text(json.dumps(document | {"annotations": []}))
    assert coco_ap([], tmp_path / "none.json") == {}


def test_results_for_other_images_are_left_out(synthetic: Path) -> None:
    file = coco_split(synthetic, "val").annotation_file
    results = true_results(file, seed=0)
    strangers = [Result(image_id=3, category_id=1, keypoints=entry["keypoints"], score=2.0) for entry in results]
    assert coco_ap(results + strangers, file) == coco_ap(results, file)
    assert coco_ap(strangers, file) == coco_ap([], file)


def test_deviations_are_those_of_the_keypoint_set(synthetic: Path) -> None:
    file = coco_split(synthetic, "val").annotation_file
    results = true_results(file, seed=0)
    lenient = replace(COCO17, oks_sigmas=tuple(3 * sigma for sigma in COCO17.oks_sigmas))
    assert coco_ap(results, file, keypoint_set=lenient)["ap"] > coco_ap(results, file)["ap"] + 0.1


def test_nothing_is_printed(synthetic: Path, capfd: pytest.CaptureFixture[str]) -> None:
    coco_ap([], coco_split(synthetic, "val").annotation_file)
    coco_ap(true_results(coco_split(synthetic, "val").annotation_file), coco_split(synthetic, "val").annotation_file)
    assert capfd.readouterr().out == ""


def test_a_broken_annotation_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"images": [{"id": 1')
    with pytest.raises(InvalidInput, match=r"cut.json is not complete JSON: .* at line 1 column 21"):
        coco_ap([], tmp_path / "cut.json")
