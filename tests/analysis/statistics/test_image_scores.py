"""AP anew for any choice of images: exactly that of pycocotools."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.image_scores import average_precisions, image_scores, keypoint_aps
from tests.analysis.poses import ids, people, predictions
from tests.profiles import examples
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14
from trainers.evaluation.coco_ap import keypoint_ap


def copies(annotations, results, images, counts):
    """The data set in which each image stands so many times, as files would hold it."""
    new_ids, truths, found = [], [], []
    for image, count in zip(images, counts, strict=True):
        for _ in range(count):
            new_id = 10_000 + len(new_ids)
            new_ids.append(new_id)
            for annotation in annotations:
                if annotation["image_id"] == image:
                    truths.append({**annotation, "image_id": new_id, "id": len(truths) + 1})
            found += [{**result, "image_id": new_id} for result in results if result["image_id"] == image]
    return new_ids, truths, found


@examples(25)
@given(
    images=st.integers(2, 25),
    error=st.floats(0.01, 0.3),
    seed=st.integers(0, 1000),
    ties=st.booleans(),
    keypoint_set=st.sampled_from([COCO17, CROWDPOSE14]),
)
def test_all_images_once_is_pycocotools_to_the_last_digit(images, error, seed, ties, keypoint_set):
    annotations = people(images, seed=seed, keypoint_set=keypoint_set)
    results = predictions(annotations, error=error, seed=seed + 1, ties=ties)
    scores = image_scores(results, ids(images), annotations, keypoint_set)
    (ap,) = average_precisions(scores, np.ones((1, images), np.int64))
    expected = keypoint_ap(results, set(ids(images)), [dict(entry) for entry in annotations], keypoint_set)
    assert ap == expected["ap"] if "ap" in expected else np.isnan(ap)


@examples(15)
@given(images=st.integers(2, 12), seed=st.integers(0, 1000))
def test_a_count_is_so_many_copies_of_the_image(images, seed):
    annotations = people(images, seed=seed)
    results = predictions(annotations, error=0.08, seed=seed + 1)
    counts = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images))
    (ap,) = average_precisions(image_scores(results, ids(images), annotations, COCO17), counts[None])
    new_ids, truths, found = copies(annotations, results, ids(images), counts)
    expected = keypoint_ap(found, set(new_ids), truths, COCO17)
    assert ap == pytest.approx(expected["ap"], abs=1e-12) if "ap" in expected else np.isnan(ap)


def test_chunks_do_not_change_anything(monkeypatch):
    annotations = people(20, seed=0)
    scores = image_scores(predictions(annotations, error=0.08, seed=1), ids(20), annotations, COCO17)
    counts = np.random.default_rng(0).multinomial(20, np.full(20, 0.05), size=30)
    whole = average_precisions(scores, counts)
    monkeypatch.setattr("analysis.statistics.image_scores.CHUNK", 1)
    assert np.array_equal(average_precisions(scores, counts), whole)


def test_no_predictions_score_zero_and_nobody_to_find_has_no_ap():
    annotations = people(10, seed=0)
    nothing = image_scores([], ids(10), annotations, COCO17)
    assert average_precisions(nothing, np.ones((1, 10), np.int64)) == 0
    assert np.isnan(average_precisions(nothing, np.zeros((1, 10), np.int64)))
    assert nothing.informative.sum() == np.count_nonzero(nothing.people)


def test_predictions_for_other_images_are_left_out():
    annotations = people(6, seed=0)
    results = predictions(annotations, error=0.05, seed=1)
    strange = [{**results[0], "image_id": 999}]
    first, second = (image_scores(found, ids(6), annotations, COCO17) for found in (results, results + strange))
    assert np.array_equal(first.hits, second.hits)


def test_an_error_in_one_keypoint_costs_that_keypoint_alone():
    annotations = people(40, seed=0)
    for annotation in annotations:
        annotation["keypoints"][2::3] = [2] * 17
    results = predictions(annotations, error=0.001, seed=1)
    wrist = COCO17.names.index("left_wrist")
    for result in results:
        result["keypoints"][3 * wrist] += 500
    found = keypoint_aps(results, ids(40), annotations, COCO17)
    assert found["left_wrist"] < 0.01
    assert min(ap for name, ap in found.items() if name != "left_wrist") > 0.99


def test_keypoints_that_nobody_has_are_absent():
    annotations = people(10, seed=0)
    for annotation in annotations:
        annotation["keypoints"][2] = 0
    found = keypoint_aps(predictions(annotations, error=0.01, seed=1), ids(10), annotations, COCO17)
    assert set(found) == set(COCO17.names) - {"nose"}


def test_keypoint_similarity_is_one_term_of_oks():
    """One person, its nose off by d: found at the thresholds that exp(-d² / (2 s² (2σ)²)) reaches."""
    (person,) = [entry for entry in people(1, seed=3, most=1) if not entry["iscrowd"]] or people(1, seed=4, most=1)
    person["keypoints"][2], person["num_keypoints"] = 2, 17
    distance = np.sqrt(-2 * np.log(0.72) * person["area"]) * 2 * COCO17.oks_sigmas[0]
    points = list(person["keypoints"])
    points[0] += distance
    result = {"image_id": person["image_id"], "category_id": 1, "keypoints": points, "score": 1.0}
    found = keypoint_aps([result], ids(1), [person], COCO17)
    assert found["nose"] == pytest.approx(5 / 10)  # 0.50, 0.55, 0.60, 0.65 and 0.70


def test_who_does_not_count_with_all_keypoints_counts_with_none():
    annotations = people(12, seed=3)
    results = predictions(annotations, error=0.05, seed=4)
    expected = keypoint_aps(results, ids(12), annotations, COCO17)
    bystander = annotations[0] | {"id": 1000, "image_id": ids(12)[0], "num_keypoints": 0, "keypoints": [9000, 9000, 2] * 17}
    bystander["bbox"] = [9000, 9000, 5, 5]
    assert keypoint_aps(results, ids(12), [*annotations, bystander], COCO17) == expected


def test_ids_of_annotations_are_no_matter():
    annotations = people(12, seed=3)
    results = predictions(annotations, error=0.05, seed=4)
    same = [entry | {"id": 0} for entry in annotations]
    once = np.ones((1, 12), np.int64)
    first, second = (image_scores(results, ids(12), found, COCO17) for found in (annotations, same))
    assert average_precisions(first, once) == average_precisions(second, once) > 0
    assert keypoint_aps(results, ids(12), same, COCO17) == keypoint_aps(results, ids(12), annotations, COCO17)
