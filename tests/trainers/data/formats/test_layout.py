"""Places of splits, and one file that is parted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from tests.profiles import examples
from trainers.data.formats.layout import Layout, Place, listed_split, split_images

WHOLE = Place(annotations=Path("/data/all.json"), images=Path("/data/images"))
FILE = Path("all.json")


def document(groups: list[str], field: str = "subject", *, on_annotations: bool = False) -> dict[str, Any]:
    """Return a document of one person an image, whose groups are a field of images or of annotations."""
    owners = [{}] * len(groups) if on_annotations else [{field: group} for group in groups]
    said = [{field: group} for group in groups] if on_annotations else [{}] * len(groups)
    return {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 9, "height": 9} | o for n, o in enumerate(owners, start=1)],
        "annotations": [{"id": n, "image_id": n} | s for n, s in enumerate(said, start=1)],
    }


@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=60), st.floats(0.05, 0.6), st.booleans(), st.randoms())
@examples(40)
def test_a_group_is_in_one_split_whatever_the_order(
    groups: list[str], share: float, on_annotations: bool, random: Any
) -> None:
    layout = Layout(whole=WHOLE, val_share=share, group_by="subject")
    whole = document(groups, on_annotations=on_annotations)
    if len(set(groups)) < 2:
        with pytest.raises(InvalidInput, match=r"^all.json must have two groups of images or more to be parted by subject"):
            split_images(whole, layout, FILE)
        return
    parts = split_images(whole, layout, FILE)
    assert parts["train"] | parts["val"] == set(range(1, len(groups) + 1))
    assert not parts["train"] & parts["val"]
    assert parts["train"]
    assert parts["val"]
    sides = {split: {groups[image - 1] for image in members} for split, members in parts.items()}
    assert not sides["train"] & sides["val"]
    random.shuffle(whole["images"])
    assert split_images(whole, layout, FILE) == parts


def test_the_share_is_met_as_far_as_groups_allow() -> None:
    parts = split_images(document([""] * 500), Layout(whole=WHOLE, val_share=0.1), FILE)
    assert len(parts["val"]) == 50


def test_a_new_image_moves_no_other() -> None:
    layout = Layout(whole=WHOLE, val_share=0.2)
    before, after = (split_images(document([""] * count), layout, FILE) for count in (200, 201))
    assert len(before["val"] ^ (after["val"] - {201})) <= 1


def written(tmp_path: Path, **values: Any) -> Layout:
    (tmp_path / "images").mkdir(exist_ok=True)
    (tmp_path / "all.json").write_text(json.dumps(document(["a", "a", "b", "c"])))
    place = Place(annotations=tmp_path / "all.json", images=tmp_path / "images")
    return Layout(whole=place, **values)


def test_a_list_names_images_by_file_name_or_id(tmp_path: Path) -> None:
    listed = tmp_path / "split.yaml"
    listed.write_text("train: [1.jpg, 2]\nval: [4.jpg]\n")
    layout = written(tmp_path, split_list=listed)
    assert layout.names == ("train", "val")
    place = layout.find("val")
    assert place.part is not None
    part = place.part(json.loads(place.annotation_file.read_text()))
    assert [entry["id"] for entry in part["images"]] == [4]
    assert [entry["image_id"] for entry in part["annotations"]] == [4]
    assert place.part("no document") == "no document"


def test_a_drawn_split_is_a_list_that_gives_the_same(tmp_path: Path) -> None:
    drawn = written(tmp_path, val_share=0.3, group_by="subject")
    listed = tmp_path / "split.json"
    listed.write_text(json.dumps(listed_split(drawn)))
    whole = json.loads((tmp_path / "all.json").read_text())
    again = split_images(whole, written(tmp_path, split_list=listed), FILE)
    assert again == split_images(whole, drawn, FILE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [1.jpg]\nvalid: [2.jpg]\n", r"^unknown split of .*split.yaml 'valid': did you mean 'val'\?"),
        ("train: 1.jpg\n", r"^train of .*split.yaml must be a list of images, by file name or id, got '1.jpg'$"),
        ("{}\n", r"split.yaml must name the images of train and val, got none$"),
        ("train: [9.jpg]\n", r"split.yaml must name images of all.json, got '9.jpg' in train$"),
        ("train: [1.jpg]\nval: [1]\n", r"split.yaml must name each image in one split, got 1 in two$"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    listed = tmp_path / "split.yaml"
    listed.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        split_images(document(["a", "b"]), written(tmp_path, split_list=listed), FILE)


def test_a_field_that_is_not_there_or_has_two_values_is_refused() -> None:
    layout = Layout(whole=WHOLE, val_share=0.5, group_by="subject")
    with pytest.raises(InvalidInput, match=r"^all.json must have 'subject' in each image .* 1 and 1 others have none$"):
        split_images(document(["a", "b"], "person"), layout, FILE)
    whole = document(["a", "b"], on_annotations=True)
    whole["annotations"].append({"id": 3, "image_id": 1, "subject": "b"})
    with pytest.raises(InvalidInput, match=r"^'subject' of image 1 in all.json must have one value to group by, got 'a'"):
        split_images(whole, layout, FILE)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"^data must name the place of each split, or annotations and images of all, and not both$"),
        ({"whole": WHOLE}, r"^annotations of all splits must be parted by split, a list, or by val_share, and not by both$"),
        ({"whole": WHOLE, "val_share": 1.5}, r"^val_share must be a number above 0 and below 1, got 1.5$"),
        ({"splits": {"train": WHOLE}, "val_share": 0.1}, r"^split and val_share must be left out where each split has"),
        ({"whole": WHOLE, "split_list": Path("s"), "group_by": "x"}, r"^group_by must come with val_share, got 'x' alone$"),
    ],
)
def test_fields_that_contradict_one_another_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        Layout(**values)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    layout = Layout(splits={"train": Place(annotations=tmp_path / "a.json", images=tmp_path / "a")})
    with pytest.raises(InvalidInput, match=r"^unknown split 'val': known: train$"):
        layout.find("val")
    with pytest.raises(InvalidInput, match=r"^annotation file not found: .*/a.json$"):
        layout.find("train")
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"^image folder not found: .*/a$"):
        layout.find("train")


def test_plain_values_and_back() -> None:
    for layout in (
        Layout(splits={"train": WHOLE, "test": WHOLE}),
        Layout(whole=WHOLE, val_share=0.1, group_by="subject"),
        Layout(whole=WHOLE, split_list=Path("/data/split.yaml")),
    ):
        assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout
