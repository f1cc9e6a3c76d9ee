"""A file that holds the same people in another form has the same figures: ids, order and categories are no matter."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.statistics.image_scores import average_precisions, image_scores, keypoint_aps
from tests.analysis.poses import ids, people, predictions
from tests.trainers.evaluation.files import coco_ap
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, KeypointSet
from trainers.data.formats.coco import annotated_people
from trainers.data.formats.coco_file import CocoFile, read_coco
from trainers.data.formats.crowdpose import read_crowdpose
from trainers.evaluation.crowdpose_ap import crowdpose_ap
from trainers.evaluation.results import Result, as_annotated

Document = dict[str, Any]
IMAGES = 8
SIDE = 2000
FAR = 50_000.0
"""Pixels from everybody: COCO's scoring forgives predictions near people without labelled keypoints."""


def drawn(seed: int, keypoint_set: KeypointSet) -> Document:
    return {
        "images": [
            {"id": number, "file_name": f"{number}.jpg", "height": SIDE, "width": SIDE, "crowdIndex": number % 3 / 2}
            for number in ids(IMAGES)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(keypoint_set.names)}],
        "annotations": people(IMAGES, seed=seed, keypoint_set=keypoint_set),
    }


def figures(file: Path, results: list[Result], keypoint_set: KeypointSet) -> dict[str, float]:
    """All that is computed from a file: COCO's or CrowdPose's figures, AP anew by image, and AP of each keypoint."""
    if keypoint_set is CROWDPOSE14:
        coco, found = read_crowdpose(file).coco, crowdpose_ap(results, file)
    else:
        coco, found = read_coco(file, keypoint_set), coco_ap(results, file, keypoint_set=keypoint_set)
    scores = image_scores(results, coco.images, coco.annotations, keypoint_set)
    (ap,) = average_precisions(scores, np.ones((1, len(coco.images)), np.int64))
    alone = keypoint_aps(results, coco.images, coco.annotations, keypoint_set)
    return found | {"by image": float(ap)} | {f"alone {name}": value for name, value in alone.items()}


def renumbered(document: Document, chance: random.Random) -> None:
    kind = chance.randrange(5)
    for place, entry in enumerate(document["annotations"]):
        entry["id"] = (place, 1, chance.randrange(3), f"person {place}", 10**6 - place)[kind]


def without_ids(document: Document, chance: random.Random) -> None:
    for entry in document["annotations"]:
        entry.pop("id", None)


def shuffled(document: Document, chance: random.Random) -> None:
    chance.shuffle(document["annotations"])
    chance.shuffle(document["images"])


def repeated_images(document: Document, chance: random.Random) -> None:
    document["images"] += chance.choices(document["images"], k=3)


def moved_category(document: Document, chance: random.Random) -> None:
    number = chance.choice([0, 2, 18, 10**20])
    document["categories"][0]["id"] = number
    for entry in document["annotations"]:
        entry["category_id"] = number


def other_categories(document: Document, chance: random.Random) -> None:
    moved_category(document, chance)
    names = document["categories"][0]["keypoints"]
    document["categories"] += [{"id": 1, "name": "dog", "keypoints": names}, {"id": 3, "name": "ball"}]
    for entry in list(document["annotations"]):
        document["annotations"].append(entry | {"category_id": chance.choice([1, 3, 77])})


def miscounted(document: Document, chance: random.Random) -> None:
    for entry in document["annotations"]:
        entry["num_keypoints"] = chance.randrange(18)
        if chance.random() < 0.3:
            del entry["num_keypoints"]


def bystanders(document: Document, chance: random.Random) -> None:
    for image in document["images"]:
        entry = {"image_id": image["id"], "category_id": document["categories"][0]["id"], "iscrowd": 0, "area": 0}
        count = len(document["categories"][0]["keypoints"])
        document["annotations"].append(
            entry | {"bbox": [FAR, FAR, 9, 9], "keypoints": [0, 0, 0] * count, "num_keypoints": count}
        )


def reordered(document: Document, chance: random.Random) -> None:
    names = document["categories"][0]["keypoints"]
    places = list(range(len(names)))
    chance.shuffle(places)
    document["categories"][0]["keypoints"] = [names[place].replace("_", " ").upper() for place in places]
    for entry in document["annotations"]:
        points = entry["keypoints"]
        entry["keypoints"] = [value for place in places for value in points[3 * place : 3 * place + 3]]


def crowds_as_booleans(document: Document, chance: random.Random) -> None:
    for entry in document["annotations"]:
        entry["iscrowd"] = bool(entry["iscrowd"])


CHANGES: list[Callable[[Document, random.Random], None]] = [
    bystanders,
    reordered,
    renumbered,
    without_ids,
    shuffled,
    repeated_images,
    moved_category,
    other_categories,
    miscounted,
    crowds_as_booleans,
]


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    changes=st.lists(st.sampled_from(range(len(CHANGES))), min_size=1, max_size=4, unique=True),
    keypoint_set=st.sampled_from([COCO17, CROWDPOSE14]),
)
def test_the_form_of_a_file_changes_no_figure(
    tmp_path: Path, seed: int, changes: list[int], keypoint_set: KeypointSet
) -> None:
    file = tmp_path / "people.json"
    document = drawn(seed, keypoint_set)
    file.write_text(json.dumps(document))
    results = predictions(document["annotations"], error=0.06, seed=seed + 1)
    expected = figures(file, results, keypoint_set)
    for index in sorted(changes):
        CHANGES[index](document, random.Random(seed))
    file.write_bytes(b"\xef\xbb\xbf" * (seed % 2) + json.dumps(document).encode())
    found = figures(file, results, keypoint_set)
    assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_the_figures_of_the_drawn_people_are_neither_none_nor_all(tmp_path: Path) -> None:
    document = drawn(1, COCO17)
    (tmp_path / "people.json").write_text(json.dumps(document))
    found = figures(tmp_path / "people.json", predictions(document["annotations"], error=0.06, seed=2), COCO17)
    assert 0.2 < found["ap"] < 0.9
    assert len(found) > 20


@pytest.mark.parametrize("change", [renumbered, moved_category, other_categories, miscounted, reordered, shuffled])
def test_the_same_people_are_learned_from(tmp_path: Path, change: Callable[[Document, random.Random], None]) -> None:
    def learned(document: Document) -> list[tuple[Any, ...]]:
        file = tmp_path / "people.json"
        file.write_text(json.dumps(document))
        found = annotated_people(read_coco(file, COCO17), tmp_path, require_images=False)
        assert len({person.annotation_id for person in found}) == len(found)
        return sorted((person.image_id, person.box, person.area, person.keypoints.tolist()) for person in found)  # type: ignore[union-attr]

    document = drawn(3, COCO17)
    expected = learned(document)
    change(document, random.Random(0))
    assert learned(document) == expected


def test_results_are_written_as_the_file_has_its_people(tmp_path: Path) -> None:
    document = drawn(5, COCO17)
    results = predictions(document["annotations"], error=0.05, seed=1)
    for change in (moved_category, reordered):
        change(document, random.Random(4))
    file = tmp_path / "people.json"
    file.write_text(json.dumps(document))
    coco = read_coco(file, COCO17)
    written = as_annotated(results, coco)
    assert {result["category_id"] for result in written} == {document["categories"][0]["id"]}
    assert coco.keypoint_order is not None
    for result, other in zip(results, written, strict=True):
        back = [other["keypoints"][3 * place : 3 * place + 3] for place in coco.keypoint_order]
        assert [value for triple in back for value in triple] == result["keypoints"]


def test_results_for_a_file_in_the_order_of_the_format_stay(tmp_path: Path) -> None:
    coco = CocoFile(path=tmp_path, images={}, annotations=[])
    results = predictions(people(2, seed=0), error=0.1, seed=0)
    assert as_annotated(results, coco) == results
