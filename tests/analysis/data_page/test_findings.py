"""The words of every remark of the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pytest

from analysis.data_page.inspection import Inspection, inspect
from analysis.data_page.reading import read_dataset
from analysis.data_page.scanning import scan_images
from tests.analysis.data_page.datasets import BODY, annotation_file, edited, exchange, with_names
from trainers.data.annotations.notes import Severity
from trainers.data.config import DataConfig
from trainers.data.images.orientation import with_orientation
from trainers.data.synthetic.dataset import draw_dataset

SPLITS = ("train", "val")


def inspected(root: Path, size: tuple[int, int] = (256, 192)) -> Inspection:
    data = read_dataset(DataConfig(root=root), SPLITS)
    return inspect(data, {split.name: scan_images(split.images) for split in data.splits}, size)


def sentences(found: Inspection, topic: str, severity: Severity) -> list[str]:
    return [note.sentence for note in found.notes if (note.topic, note.severity) == (topic, severity)]


def test_good_data_have_no_warning(people: Path) -> None:
    found = inspected(people)
    assert found.warnings == ()
    assert not any(note.topic == "left and right" for note in found.notes)


def test_warnings_come_first(people: Path, tmp_path: Path) -> None:
    found = inspected(edited(people, tmp_path / "all", exchange))
    severities = [note.severity for note in found.notes]
    assert severities == sorted(severities, key=lambda severity: severity != Severity.WARNING)
    assert Severity.NOTE in severities


def test_a_file_with_its_sides_exchanged_is_found(people: Path, tmp_path: Path) -> None:
    found = inspected(edited(people, tmp_path / "all", exchange, ("train",)))
    told = sentences(found, "left and right", Severity.WARNING)
    faces = int((found.sides["train"].face != 0).sum())
    assert told[0] == (
        f"Left and right look exchanged throughout train. In {faces} of {faces} faces with nose and both eyes, the left eye"
        " is on the wrong side of the nose. Left is the person's own left, which is on the right of a picture from the"
        " front."
    )
    assert not any("val" in sentence.split(":")[0] for sentence in told[:1])


def test_some_exchanged_people_are_counted(people: Path, tmp_path: Path) -> None:
    found = inspected(edited(people, tmp_path / "some", partial(exchange, every=8), ("train",)))
    (sentence,) = sentences(found, "left and right", Severity.WARNING)
    count = len(found.sides["train"].suspicious)
    assert sentence.startswith(f"{count} people of train (")
    assert "have sides that contradict each other:" in sentence
    assert "where left and right eye lie on the wrong sides of the nose" in sentence


def test_one_exchanged_person_is_a_note(people: Path, tmp_path: Path) -> None:
    found = inspected(edited(people, tmp_path / "one", partial(exchange, every=10_000), ("train",)))
    (sentence,) = sentences(found, "left and right", Severity.NOTE)
    assert sentence.startswith("1 person of train (")


def without_faces(then: Callable[[dict[str, Any]], None] | None = None) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        if then:
            then(document)
        with_names(BODY)(document)

    return edit


def test_without_faces_the_share_from_behind_is_told(people: Path, tmp_path: Path) -> None:
    told = sentences(inspected(edited(people, tmp_path / "body", without_faces())), "left and right", Severity.NOTE)
    assert any("whose turn is clear are labelled as seen from behind" in sentence for sentence in told)
    assert any("have no eyes to check that by: look at those people on the page." in sentence for sentence in told)


def test_without_faces_most_from_behind_is_a_warning(people: Path, tmp_path: Path) -> None:
    found = inspected(edited(people, tmp_path / "body", without_faces(exchange)))
    told = sentences(found, "left and right", Severity.WARNING)
    assert told
    assert all("left and right may be exchanged throughout" in sentence for sentence in told)


def test_splits_that_differ_are_a_warning(tmp_path: Path) -> None:
    draw_dataset(tmp_path / "drawn", train_images=30, val_images=30, seed=1)
    root = edited(tmp_path / "drawn", tmp_path / "one", exchange, ("val",))
    told = sentences(inspected(edited(root, tmp_path / "body", without_faces())), "left and right", Severity.WARNING)
    assert any("Left and right may be exchanged throughout one of them" in sentence for sentence in told)


def test_people_upside_down_are_compared(people: Path, tmp_path: Path) -> None:
    def turn(document: dict[str, Any]) -> None:
        # Half of the people stand on their heads, and keep their sides where the picture has them.
        for entry in document["annotations"][::2]:
            entry["keypoints"][1::3] = [160 - y if y else y for y in entry["keypoints"][1::3]]

    found = inspected(edited(people, tmp_path / "turned", without_faces(turn)))
    assert any(
        "who are upside down are labelled as seen from behind" in sentence and "may follow the picture" in sentence
        for sentence in sentences(found, "left and right", Severity.NOTE)
    )


def test_shared_images_are_named(people: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(people, tmp_path / "shared"))
    train, val = (sorted((root / f"{split}2017").iterdir()) for split in SPLITS)
    val[0].write_bytes(train[0].read_bytes())
    cv2.imwrite(str(val[1]), cv2.imread(str(train[1])), [cv2.IMWRITE_JPEG_QUALITY, 40])
    told = sentences(inspected(root), "shared images", Severity.WARNING)
    assert told == [
        f"1 image of val also in train, as the same file or with the same pixels: {val[0].name}. Scores on val are too good:"
        " take them out of one.",
        f"1 image of val nearly the same as one of train: {val[1].name}. Such images are copies that were stored again, or"
        " frames of the same film.",
    ]


def test_images_are_remarked(people: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["images"].append({"id": 99, "file_name": "nobody.jpg", "height": 10, "width": 10})

    root = edited(people, tmp_path / "broken", edit, ("train",))
    files = sorted((root / "train2017").iterdir())
    files[0].write_bytes(b"no picture")
    (root / "train2017" / "extra.jpg").write_bytes(files[1].read_bytes())
    files[3].write_bytes(files[2].read_bytes())
    found = inspected(root)
    (broken,) = sentences(found, "broken images", Severity.WARNING)
    assert broken.startswith("1 image of train with ")
    assert f"image {files[0]} must be a JPEG or PNG file" in broken
    assert sentences(found, "broken images", Severity.NOTE) == [
        "1 image of train without people cannot be read, which changes nothing: nobody.jpg."
    ]
    assert sentences(found, "images not listed", Severity.NOTE) == [
        f"1 image in {root / 'train2017'} not listed by {annotation_file(root, 'train')}: extra.jpg."
    ]
    assert sentences(found, "repeated images", Severity.NOTE) == [
        "1 image of train show the same pixels as another image of train."
    ]


def test_turned_images_are_remarked(people: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(people, tmp_path / "turned"))
    first = min((root / "train2017").iterdir())
    first.write_bytes(with_orientation(first.read_bytes(), 6))
    (told,) = sentences(inspected(root), "orientation", Severity.WARNING)
    assert told.startswith(
        f"1 of 40 images of people annotated in {annotation_file(root, 'train')} carry an orientation tag"
    )
    assert f"does not tell whether that is right, {first.name} first" in told


def test_counts_are_remarked(people: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        for entry in document["annotations"]:
            entry["keypoints"][2] = 0
        first, second, *_ = document["annotations"]
        first["bbox"][2] += 400
        second["keypoints"][15:18] = [-30, 20, 2]

    found = inspected(edited(people, tmp_path / "odd", edit, ("train",)))
    assert sentences(found, "keypoints", Severity.WARNING) == [
        "nose: labelled for nobody in train, so nothing is learned of it."
    ]
    outside = sentences(found, "outside", Severity.NOTE)
    assert "1 boxes reach over their image and are cut to it in train." in outside
    assert "1 labelled keypoints lie outside their image in train." in outside
    assert any("lie outside the box of their person by over a tenth of its side in train." in text for text in outside)
    (small,) = sentences(inspected(people, (1024, 768)), "small people", Severity.NOTE)[:1]
    assert "are so small that the network sees them enlarged by more than 2." in small


@pytest.mark.parametrize("split", SPLITS)
def test_a_missing_split_is_a_warning(people: Path, tmp_path: Path, split: str) -> None:
    root = Path(shutil.copytree(people, tmp_path / "one"))
    shutil.rmtree(root / f"{split}2017")
    found = inspected(root)
    assert sentences(found, "missing split", Severity.WARNING) == [
        f"There is no split {split}: image folder not found: {root / f'{split}2017'}."
    ]
    assert found.shared == {}
