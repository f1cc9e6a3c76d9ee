"""Images that are read before they are needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.oriented import store
from trainers.data.annotations.notes import Severity
from trainers.data.config import DataConfig
from trainers.data.formats.coco import Person
from trainers.data.images.image_check import broken_images, image_notes, image_states, orientation_notes
from trainers.data.images.orientation import with_orientation
from trainers.data.synthetic.dataset import draw_dataset


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    draw_dataset(tmp_path / "people", train_images=1, val_images=6, seed=1)
    return DataConfig(root=tmp_path / "people")


def images(data: DataConfig) -> list[Path]:
    return sorted(data.image_dir("val").iterdir())


def notes(data: DataConfig) -> list[tuple[Severity, int, str]]:
    people = data.people("val")
    found = image_notes(people, data.annotations, on_orientation=data.on_orientation)
    assert found == orientation_notes(people, data.annotations, on_orientation=data.on_orientation)
    assert {note.topic for note in found} <= {"orientation"}
    return [(note.severity, note.count, note.sentence) for note in found]


def test_whole_images_leave_nothing_to_say(data: DataConfig) -> None:
    assert notes(data) == []
    states = image_states(data.people("val"), "stop")
    assert list(states) == list(dict.fromkeys(person.image_path for person in data.people("val")))
    assert {state.problem for state in states.values()} == {None}


def test_broken_images_are_counted_and_the_first_is_named(data: DataConfig) -> None:
    people, (first, second, third, *_) = data.people("val"), images(data)
    first.write_bytes(first.read_bytes()[:-300])
    with pytest.raises(InvalidInput) as refusal:
        image_notes(people, data.annotations, on_orientation="apply")
    length = first.stat().st_size
    assert str(refusal.value) == f"image {first} is truncated: its {length} bytes stop before the end of the picture"
    second.write_text("hello")
    third.unlink()
    with pytest.raises(InvalidInput) as refusal:
        image_notes(people, data.annotations, on_orientation="apply")
    assert str(refusal.value) == (
        f"image {first} is truncated: its {length} bytes stop before the end of the picture"
        f" (and 2 more of 6 images to be scored cannot be read)"
    )
    assert list(broken_images(people, "apply")) == [first, second, third]
    assert orientation_notes(people, data.annotations, on_orientation="apply") == []


def test_images_that_a_camera_wants_turned_are_counted(data: DataConfig) -> None:
    """All images of drawn people are square, so that no tag changes their size."""
    first, second, *_ = images(data)
    for path, tag in ((first, 3), (second, 6)):
        path.write_bytes(with_orientation(path.read_bytes(), tag))
    start = f"2 of 6 images to be scored by {data.annotations} carry an orientation tag, which is "
    assert notes(data) == [
        (
            Severity.WARNING,
            2,
            f"{start}applied, as annotation tools do; the size of 2 of them does not tell whether that is right,"
            f" {first.name} first: choose on_orientation ignore if boxes and keypoints are of the images as they are stored",
        )
    ]
    ignoring = DataConfig(root=data.root, on_orientation="ignore")
    assert notes(ignoring) == [
        (
            Severity.WARNING,
            2,
            f"{start}ignored; the size of 2 of them does not tell whether that is right, {first.name} first: choose"
            " on_orientation apply if boxes and keypoints are of the images as they are displayed",
        )
    ]
    with pytest.raises(InvalidInput, match=rf"image {first} must be stored upright .*\(and 1 more of 6"):
        image_notes(data.people("val"), data.annotations, on_orientation="stop")


def test_a_size_that_tells_makes_it_a_note(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((30, 20, 3), np.uint8)).save(path)
    store(path, 6)
    person = Person(image_path=path, image_id=1, image_size=(30, 20), box=(1, 1, 5, 5), area=25)
    (note,) = image_notes([person], Path("val.json"), on_orientation="apply")
    assert (note.severity, note.count) == (Severity.NOTE, 1)
    assert note.sentence == (
        "1 of 1 images to be scored by val.json carry an orientation tag, which is applied, as annotation tools do"
    )
    wrong = Person(image_path=path, image_id=1, image_size=(20, 30), box=(1, 1, 5, 5), area=25)
    with pytest.raises(InvalidInput, match=r"the annotations seem to be of the image as it is stored, which on_orientation"):
        image_notes([wrong], Path("val.json"), on_orientation="apply")
    unknown = Person(image_path=path, image_id=1, image_size=None, box=(1, 1, 5, 5), area=25)
    (note,) = image_notes([unknown], Path("val.json"), on_orientation="apply")
    assert note.severity is Severity.WARNING
