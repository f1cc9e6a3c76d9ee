"""The keypoints of an annotation file: which set its categories describe, and what a user says besides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.data.formats.own_keypoints import categories_of, category_with_keypoints, keypoints_of_file
from trainers.data.keypoint_sets.fields import to_plain

FACE = ["left_eye", "right_eye", "chin"]


def write(file: Path, categories: Any, points: int = 3, **others: Any) -> Path:
    annotation = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "area": 81}
    entries = [annotation | {"keypoints": [1, 2, 2] * points}]
    images = [{"id": 1, "file_name": "1.jpg", "width": 20, "height": 20}]
    document = {"images": images, "annotations": entries, "categories": categories} | others
    file.write_text(json.dumps(document))
    return file


def own(file: Path, **given: Any) -> Any:
    return keypoints_of_file(file, COCO17, given=given or None)


def test_the_categories_give_names_pairs_and_skeleton(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", [{"id": 1, "name": "face", "keypoints": FACE, "skeleton": [[1, 2]]}])
    found = own(file)
    assert found.keypoint_set.names == tuple(FACE)
    assert found.keypoint_set.name == "face3"
    assert found.keypoint_set.limbs == ((0, 1),)
    (note,) = found.notes
    assert note.sentence == (
        f"3 keypoints of {file}, please confirm: 1 pair changes places in a mirrored image: left_eye / right_eye; halves of"
        " the body are not known; sigmas 0.067, the mean of COCO's 17"
    )


def test_the_names_of_coco_are_known_however_they_are_written(tmp_path: Path) -> None:
    names = [name.replace("_", " ").title() for name in reversed(COCO17.names)]
    found = own(write(tmp_path / "a.json", [{"id": 1, "name": "person", "keypoints": names}], 17))
    assert found.keypoint_set is COCO17
    assert found.notes == ()


def test_without_names_the_number_of_keypoints_decides_and_nothing_is_mirrored(tmp_path: Path) -> None:
    assert own(write(tmp_path / "coco.json", [{"id": 1, "name": "person"}], 17)).keypoint_set is COCO17
    found = own(write(tmp_path / "four.json", [{"id": 1, "name": "card"}], 4))
    assert found.keypoint_set.names == ("keypoint_1", "keypoint_2", "keypoint_3", "keypoint_4")
    assert not found.keypoint_set.mirrors
    assert "four.json has 4 keypoints a person without names: no image is mirrored" in found.notes[0].sentence
    named = own(tmp_path / "four.json", names=["a", "b", "left_c", "right_c"])
    assert named.keypoint_set.flip_pairs == ((2, 3),)
    assert named.keypoint_set.mirrors


def test_a_user_overrules_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", [{"id": 1, "name": "face", "keypoints": FACE}])
    found = own(file, sigmas=[0.1, 0.1, 0.2], flip_pairs=None).keypoint_set
    assert found.oks_sigmas == (0.1, 0.1, 0.2)
    assert not found.mirrors
    with pytest.raises(InvalidInput, match=r"^sigmas of data.keypoints must be 3 values, one for each keypoint, got 2$"):
        own(file, sigmas=[0.1, 0.1])


def test_changed_points_of_coco_are_a_set_of_their_own(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}], 17)
    found = own(file, sigmas=[0.05] * 17).keypoint_set
    assert found.name == "own17"
    assert found.names == COCO17.names


def test_a_whole_set_needs_no_file(tmp_path: Path) -> None:
    values = to_plain(own(write(tmp_path / "a.json", [{"id": 1, "name": "face", "keypoints": FACE}])).keypoint_set)
    (tmp_path / "a.json").unlink()
    assert keypoints_of_file(None, COCO17, given=values).keypoint_set.names == tuple(FACE)
    assert keypoints_of_file(None, COCO17).keypoint_set is COCO17
    assert keypoints_of_file(None, COCO17, given={"names": FACE}).keypoint_set.count == 3


def test_a_file_of_other_names_is_read_by_its_own(tmp_path: Path) -> None:
    file = write(tmp_path / "annotations.json", [{"id": 1, "name": "face", "keypoints": ["x", "y", "z"]}])
    (tmp_path / "annotations").mkdir()
    (tmp_path / "train2017").mkdir()
    file.rename(tmp_path / "annotations" / "person_keypoints_train2017.json")
    data = DataConfig(root=tmp_path, keypoints={"names": FACE})
    assert data.keypoint_set.names == tuple(FACE)
    assert data.read_annotations("train").keypoint_order is None


def test_names_that_repeat_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", [{"id": 1, "name": "face", "keypoints": ["eye", "eye"]}], 2)
    with pytest.raises(InvalidInput, match=r"^'keypoints' of categories\[0\] of .*a.json must be distinct names, got 'eye'"):
        own(file)


@pytest.mark.parametrize(
    "categories",
    [
        None,
        [3, {"name": "person"}, {"keypoints": "nose"}, {"keypoints": []}],
        [{"id": 1, "name": "dog", "keypoints": ["nose"]}, {"id": 2, "name": "cat", "keypoints": ["ear"]}],
        [{"name": "person", "keypoints": ["nose"]}],
        [{"id": 1, "name": "person", "keypoints": [name.replace("_", " ").title() for name in COCO17.names]}],
    ],
)
def test_categories_that_name_no_one_set_are_left_to_the_reader(categories: Any) -> None:
    assert category_with_keypoints(categories, COCO17) is None


def test_of_several_categories_the_person_or_the_chosen_one_is_meant() -> None:
    dog = {"id": 3, "name": "dog", "keypoints": ["nose"]}
    person = {"id": 7, "name": "Person", "keypoints": ["left_a", "right_a"]}
    assert category_with_keypoints([dog, person], COCO17) == (1, person)
    assert category_with_keypoints([dog, person], COCO17, category="Dog") == (0, dog)
    assert category_with_keypoints([dog, person], COCO17, category=3) == (0, dog)


def test_categories_are_found_wherever_they_stand(tmp_path: Path) -> None:
    long = [{"id": number, "name": "x" * 50} for number in range(3000)]
    assert categories_of(write(tmp_path / "long.json", long)) == long
    twice = write(tmp_path / "twice.json", [{"id": 1}], info={"categories": [5]})
    assert categories_of(twice) == [{"id": 1}]
    (tmp_path / "list.json").write_text("[]")
    assert categories_of(tmp_path / "list.json") is None
    with pytest.raises(InvalidInput, match=r"^file not found: .*none.json$"):
        categories_of(tmp_path / "none.json")


def test_a_file_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", [{"id": 1, "name": "face", "keypoints": FACE}])
    assert own(file).keypoint_set.count == 3
    write(file, [{"id": 1, "name": "face", "keypoints": FACE[:2]}], 2)
    assert own(file).keypoint_set.count == 2


def test_sigmas_come_from_repeated_labels(tmp_path: Path) -> None:
    file, other = (
        write(tmp_path / name, [{"id": 1, "name": "face", "keypoints": FACE}]) for name in ("a.json", "again.json")
    )
    with pytest.raises(InvalidInput, match=r"^sigmas from repeated labels need 20 people or more .* got 1 of left_eye$"):
        own(file, sigmas={"repeated": str(other)})
    with pytest.raises(InvalidInput, match=r"^sigmas.repeated of data.keypoints must be an annotation file, got 3$"):
        own(file, sigmas={"repeated": 3})
    for path, shift in ((file, 0), (other, 2)):
        document = json.loads(path.read_text())
        people = [{**document["annotations"][0], "id": n, "image_id": n} for n in range(1, 31)]
        for person in people:
            person["keypoints"] = [4 + shift, 5, 2] * 3
        images = [{**document["images"][0], "id": n, "file_name": f"{n}.jpg"} for n in range(1, 31)]
        path.write_text(json.dumps(document | {"annotations": people, "images": images}))
    found = own(file, sigmas={"repeated": str(other)}).keypoint_set
    # Labels 2 pixels apart: half of 4 square pixels by an area of 81.
    assert found.oks_sigmas == pytest.approx([(2 / 81) ** 0.5] * 3, abs=1e-5)
    assert found.sigma_words == "0.157, estimated from the repeated labels of again.json"
