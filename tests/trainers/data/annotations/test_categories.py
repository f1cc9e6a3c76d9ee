from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_json
from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco_file import CocoFile, read_coco

NAMES = list(COCO17.names)
BOX_ONLY: dict[str, Any] = {"keypoints": []}


def category(number: int, name: str | None = None, keypoints: Any = None) -> dict[str, Any]:
    return {"id": number, "name": name, "keypoints": keypoints}


def read(folder: Path, categories: Any, *annotations: dict[str, Any], chosen: str | int | None = None) -> CocoFile:
    numbered = [entry | {"id": number} for number, entry in enumerate(annotations, start=1)]
    value = document(*numbered) | {"categories": categories}
    return read_coco(write_json(folder / "people.json", value), COCO17, category=chosen)


def refusal(folder: Path, categories: Any, *annotations: dict[str, Any], chosen: str | int | None = None) -> str:
    with pytest.raises(InvalidInput) as caught:
        read(folder, categories, *annotations, chosen=chosen)
    return str(caught.value).replace(f"{folder}/", "")


def of(number: int, **changes: Any) -> dict[str, Any]:
    return annotation(category_id=number, **changes)


@pytest.mark.parametrize(
    ("categories", "annotations", "found"),
    [
        # A person with keypoints, under any id and whatever the others have.
        ([category(18, "Person", NAMES)], [of(18)], "18 (Person)"),
        ([category(0, "person", NAMES)], [of(0)], "0 (person)"),
        ([category(1, "dog", NAMES), category(2, "person", NAMES)], [of(1), of(2)], "2 (person)"),
        ([category(1, "dog"), category(2, "person", NAMES)], [of(1, **BOX_ONLY), of(2)], "2 (person)"),
        ([category(0, "person"), category(1, "person", NAMES)], [of(1)], "1 (person)"),
        # Two persons, of whom one has annotations.
        ([category(3, "person", NAMES), category(4, "person", NAMES)], [of(4)], "4 (person)"),
        # A person without names of keypoints goes before others that have them, if anybody is posed there.
        ([category(1, "rider", NAMES), category(2, "person")], [of(1), of(2)], "2 (person)"),
        ([category(1, "person"), category(2, "pose", NAMES)], [of(1, **BOX_ONLY), of(2)], "2 (pose)"),
        # No person: the keypoints of the format, then the only one that is posed.
        ([category(5, "player", NAMES), category(6, "ball")], [of(5), of(6, **BOX_ONLY)], "5 (player)"),
        ([category(5, "player"), category(6, "ball")], [of(5), of(6, **BOX_ONLY)], "5 (player)"),
        ([category(5, "player"), category(6, "hand", ["thumb"])], [of(5), of(6, keypoints=[1, 1, 2])], "5 (player)"),
        # No names at all: COCO's number, else the only one.
        ([], [of(1), of(2)], "1"),
        (None, [of(7), of(2, **BOX_ONLY)], "7"),
        ([category(1), category(2)], [of(1), of(2)], "1"),
        ([], [], "1"),
        # The file does not list the category of its annotations.
        ([category(1, "person", NAMES)], [of(3)], "1 (person)"),
    ],
)
def test_people_are_found_by_name_and_keypoints(
    tmp_path: Path, categories: Any, annotations: list[dict[str, Any]], found: str
) -> None:
    value = {"images": document()["images"], "annotations": annotations, "categories": categories}
    coco = read_coco(write_json(tmp_path / "people.json", value), COCO17)
    assert coco.category.label == found
    assert all(entry["category_id"] == 1 for entry in coco.annotations)
    assert len(coco.annotations) == sum(entry["category_id"] == coco.category.category_id for entry in annotations)


@pytest.mark.parametrize(
    ("categories", "annotations", "message"),
    [
        (
            [category(1, "person", NAMES), category(3, "Person", NAMES)],
            [of(1), of(3)],
            "people.json must have one category of people, got 2 that may be: 1 (person), 3 (Person);"
            " data.category or --category, a name or an id, chooses",
        ),
        (
            [category(1, "man"), category(2, "woman"), category(4, "ball")],
            [of(1), of(2)],
            "people.json must have one category of people, got 2 that may be: 1 (man), 2 (woman);"
            " data.category or --category, a name or an id, chooses",
        ),
        (
            [category(1, "dog"), category(2, "cat")],
            [of(1, **BOX_ONLY)],
            "people.json must have a category of people, named person or with the keypoints of coco17, got 1 (dog), 2 (cat),"
            " with 1 annotations in all; data.category or --category, a name or an id, chooses",
        ),
        (
            [category(number, name) for number, name in enumerate(NAMES)],
            [],
            "people.json must have a category of people, named person or with the keypoints of coco17, got 0 (nose),"
            " 1 (left_eye), 2 (right_eye), 3 (left_ear), 4 (right_ear), 5 (left_shoulder), 6 (right_shoulder),"
            " 7 (left_elbow) and 9 more, with 0 annotations in all; here keypoints are categories of their own: annotate"
            " each person by one label with a skeleton of keypoints, and export anew",
        ),
        (
            [category(1, "person"), category(1, "dog")],
            [of(1)],
            "categories of people.json must each have an id of its own, got 1 for person, dog",
        ),
        ("person", [of(1)], "'categories' of people.json must be a list, got 'person'"),
        ([3], [of(1)], "categories[0] of people.json must be an object, got 3"),
        ([{"name": "person"}], [of(1)], "categories[0] of people.json must have 'id', got only ['name']"),
        ([category(1, 3)], [of(1)], "'name' of categories[0] of people.json must be text, got 3"),
        ([category(1, "person", [1])], [of(1)], "'keypoints' of categories[0] of people.json must be names, got 1"),
        (
            [category(1, "person", "nose")],
            [of(1)],
            "'keypoints' of categories[0] of people.json must be a list, got 'nose'",
        ),
        (
            [category(2, "tiger", ["tail"])],
            [of(2)],
            "'keypoints' of categories[0] of people.json must name the 17 keypoints of coco17, in any order, got 1 names"
            " (unknown: tail; missing: nose, left_eye, right_eye, left_ear and 13 more): rename those that mean the same"
            " points, or describe a keypoint set of your own (docs/how_to/own_data.md)",
        ),
        (
            [category(1, "dancer")],
            [of(1, keypoints=[1, 1, 2] * 4)],
            "'keypoints' of annotation 1 of people.json must be 51 numbers (x, y, visibility of 17 keypoints), got 12",
        ),
    ],
)
def test_what_cannot_be_told_is_refused(
    tmp_path: Path, categories: Any, annotations: list[dict[str, Any]], message: str
) -> None:
    value = {"images": document()["images"], "categories": categories}
    entries = [entry | {"id": number} for number, entry in enumerate(annotations, start=1)]
    with pytest.raises(InvalidInput) as caught:
        read_coco(write_json(tmp_path / "people.json", value | {"annotations": entries}), COCO17)
    assert str(caught.value).replace(f"{tmp_path}/", "") == message


def test_the_same_category_twice_is_one(tmp_path: Path) -> None:
    assert read(tmp_path, [category(1, "person", NAMES)] * 2, of(1)).category.label == "1 (person)"


@pytest.mark.parametrize("chosen", [2, "2", "rider", "RIDER"])
def test_the_user_chooses_by_name_or_id(tmp_path: Path, chosen: str | int) -> None:
    categories = [category(1, "person", NAMES), category(2, "rider", NAMES), category(3, "7")]
    coco = read(tmp_path, categories, of(1), of(2), of(2), of(3), chosen=chosen)
    assert coco.category.label == "2 (rider)"
    assert [entry["id"] for entry in coco.annotations] == [2, 3]


def test_a_name_goes_before_an_id_and_an_unlisted_id_is_taken(tmp_path: Path) -> None:
    assert read(tmp_path, [category(1, "person"), category(3, "7")], of(3), of(7), chosen="7").category.category_id == 3
    assert read(tmp_path, [category(1, "person"), category(3, "7")], of(3), of(7), chosen=7).category.category_id == 7


def test_a_wrong_choice_is_told_what_there_is(tmp_path: Path) -> None:
    categories = [category(1, "person", NAMES), category(2, "rider"), category(4, "Rider")]
    assert refusal(tmp_path, categories, of(1), chosen="horse") == (
        "category must be the name or the id of one category in people.json, got 'horse';"
        " it has 1 (person), 2 (rider), 4 (Rider)"
    )
    assert refusal(tmp_path, categories, of(1), chosen="RIDER") == (
        "category must be the name or the id of one category in people.json, got 'RIDER', which 2 have;"
        " it has 1 (person), 2 (rider), 4 (Rider)"
    )


def test_other_categories_are_counted_and_said(tmp_path: Path) -> None:
    categories = [category(1, "person", NAMES), category(2, "rider", NAMES), category(3, "dog")]
    coco = read(tmp_path, categories, of(2), of(1), of(2), of(3, keypoints="not looked at"))
    assert coco.left_out == {"of category 2 (rider)": 2, "of category 3 (dog)": 1}
    (note,) = coco.notes
    assert (note.topic, note.severity, note.count) == ("categories", "note", 3)
    assert note.sentence == (
        f"{tmp_path}/people.json: people are category 1 (person); 3 annotations of other categories left out:"
        " 2 of category 2 (rider), 1 of category 3 (dog)"
    )


def test_people_of_another_name_are_said(tmp_path: Path) -> None:
    (note,) = read(tmp_path, [category(3, "player", NAMES), category(4, "ball")], of(3)).notes
    assert (
        note.sentence == f"{tmp_path}/people.json: category 3 (player) is taken for people, because only its keypoints fit"
    )
    assert read(tmp_path, [category(3, "player", NAMES)], of(3)).notes == ()
    assert read(tmp_path, [category(3, "player", NAMES), category(4, "ball")], of(3), chosen=3).notes == ()


def test_many_categories_are_not_all_listed(tmp_path: Path) -> None:
    categories = [category(1, "person", NAMES), *(category(number, f"thing {number}") for number in range(2, 20))]
    (note,) = read(tmp_path, categories, of(1), *(of(number, **BOX_ONLY) for number in range(2, 20))).notes
    assert note.sentence.endswith("1 of category 9 (thing 9) and 10 categories more")
