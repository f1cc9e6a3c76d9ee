from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_dataset
from trainers.data.annotations.keypoints import COCO17
from trainers.data.codecs import MsraCodec
from trainers.data.formats.coco import Person, load_people
from trainers.data.samples.dataset import TopDownDataset
from trainers.evaluation.inference import Predictions
from trainers.evaluation.results import box_kind, coco_results, oks, oks_nms, person_scores

CODEC = MsraCodec(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.0)
SIGMAS = COCO17.oks_sigmas


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return load_people(*write_dataset(tmp_path, document(annotation())))[0]


def test_person_score_is_the_box_times_the_mean_above_the_threshold(person: Person) -> None:
    scores = np.array([[0.2, 0.4, 0.8], [0.1, 0.2, -0.3]])
    people = [replace(person, score=0.5), person]
    np.testing.assert_allclose(person_scores(people, scores), [0.5 * 0.6, 0.0])


def test_oks_is_the_published_formula() -> None:
    truth = np.zeros((17, 2))
    moved = truth.copy()
    moved[9] = 3, 4
    expected = (16 + np.exp(-25 / (2 * 900 * (2 * 0.062) ** 2))) / 17
    np.testing.assert_allclose(oks(truth, moved[None], np.array([900.0]), SIGMAS), [expected])


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0.3, 0.95))
def test_nms_keeps_a_maximal_set_of_the_best(seed: int, count: int, threshold: float) -> None:
    generator = np.random.default_rng(seed)
    keypoints = generator.normal(0, 1, (1, 17, 2)) * 30 + generator.normal(0, 6, (count, 1, 1))
    scores, areas = generator.random(count), generator.uniform(400, 3000, count)
    kept = oks_nms(keypoints, scores, areas, SIGMAS, threshold)

    def similar(a: int, b: int) -> bool:
        mean = np.array([(areas[a] + areas[b]) / 2])
        return bool(oks(keypoints[a], keypoints[[b]], mean, SIGMAS)[0] > threshold)

    assert [scores[index] for index in kept] == sorted((scores[index] for index in kept), reverse=True)
    assert not any(similar(a, b) for a in kept for b in kept if a != b)
    for dropped in set(range(count)) - set(kept):
        assert any(similar(better, dropped) and scores[better] >= scores[dropped] for better in kept)


def test_results_are_coco_entries_without_a_box_and_without_duplicates(person: Person) -> None:
    assert person.keypoints is not None
    twice = [replace(person, score=0.6), replace(person, score=0.9), replace(person, image_id=5)]
    found = Predictions(keypoints=np.stack([person.keypoints[:, :2]] * 3), scores=np.full((3, 17), 0.5))
    results = coco_results(TopDownDataset(twice, CODEC), found)
    assert [(entry["image_id"], entry["score"]) for entry in results] == [(1, 0.45), (5, 0.5)]
    assert set(results[0]) == {"image_id", "category_id", "keypoints", "score"}
    assert results[0]["keypoints"][:6] == [20, 10, 0.5, 21, 12, 0.5]


def test_kinds_of_boxes_do_not_mix(person: Person) -> None:
    detected = replace(person, annotation_id=None, keypoints=None)
    assert box_kind([person, person]) == "gt"
    assert box_kind([detected]) == "det"
    message = "^an evaluation must have people with boxes of one kind, got 1 annotated and 2 detected$"
    with pytest.raises(InvalidInput, match=message):
        box_kind([detected, person, detected])
    with pytest.raises(InvalidInput, match=r"got 0 annotated and 0 detected$"):
        box_kind([])
