"""The people of MPII Human Pose (DOI 10.1109/CVPR.2014.471), by the conventions of the published top-down protocol.

The annotations count pixels from 1, as MATLAB does. A person's place is a centre and a scale, the height in units of 200
pixels. Published networks (DOI 10.1109/CVPR.2019.00584) see a square crop. Its centre is moved down by 15 pixels a unit of
scale, so that no foot is cut off. Its side is 1.25 times the height, and everything counts from 0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.boxes import SMALLEST_EXTENT
from trainers.data.annotations.json_fields import LARGEST_COORDINATE, field, file_name_field, is_coordinate, is_finite, shown
from trainers.data.annotations.keypoints import MPII16
from trainers.data.formats.coco import CocoSplit, Person, image_file, require_folder
from trainers.data.formats.json_file import read_json

PIXELS_PER_SCALE = 200.0
DOWN_PER_SCALE = 15.0
FIRST_PIXEL = 1.0
"""The number of the first pixel in MATLAB; ours is 0."""

_ANNOTATIONS = {"train": ("mpii_train.json", "train.json"), "val": ("mpii_val.json", "valid.json")}
_TRUTHS = {"train": ("mpii_gt_train.mat",), "val": ("mpii_gt_val.mat", "gt_valid.mat")}


def mpii_split(root: Path, split: str) -> CocoSplit:
    """Find the annotations of ``train`` or ``val`` and the folder of images; raises InvalidInput where one is missing."""
    root = Path(root)
    require_folder(root, "data folder")
    found = CocoSplit(annotation_file=_first_file(root, _ANNOTATIONS[split], "annotation file"), image_dir=root / "images")
    require_folder(found.image_dir, "image folder")
    return found


def mpii_truth_file(root: Path, split: str) -> Path:
    """The MATLAB file that PCKh is computed from; raises InvalidInput where it is missing.

    It is published for ``val`` alone.
    """
    return _first_file(Path(root), _TRUTHS[split], "ground truth file of PCKh")


def load_mpii_people(annotation_file: Path, image_dir: Path, *, require_images: bool = True) -> list[Person]:
    """Everybody in the file, in its order, which is that of the ground truth file; ``annotation_id`` is the row from 0.

    The box is the published square before it is widened by 1.25, which all our crops are; it may reach over the image.
    Raises InvalidInput for a broken file or entry, a missing image where they are required, or where nobody has a labelled
    joint.
    """
    entries = read_json(annotation_file)
    if not isinstance(entries, list):
        raise InvalidInput(f"{annotation_file} must hold a list of people, as MPII's does, got {type(entries).__name__}")
    require_folder(image_dir, "image folder")
    images: dict[str, tuple[int, Path]] = {}
    people = []
    for row, entry in enumerate(entries):
        where = f"entry {row} of {annotation_file}"
        name = file_name_field(entry, "image", where)
        if name not in images:
            images[name] = len(images), image_file(image_dir, name, annotation_file, require=require_images)
        image_id, path = images[name]
        center_x, center_y = _numbers(field(entry, "center", list, where), (2,), f"'center' of {where}")
        scale = float(field(entry, "scale", float, where))
        if scale <= 0:
            raise InvalidInput(f"'scale' of {where} must be positive, got {scale}")
        if not SMALLEST_EXTENT <= PIXELS_PER_SCALE * scale <= LARGEST_COORDINATE:
            raise InvalidInput(
                f"'scale' of {where} must give a side of {SMALLEST_EXTENT:g} to {LARGEST_COORDINATE:g} pixels, got {scale:g}"
            )
        side = PIXELS_PER_SCALE * scale
        x, y = center_x - FIRST_PIXEL, center_y + DOWN_PER_SCALE * scale - FIRST_PIXEL
        people.append(
            Person(
                image_path=path,
                image_id=image_id,
                image_size=None,
                box=(x - side / 2, y - side / 2, side, side),
                area=side * side,
                annotation_id=row,
                keypoints=_keypoints(entry, where),
            )
        )
    if not any(person.keypoints is not None and person.keypoints[:, 2].any() for person in people):
        raise InvalidInput(
            f"{annotation_file} must hold at least one person with labelled joints, got {len(people)} without"
        )
    return people


def _keypoints(entry: Any, where: str) -> NDArray[np.float64]:
    """(16, 3): x and y from 0, and 2 for a joint that is labelled, which the file does not tell from one that is seen."""
    joints = _numbers(field(entry, "joints", list, where), (MPII16.count, 2), f"'joints' of {where}")
    labelled = _numbers(field(entry, "joints_vis", list, where), (MPII16.count,), f"'joints_vis' of {where}")
    wrong = labelled[(labelled != 0) & (labelled != 1)]
    if len(wrong):
        raise InvalidInput(f"'joints_vis' of {where} must be 0 or 1, got {wrong[0]:g}")
    return np.column_stack([joints - FIRST_PIXEL, 2 * labelled])


def _numbers(value: list[Any], shape: tuple[int, ...], what: str) -> NDArray[np.float64]:
    """A nested list of finite numbers as an array of that shape."""
    rows = [value] if len(shape) == 1 else value
    fits = len(value) == shape[0] and all(isinstance(row, list) and len(row) == shape[-1] for row in rows)
    if not fits:
        size = " pairs of" if len(shape) > 1 else ""
        raise InvalidInput(f"{what} must be {shape[0]}{size} finite numbers, got {len(value)} entries: {shown(value)}")
    wrong = [number for row in rows for number in row if not is_finite(number)]
    if wrong:
        raise InvalidInput(f"{what} must be finite numbers, got {shown(wrong[0])}")
    beyond = [number for row in rows for number in row if not is_coordinate(number)]
    if beyond:
        raise InvalidInput(f"{what} must be of numbers up to {LARGEST_COORDINATE:g}, got {shown(beyond[0])}")
    return np.array(value, np.float64)


def _first_file(root: Path, names: tuple[str, ...], kind: str) -> Path:
    folder = root / "annotations"
    for name in names:
        if (folder / name).is_file():
            return folder / name
    others = "".join(f", nor {name} beside it" for name in names[1:])
    raise InvalidInput(f"{kind} not found: {folder / names[0]}{others}")
