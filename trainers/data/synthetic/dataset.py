"""A synthetic data set in COCO's layout: drawn people with known keypoints, for tests and where there is no COCO.

Everything in an image follows from (seed, split, number of the image), so a larger set begins with the smaller one.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.categories import PERSON_CATEGORY
from trainers.data.annotations.keypoints import COCO17
from trainers.data.synthetic.person import Figure, draw_figure, label_keypoints, sample_figure

_SMALLEST, _MOST_PEOPLE, _JPEG_QUALITY = 64, 4, 95
_OCCLUDED = tuple(name for name in COCO17.names if name.endswith(("elbow", "wrist", "hip", "knee", "ankle")))
# Ids of the validation images and people start here: COCO never gives an id twice.
_VAL_FIRST = 1_000_001


@dataclass(frozen=True, kw_only=True)
class Scene:
    """The content of the images: ``image_size`` (height, width) in pixels, people per image, how often one is occluded."""

    image_size: tuple[int, int] = (160, 160)
    people_per_image: tuple[int, int] = (1, 2)
    occlusion: float = 0.35

    def __post_init__(self) -> None:
        """Refuse scenes that cannot be drawn, with InvalidInput."""
        if min(self.image_size) < _SMALLEST:
            raise InvalidInput(f"image_size of synthetic images must be at least {_SMALLEST} pixels, got {self.image_size}")
        fewest, most = self.people_per_image
        if not 1 <= fewest <= most <= _MOST_PEOPLE:
            raise InvalidInput(
                f"people_per_image must be two numbers in 1..{_MOST_PEOPLE} in order, got {self.people_per_image}"
            )
        if not 0 <= self.occlusion <= 1:
            raise InvalidInput(f"occlusion must be a probability in [0, 1], got {self.occlusion}")


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnPerson:
    """The truth about one drawn person: ``keypoints`` (17, 3), ``box`` x, y, width, height and ``area`` in pixels."""

    keypoints: NDArray[np.float64]
    box: tuple[int, int, int, int]
    area: int


def draw_dataset(
    directory: Path,
    *,
    train_images: int,
    val_images: int,
    seed: int,
    image_size: tuple[int, int] = (160, 160),
    people_per_image: tuple[int, int] = (1, 2),
    occlusion: float = 0.35,
) -> None:
    """Draw a data set: ``annotations/person_keypoints_{train,val}2017.json``, ``train2017/`` and ``val2017/``.

    The same arguments give the same bytes. The folder appears whole or not at all. Raises InvalidInput for arguments
    out of range and for a ``directory`` that is a file, not empty or not writable.
    """
    directory = Path(directory)
    scene = Scene(image_size=image_size, people_per_image=people_per_image, occlusion=occlusion)
    for name, value, least in (("train_images", train_images, 1), ("val_images", val_images, 1), ("seed", seed, 0)):
        if value < least:
            raise InvalidInput(f"{name} of a synthetic data set must be {least} or more, got {value}")
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise InvalidInput(f"the folder of a synthetic data set must be new or empty, got {directory}")
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as temporary:
            whole = Path(temporary) / "dataset"
            _write_split(whole, "train", train_images, scene, seed)
            _write_split(whole, "val", val_images, scene, seed)
            os.replace(whole, directory)
    except OSError as error:
        raise InvalidInput(f"cannot write a synthetic data set to {directory}: {error.strerror}") from error


def draw_scene(scene: Scene, generator: np.random.Generator) -> tuple[NDArray[np.uint8], list[DrawnPerson]]:
    """One image (h, w, 3), BGR, and the people in it, from the farthest to the nearest."""
    height, width = scene.image_size
    image = _background(scene.image_size, generator)
    count = int(generator.integers(scene.people_per_image[0], scene.people_per_image[1] + 1))
    # Each person has a column of the image, so that two may touch and overlap but not hide each other.
    columns = (generator.permutation(count) + 0.5) / count * width
    layers: list[tuple[Figure, NDArray[np.uint8], NDArray[np.bool_]]] = []
    for middle in columns:
        body = float(min(0.95 * height, 2.1 * width / count) * generator.uniform(0.62, 1.0))
        x = float(middle + generator.uniform(-0.08, 0.08) * width / count)
        y = float(height / 2 + generator.uniform(-0.5, 0.5) * (height - body))
        figure = sample_figure(generator, height=body, pelvis=(x, y))
        owners = draw_figure(image, figure)
        layers.append((figure, owners, np.zeros_like(owners, bool)))
        for _, _, covered in layers[:-1]:
            covered |= owners > 0
        if generator.random() < scene.occlusion:
            hidden = _occlude(image, figure, generator)
            for _, _, covered in layers:
                covered |= hidden
    people = [_measure(label_keypoints(figure, owners, covered), owners > 0) for figure, owners, covered in layers]
    return image, people


def _measure(keypoints: NDArray[np.float64], silhouette: NDArray[np.bool_]) -> DrawnPerson:
    """Box and area of the whole silhouette inside the image, what others hide of it included."""
    left, top, width, height = (int(value) for value in cv2.boundingRect(silhouette.astype(np.uint8)))
    assert keypoints[:, 2].any(), "the pelvis is drawn inside the image"
    return DrawnPerson(keypoints=keypoints, box=(left, top, width, height), area=int(np.count_nonzero(silhouette)))


def _background(size: tuple[int, int], generator: np.random.Generator) -> NDArray[np.uint8]:
    """A gradient, blurred patches or a plain wall, with clutter and grain; paler than the people, as a rule."""
    height, width = size
    kind = generator.integers(3)
    # Corners of a gradient, cells of patches, or one cell: all are a small picture blown up.
    cells = ((2, 2), tuple(int(side) for side in generator.integers(3, 9, 2)), (1, 1))[kind]
    small = generator.integers(30, 226, (*cells, 3)).astype(np.uint8)
    image = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    for _ in range(int(generator.integers(0, 9))):
        _clutter(image, generator)
    grey = int(generator.integers(60, 200))
    grain = generator.integers(0, int(generator.integers(2, 24)), image.shape, dtype=np.uint8)
    return np.asarray(cv2.add(cv2.addWeighted(image, 0.55, np.full_like(image, grey), 0.45, 0), grain), np.uint8)


def _clutter(image: NDArray[np.uint8], generator: np.random.Generator) -> None:
    """One box, ellipse or bar somewhere in the image, in place."""
    height, width = image.shape[:2]
    corner = (int(generator.integers(width)), int(generator.integers(height)))
    reach = (int(generator.integers(4, width // 3)), int(generator.integers(4, height // 3)))
    opposite = (corner[0] + reach[0], corner[1] + reach[1])
    colour = tuple(int(value) for value in generator.integers(0, 256, 3))
    kind = generator.integers(3)
    if kind == 0:
        cv2.rectangle(image, corner, opposite, colour, cv2.FILLED)
    elif kind == 1:
        cv2.ellipse(image, corner, reach, float(generator.uniform(0, 180)), 0, 360, colour, cv2.FILLED, cv2.LINE_AA)
    else:
        cv2.line(image, corner, opposite, colour, int(generator.integers(2, 9)), cv2.LINE_AA)


def _occlude(image: NDArray[np.uint8], figure: Figure, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Draw a box, disc or bar over one limb joint, in place; returns where it lies, (h, w)."""
    name = _OCCLUDED[generator.integers(len(_OCCLUDED))]
    reach = figure.pose.height * generator.uniform(0.05, 0.11)
    x, y = figure.pose.joints[name][:2] + generator.uniform(-0.5, 0.5, 2) * reach
    colour = tuple(int(value) for value in generator.integers(0, 256, 3))
    mask = np.zeros(image.shape[:2], np.uint8)
    kind = generator.integers(3)
    if kind == 0:
        cv2.circle(mask, (round(x), round(y)), round(reach), 1, cv2.FILLED)
    else:
        # A box, or a bar such as a rail or a pole.
        sides = reach * (np.ones(2) if kind == 1 else generator.permutation([0.35, 3.0]))
        corners = np.rint([x - sides[0], y - sides[1], x + sides[0], y + sides[1]]).astype(int).tolist()
        cv2.rectangle(mask, (corners[0], corners[1]), (corners[2], corners[3]), 1, cv2.FILLED)
    covered = mask > 0
    image[covered] = colour
    return covered


def _write_split(root: Path, split: str, count: int, scene: Scene, seed: int) -> None:
    """Write the images and the annotation file of one split."""
    folder = root / f"{split}2017"
    folder.mkdir(parents=True)
    first = _VAL_FIRST if split == "val" else 1
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(count):
        generator = np.random.default_rng([seed, first, number])
        image, people = draw_scene(scene, generator)
        image_id = first + number
        file_name = f"{image_id:012d}.jpg"
        encoded, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        assert encoded, file_name
        (folder / file_name).write_bytes(data.tobytes())
        images.append({"id": image_id, "file_name": file_name, "height": scene.image_size[0], "width": scene.image_size[1]})
        annotations += [_annotation(person, first + len(annotations) + rank, image_id) for rank, person in enumerate(people)]
    document = {
        "info": {
            "description": "Synthetic people drawn by dite-search; no photographs.",
            "synthetic": True,
            "seed": seed,
        },
        "licenses": [],
        "categories": [
            {
                "id": PERSON_CATEGORY,
                "name": "person",
                "supercategory": "person",
                "keypoints": list(COCO17.names),
                # COCO counts keypoints from 1 here.
                "skeleton": [[start + 1, end + 1] for start, end in COCO17.limbs],
            }
        ],
        "images": images,
        "annotations": annotations,
    }
    file = root / "annotations" / f"person_keypoints_{split}2017.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document), encoding="utf-8")


def _annotation(person: DrawnPerson, annotation_id: int, image_id: int) -> dict[str, Any]:
    """A COCO annotation, without a segmentation."""
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": PERSON_CATEGORY,
        "iscrowd": 0,
        "bbox": list(person.box),
        "area": person.area,
        "num_keypoints": int(np.count_nonzero(person.keypoints[:, 2])),
        "keypoints": [int(value) if value == int(value) else value for value in person.keypoints.ravel().tolist()],
    }
