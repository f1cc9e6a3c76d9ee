from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_json
from trainers.data.annotations.annotations import usable_ids
from trainers.data.annotations.keypoints import COCO17
from trainers.data.annotations.notes import Severity
from trainers.data.formats.coco_file import CocoFile, read_coco

UNLABELLED: dict[str, Any] = {"keypoints": [5, 5, 0] * 17}
POINTS: list[float] = annotation()["keypoints"]


def read(folder: Path, *annotations: dict[str, Any], **changes: Any) -> CocoFile:
    return read_coco(write_json(folder / "people.json", document(*annotations) | changes), COCO17)


def sentences(coco: CocoFile) -> list[str]:
    return [f"{note.severity.value}: {note.sentence}".replace(f"{coco.path.parent}/", "") for note in coco.notes]


def without(*keys: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in annotation(**changes).items() if key not in keys}


@pytest.mark.parametrize(
    ("ids", "ours"),
    [
        ([7, 3], [7, 3]),
        ([1, 1], [1, 2]),
        ([0, 1], [1, 2]),
        ([-4, 1], [1, 2]),
        (["a", 1], [1, 2]),
        ([None, 1], [1, 2]),
        ([True, 1], [1, 2]),
        ([1.5, 1], [1, 2]),
        ([2**53 + 1, 1], [1, 2]),
        ([10**400, 1], [1, 2]),
        ([[], {}], [1, 2]),
    ],
)
def test_ids_that_name_nobody_are_replaced(tmp_path: Path, ids: list[Any], ours: list[int]) -> None:
    first, second = (annotation(id=value, keypoints=[5 + place, 9, 2] * 17) for place, value in enumerate(ids))
    coco = read(tmp_path, first, second)
    assert [entry["id"] for entry in coco.annotations] == ours
    assert (coco.notes != ()) == (ids != ours)


def test_missing_ids_are_said(tmp_path: Path) -> None:
    coco = read(tmp_path, annotation(keypoints=[5, 9, 2] * 17), without("id"))
    assert sentences(coco) == [
        "note: people.json: ids of 1 of 2 annotations are missing, repeated or no whole numbers from 1; all annotations are"
        " numbered by their place in the file instead, from 1"
    ]
    assert (coco.notes[0].topic, coco.notes[0].count) == ("ids", 1)


def test_messages_name_an_annotation_by_its_place_where_its_id_is_of_no_use(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"^'bbox' of annotations\[1\] of .*people\.json must be"):
        read(tmp_path, annotation(id=4), annotation(id=4, bbox=[1]))
    with pytest.raises(InvalidInput, match=r"^'bbox' of annotation 4 of .*people\.json must be"):
        read(tmp_path, annotation(id=3), annotation(id=4, bbox=[1]))


@given(st.lists(st.one_of(st.integers(-2, 5), st.text(max_size=2), st.none(), st.booleans(), st.floats())))
def test_usable_ids_are_distinct_whole_numbers_from_1(ids: list[Any]) -> None:
    for value, usable in zip(ids, usable_ids(ids), strict=True):
        alone = sum(type(other) is int and other == value for other in ids) == 1
        assert usable == (type(value) is int and value > 0 and alone)


@pytest.mark.parametrize("stated", [0, 3, 17, 99, None])
def test_labelled_keypoints_are_counted_whatever_the_file_says(tmp_path: Path, stated: int | None) -> None:
    points = POINTS[:15] + [0] * 36
    entry = annotation(keypoints=points, num_keypoints=stated) if stated is not None else without("num_keypoints")
    entry["keypoints"] = points
    coco = read(tmp_path, entry)
    assert coco.annotations[0]["num_keypoints"] == 5
    assert sentences(coco) == (
        []
        if stated is None
        else [
            "note: people.json: 'num_keypoints' of 1 of 1 annotations contradicts the visibilities of their keypoints, and"
            " is counted anew"
        ]
    )


@pytest.mark.parametrize("crowd", [False, 0, None])
def test_tools_write_crowds_in_several_ways(tmp_path: Path, crowd: Any) -> None:
    plain = without("iscrowd", id=1) if crowd is None else annotation(id=1, iscrowd=crowd)
    coco = read(tmp_path, plain, annotation(id=2, iscrowd=True))
    assert [entry["iscrowd"] for entry in coco.annotations] == [0, 1]
    assert coco.left_out == {"marked as crowds": 1}


@pytest.mark.parametrize("keypoints", ["absent", []])
def test_people_without_keypoints_are_unlabelled(tmp_path: Path, keypoints: Any) -> None:
    entry = without("keypoints", "num_keypoints", id=2)
    coco = read(tmp_path, annotation(id=1), entry if keypoints == "absent" else entry | {"keypoints": []})
    assert coco.annotations[1]["keypoints"] == [0] * 51
    assert coco.left_out == {"without labelled keypoints": 1}
    assert coco.notes == ()


@pytest.mark.parametrize("area", [0, 0.0])
def test_a_labelled_person_has_an_area(tmp_path: Path, area: float) -> None:
    crowd = annotation(id=1, area=0, iscrowd=1)
    unlabelled = annotation(id=2, area=0, num_keypoints=0, **UNLABELLED)
    assert len(read(tmp_path, crowd, unlabelled, annotation(id=3)).annotations) == 3
    with pytest.raises(InvalidInput) as caught:
        read(tmp_path, crowd, unlabelled, annotation(id=3), annotation(id=4, area=area), annotation(id=5, area=area))
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "'area' of people with labelled keypoints in people.json must be above 0, because COCO divides distances by it, got"
        " 0 for 2 of 3 people, first in annotation 4: write the area of each person in square pixels, and a box around the"
        " person"
    )


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    coco = read(
        tmp_path,
        annotation(id=1, category_id=2),
        annotation(id=2, image_id=5),
        annotation(id=3, iscrowd=1),
        annotation(id=4, num_keypoints=0, **UNLABELLED),
        annotation(id=5, bbox=[500, 5, 10, 10]),
        annotation(id=6),
    )
    assert coco.left_out == {
        "of category 2": 1,
        "of images that the file does not list": 1,
        "marked as crowds": 1,
        "without labelled keypoints": 1,
        "with boxes outside their images or without extent": 1,
    }


def test_nobody_left_is_told_with_all_reasons(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "person"}, {"id": 2, "name": "rider"}]
    entries = [annotation(id=1, category_id=2), annotation(id=2, category_id=2), annotation(id=3, iscrowd=1)]
    coco = read(tmp_path, *entries, categories=categories)
    assert str(coco.nobody()).replace(f"{tmp_path}/", "") == (
        "people.json must hold at least one person with labelled keypoints and a box inside its image, got none among"
        " 1 person annotations (category 1 (person)); left out: 2 of category 2 (rider), 1 marked as crowds;"
        " data.category or --category, a name or an id, chooses another category"
    )


def test_keypoints_are_put_into_the_order_of_the_format(tmp_path: Path) -> None:
    names = [name.replace("_", " ").title() for name in reversed(COCO17.names)]
    triples = [POINTS[3 * index : 3 * index + 3] for index in range(17)]
    entry = annotation(keypoints=[value for triple in reversed(triples) for value in triple])
    coco = read(tmp_path, entry, categories=[{"id": 1, "name": "person", "keypoints": names}])
    assert coco.annotations[0]["keypoints"] == POINTS
    assert coco.keypoint_order == tuple(reversed(range(17)))
    assert sentences(coco) == [
        "note: people.json: keypoints are put into the order of coco17; the file has 'Right Ankle' where coco17 has 'nose',"
        " and names all of them"
    ]


def test_entries_of_images_that_repeat_are_one(tmp_path: Path) -> None:
    image = document()["images"][0]
    coco = read(tmp_path, annotation(), images=[image, image | {"date_captured": "today"}, image])
    assert list(coco.images) == [1]
    assert sentences(coco) == ["note: people.json: 2 entries of 'images' repeat others and are read once"]
    (note,) = read(tmp_path, annotation(), images=[image, image]).notes
    assert note.sentence.endswith("people.json: 1 entry of 'images' repeats another and is read once")


def test_one_file_under_two_ids_is_said(tmp_path: Path) -> None:
    image = document()["images"][0]
    (note,) = read(tmp_path, annotation(), images=[image, image | {"id": 2}]).notes
    assert (note.topic, note.severity) == ("images", Severity.WARNING)
    assert note.sentence.endswith(
        "people.json: 1 image file under more than one image id, so that people of one file are scored as if in different"
        " images: give each file one id"
    )


def test_annotations_of_unlisted_images_are_said(tmp_path: Path) -> None:
    coco = read(tmp_path, annotation(id=1), annotation(id=2, image_id=5))
    assert sentences(coco) == [
        "warning: people.json: 1 of 2 annotations of people left out, because 'images' does not list their images; figures"
        " are of the listed images alone"
    ]
