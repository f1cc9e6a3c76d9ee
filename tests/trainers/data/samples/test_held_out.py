"""Images are held out whole, by their names, whatever else there is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from trainers.data.formats.coco import Person
from trainers.data.samples.held_out import training_parts


def person(image: int, folder: str = "images") -> Person:
    return Person(
        image_path=Path(folder) / f"{image:06d}.jpg", image_id=image, image_size=None, box=(0.0, 0.0, 1.0, 1.0), area=1.0
    )


@given(st.lists(st.integers(0, 500), min_size=60, max_size=200), st.integers(0, 100))
def test_all_people_of_an_image_stand_in_one_part(images: list[int], seed: int) -> None:
    images = [*images, *range(600, 700)]
    people = [person(image) for image in images]
    parts = training_parts(people, 0.3, seed)
    assert sorted((*parts.learned, *parts.held_out)) == list(range(len(people)))
    assert not {images[i] for i in parts.learned} & {images[i] for i in parts.held_out}


def test_the_share_is_about_that_of_the_images() -> None:
    parts = training_parts([person(image) for image in range(2000)], 0.05, 0)
    assert 70 <= len(parts.held_out) <= 130


def test_an_image_stays_in_its_part() -> None:
    """Neither the folder nor the other images matter; another seed draws other parts."""
    few = training_parts([person(image) for image in range(100)], 0.2, 1)
    many = training_parts([person(image, "elsewhere") for image in range(300)], 0.2, 1)
    assert few.held_out == tuple(number for number in many.held_out if number < 100)
    assert training_parts([person(image) for image in range(100)], 0.2, 2) != few


@pytest.mark.parametrize(("images", "share", "empty"), [(3, 0.001, "held out"), (1, 0.99, "left to learn from")])
def test_an_empty_part_is_refused(images: int, share: float, empty: str) -> None:
    message = rf"held_out {share} of {images} training images leaves none {empty}: choose another share"
    with pytest.raises(InvalidInput, match=message):
        training_parts([person(image) for image in range(images)], share, 0)
