"""People in COCO's layout, written again as MPII and as CrowdPose lay theirs out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
from numpy.typing import NDArray

from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, MPII16
from trainers.data.formats.coco import Person, coco_split, load_people

MAT_JOINTS = [
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor"),
    *("neck", "head", "rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
]


def middle(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """The point between two, labelled where both are."""
    return np.array([*((first + second) / 2)[:2], min(first[2], second[2])])


def named(person: Person) -> dict[str, NDArray[np.float64]]:
    """The keypoints by name, with those that COCO has not: middles, and a head above the nose as far as that is up."""
    assert person.keypoints is not None
    points = dict(zip(COCO17.names, person.keypoints, strict=True))
    points["pelvis"] = middle(points["left_hip"], points["right_hip"])
    points["thorax"] = points["neck"] = middle(points["left_shoulder"], points["right_shoulder"])
    points["upper_neck"] = middle(points["thorax"], points["nose"])
    head = points["nose"] + (points["nose"] - points["thorax"]) * 0.5
    points["head_top"] = points["head"] = np.array([*head[:2], points["upper_neck"][2]])
    return points


def write_mpii(root: Path, coco_root: Path, *, names: tuple[str, str] = ("mpii_train.json", "mpii_val.json")) -> Path:
    """The people of both splits as MPII has them, with the ground truth file of the second."""
    (root / "annotations").mkdir(parents=True)
    (root / "images").mkdir()
    for split, name in zip(("train", "val"), names, strict=True):
        people = people_of(coco_root, split, root / "images")
        (root / "annotations" / name).write_text(json.dumps([mpii_entry(person) for person in people]))
        if split == "val":
            write_truth(root / "annotations" / "mpii_gt_val.mat", **truth_fields(people))
    return root


def mpii_entry(person: Person) -> dict[str, Any]:
    """As published: counted from 1, and a centre 15 pixels a unit of scale above the middle of the crop."""
    x, y, width, height = person.box
    scale = max(width, height) / 200
    points = [named(person)[name] for name in MPII16.names]
    return {
        "image": person.image_path.name,
        "center": [x + width / 2 + 1, y + height / 2 + 1 - 15 * scale],
        "scale": scale,
        "joints": [[point[0] + 1, point[1] + 1] if point[2] else [-1, -1] for point in points],
        "joints_vis": [int(point[2] > 0) for point in points],
    }


def truth_fields(people: list[Person]) -> dict[str, Any]:
    entries = [mpii_entry(person) for person in people]
    joints = np.array([entry["joints"] for entry in entries], float)
    heads = []
    for person in people:
        x, y, width, height = person.box
        side = max(width, height) / 6
        heads.append([[x + width / 2, y], [x + width / 2 + side, y + side]])
    return {
        "jnt_missing": 1 - np.array([entry["joints_vis"] for entry in entries], np.uint8).T,
        "pos_gt_src": joints.transpose(1, 2, 0),
        "headboxes_src": np.array(heads).transpose(1, 2, 0),
        "dataset_joints": np.array([MAT_JOINTS], dtype=object),
    }


def write_truth(path: Path, **fields: Any) -> Path:
    scipy.io.savemat(path, {name: value for name, value in fields.items() if value is not None})
    return path


def write_crowdpose(root: Path, coco_root: Path, crowd_indices: list[float]) -> Path:
    """The people of both splits as CrowdPose has them; the images take the crowd indices in turn."""
    (root / "annotations").mkdir(parents=True)
    (root / "images").mkdir()
    for split in ("train", "val"):
        where = coco_split(coco_root, split)
        document = json.loads(where.annotation_file.read_text())
        people_of(coco_root, split, root / "images")
        for number, image in enumerate(document["images"]):
            image["crowdIndex"] = crowd_indices[number % len(crowd_indices)]
        document["categories"][0]["keypoints"] = list(CROWDPOSE14.names)
        for entry in document["annotations"]:
            points = dict(zip(COCO17.names, np.array(entry["keypoints"], float).reshape(-1, 3), strict=True))
            points["head"], points["neck"] = points["nose"], middle(points["left_shoulder"], points["right_shoulder"])
            chosen = np.array([points[name] for name in CROWDPOSE14.names])
            entry["keypoints"] = chosen.ravel().tolist()
            entry["num_keypoints"] = int((chosen[:, 2] > 0).sum())
            del entry["area"]
        (root / "annotations" / f"crowdpose_{split}.json").write_text(json.dumps(document))
    return root


def people_of(coco_root: Path, split: str, images: Path) -> list[Person]:
    """The people of a split, whose images are copied."""
    where = coco_split(coco_root, split)
    people = load_people(where.annotation_file, where.image_dir)
    for path in {person.image_path for person in people}:
        shutil.copy(path, images / path.name)
    return people
