from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation, vary
from trainers.data.geometry.transforms import (
    Crop,
    compose,
    crop_matrix,
    crop_of_box,
    mirror_crop,
    mirror_matrix,
    unbiased_crop_matrix,
    warp_image,
    warp_points,
)
from trainers.data.prepared.regions import (
    Region,
    clipped,
    needed_by,
    possible_crops,
    reachable,
    reduction_for,
    shown,
    turned_size,
)

IMAGE = (480, 640)
SIZES = [(256, 192), (256, 256), (96, 64)]
AUGMENTATIONS = [Augmentation(), Augmentation(rotation=170, rotate=1, scale=0.5, half_body=1), Augmentation(half_body=0)]


@st.composite
def people(draw: st.DrawFn) -> Person:
    """Somebody anywhere in the image, up to all of it; every keypoint in the box or a little around it."""
    x, y = draw(st.floats(0, 600)), draw(st.floats(0, 440))
    width, height = draw(st.floats(2, 640 - x)), draw(st.floats(2, 480 - y))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    keypoints = np.column_stack(
        [
            x + generator.uniform(-0.1, 1.1, 17) * width,
            y + generator.uniform(-0.1, 1.1, 17) * height,
            generator.integers(0, 3, 17),
        ]
    )
    return Person(
        image_path=Path("a.jpg"),
        image_id=1,
        image_size=IMAGE,
        box=(x, y, width, height),
        area=1.0,
        annotation_id=1,
        keypoints=keypoints,
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("augmentation", AUGMENTATIONS)
@pytest.mark.parametrize("matrix_of", [crop_matrix, unbiased_crop_matrix])
@given(person=people(), seed=st.integers(0, 2**32 - 1))
def test_no_variation_leaves_what_is_reachable(person, seed, size, augmentation, matrix_of) -> None:
    settings = {"input_size": size, "keypoint_set": COCO17, "augmentation": augmentation}
    left, top, right, bottom = clipped(reachable(person, **settings), IMAGE)
    region = Region(left=left, top=top, width=right - left, height=bottom - top)
    variation = vary(crop_of_box(person.box, size), person.keypoints, generator=np.random.default_rng(seed), **settings)
    matrix = matrix_of(variation.crop, size)
    if variation.flip:
        matrix = compose(matrix_of(mirror_crop(variation.crop, IMAGE[1]), size), mirror_matrix(IMAGE[1]))
    assert region.covers(needed_by(matrix, size), IMAGE)


def test_a_smaller_region_does_not_cover() -> None:
    whole = Region(left=0, top=0, width=640, height=480)
    part = Region(left=100, top=50, width=200, height=300)
    assert whole.covers((-50, -50, 900, 900), IMAGE)
    assert part.covers((102, 52, 298, 348), IMAGE)
    for side, step in enumerate((-1, -1, 1, 1)):
        needed = [102, 52, 298, 348]
        needed[side] += step
        assert not part.covers(tuple(needed), IMAGE)


@given(
    width=st.floats(10, 500),
    height=st.floats(10, 500),
    largest=st.floats(0, 180),
    turn=st.floats(-1, 1),
    scale=st.floats(-1, 1),
)
def test_turned_size_holds_every_turn(width, height, largest, turn, scale) -> None:
    augmentation = Augmentation(rotation=largest, scale=0.25)
    spanned = turned_size(Crop(center=(0, 0), size=(width, height)), augmentation)
    angle, factor = np.radians(turn * largest), 1 + 0.25 * scale
    corners = np.array([(1, 1), (1, -1)]) * (width * factor / 2, height * factor / 2)
    turned = corners @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).T
    assert (2 * np.abs(turned).max(axis=0) <= np.array(spanned) * (1 + 1e-9)).all()


@given(left=st.integers(0, 500), top=st.integers(0, 500), exponent=st.integers(0, 4))
def test_matrices_of_a_region_undo_each_other_and_keep_centres(left: int, top: int, exponent: int) -> None:
    reduction = 2**exponent
    region = Region(left=left, top=top, width=9, height=9, reduction=reduction)
    np.testing.assert_allclose(compose(region.from_image, region.to_image), [[1, 0, 0], [0, 1, 0]], atol=1e-9)
    # Stored pixel 0 is the mean of the first `reduction` pixels, so its centre is the mean of theirs.
    pixels = np.arange(reduction)
    expected = left + pixels.mean(), top + pixels.mean()
    np.testing.assert_allclose(warp_points(np.zeros((1, 2)), region.to_image)[0], expected)


@given(person=people(), seed=st.integers(0, 2**32 - 1))
def test_a_reduced_region_is_never_enlarged(person: Person, seed: int) -> None:
    settings = {"input_size": (96, 64), "keypoint_set": COCO17, "augmentation": Augmentation()}
    reduction = reduction_for(person, **settings)
    crop = vary(crop_of_box(person.box, (96, 64)), person.keypoints, generator=np.random.default_rng(seed), **settings).crop
    pixels_of_image_per_input_pixel = crop.size[0] / 64
    assert reduction == 1 or reduction <= pixels_of_image_per_input_pixel * (1 + 1e-9)


def test_a_person_without_keypoints_or_half_bodies_has_one_crop() -> None:
    person = Person(image_path=Path("a"), image_id=1, image_size=IMAGE, box=(9, 9, 50, 90), area=1.0)
    settings = {"input_size": (256, 192), "keypoint_set": COCO17}
    assert len(possible_crops(person, augmentation=Augmentation(), **settings)) == 1
    labelled = replace(person, keypoints=np.column_stack([np.arange(17), np.arange(17), np.full(17, 2)]))
    assert len(possible_crops(labelled, augmentation=Augmentation(), **settings)) == 3
    assert len(possible_crops(labelled, augmentation=Augmentation(half_body=0), **settings)) == 1


@given(person=people(), seed=st.integers(0, 2**32 - 1))
def test_what_is_shown_does_not_depend_on_the_region(person: Person, seed: int) -> None:
    size, generator = (64, 48), np.random.default_rng(seed)
    image = generator.integers(0, 256, (*IMAGE, 3), dtype=np.uint8)
    settings = {"input_size": size, "keypoint_set": COCO17, "augmentation": Augmentation()}
    matrix = crop_matrix(vary(crop_of_box(person.box, size), person.keypoints, generator=generator, **settings).crop, size)
    needed = needed_by(matrix, size)
    left, top, right, bottom = clipped(reachable(person, **settings), IMAGE)
    part = Region(left=left, top=top, width=right - left, height=bottom - top)
    whole = Region(left=0, top=0, width=IMAGE[1], height=IMAGE[0])
    inputs = [
        warp_image(*shown(pixels, region, needed, matrix, IMAGE), size)
        for pixels, region in ((image, whole), (image[top:bottom, left:right].copy(), part))
    ]
    np.testing.assert_array_equal(*inputs)
    # And it is what the image shows through the matrix itself, to the rounding of coordinates.
    through = warp_image(image, matrix, size)
    difference = np.abs(inputs[0].astype(int) - through)
    assert difference.max() <= 2
    assert (difference > 0).mean() < 0.2


def test_a_rectangle_outside_becomes_the_nearest_pixel() -> None:
    assert clipped((-50, -60, -10, -20), IMAGE) == (0, 0, 1, 1)
    assert clipped((700, 500, 800, 600), IMAGE) == (639, 479, 640, 480)
    assert clipped((-5, 3, 900, 40), IMAGE) == (0, 3, 640, 40)
