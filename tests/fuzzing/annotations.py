"""Annotation files as tools write them, and values in their fields that are nearly right."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from tests.fuzzing.mutations import STRANGE, mutated_document
from trainers.data.annotations.keypoints import KeypointSet

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def rich_document(document: dict[str, Any], keypoint_set: KeypointSet) -> dict[str, Any]:
    """Return a document with every field that tools write: skeletons, other categories, booleans, crowds, segmentations."""
    rich = copy.deepcopy(document)
    names = list(keypoint_set.names)
    rich |= {
        "info": {"description": "drawn", "year": 2026},
        "licenses": [{"id": 1, "name": "none", "url": ""}],
        "categories": [
            {"id": 3, "name": "person", "supercategory": "", "keypoints": names, "skeleton": [[1, 2], [2, 3]]},
            {"id": 7, "name": "dog", "supercategory": "animal", "keypoints": ["nose", "tail"], "skeleton": []},
            {"id": 9, "name": "chair"},
        ],
    }
    for number, entry in enumerate(rich["annotations"]):
        x, y, width, height = entry["bbox"]
        entry |= {
            "category_id": 3,
            "iscrowd": (0, False)[number % 2],
            "segmentation": [[x, y, x + width, y, x + width, y + height]],
            "attributes": {"occluded": False},
        }
    first = rich["annotations"][0]
    crowd = first | {"id": 900, "iscrowd": True, "keypoints": [0] * len(first["keypoints"]), "num_keypoints": 0}
    dog = first | {"id": 901, "category_id": 7, "keypoints": [4, 5, 2, 6, 7, 1], "num_keypoints": 2}
    rich["annotations"] += [crowd, dog]
    return rich


def near_values(keypoint_set: KeypointSet) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Return values that a field may have by a tool's mistake, by the list that holds the entry and the field's name."""
    names = list(keypoint_set.names)
    pascal = ["".join(part.title() for part in name.split("_")) for name in names]
    count = keypoint_set.count
    return {
        ("annotations", "id"): (0, -3, 1, 900, 901, 2.0, 1.5, "17", "abc", True, 2**63, None),
        ("annotations", "category_id"): (1, 3, 7, 9, 12, 3.0, "3", True, None),
        ("annotations", "image_id"): (0, 1, 99_999_999, "1", 1.0, True, None),
        ("annotations", "area"): (0, -1, 1e-300, 0.5, 1.0, 1e18, 3e300, True, "12", None),
        ("annotations", "num_keypoints"): (0, 1, count, count + 5, -1, 3.0, "17", True, None),
        ("annotations", "iscrowd"): (0, 1, True, False, 2, "1", 0.0, None),
        ("annotations", "bbox"): ([0, 0, 0, 0], [0.1, 0.2, 0.5, 0.6], [5, 5, 1e9, 1e9], [3e300] * 4, [1, 2, 3], {}, None),
        ("annotations", "keypoints"): (
            [0] * 3 * count,
            [1, 1, 1] * count,
            [1e300, -1e300, 2] * count,
            [1, 1, 3] * count,
            [1, 1, True] * count,
            [0.5, 0.5, 2] * (count - 1),
            [],
        ),
        ("categories", "id"): (0, 1, 3, 7, -2, 3.0, "3", True, None),
        ("categories", "name"): ("person", "Person ", "HUMAN", "dog", "", " ", 5, None, "per\nson", "\ud800"),
        ("categories", "keypoints"): (
            names,
            names[::-1],
            pascal,
            [name.replace("_", " - ").upper() for name in names],
            [*names[:-1], names[0]],
            [*names[:-1], "tail"],
            names[:-1],
            [*names, "tail"],
            list(range(count)),
            [None] * count,
            "nose",
            [],
            None,
        ),
        ("categories", "skeleton"): ([[0, 0]], [[1]], [[count, count + 1]], [["a", "b"]], "x", [[1, 2, 3]], [None], None),
        ("categories", "supercategory"): (None, 5, [], "person"),
        ("images", "id"): (0, -1, 1.0, "1", True, 2**64, None),
        ("images", "width"): (0, 1, -5, 640.0, "640", True, 10**12, None),
        ("images", "file_name"): ("../x.jpg", "", "none.jpg", "a\x00b.jpg", 5, None),
        ("images", "crowdIndex"): (0, 1, 3.02, -0.1, True, "0.5", float("nan"), 1e400, None),
    }


def annotation_inputs(document: dict[str, Any], keypoint_set: KeypointSet, chance: random.Random) -> bytes:
    """Return a file of which one to three fields are nearly right, with a byte-order mark every third time."""
    changed, near = copy.deepcopy(document), near_values(keypoint_set)
    for _ in range(chance.randint(1, 3)):
        name, key = chance.choice(list(near))
        entries = changed[name]
        # In one entry, or in all: some remarks are on a file as a whole.
        places = range(len(entries)) if chance.random() < 0.4 else [chance.randrange(len(entries))]
        value = chance.choice((*near[name, key], chance.choice(STRANGE)))
        for place in places:
            match chance.randrange(10):
                case 0:
                    entries[place].pop(key, None)
                case 1:
                    entries.append(copy.deepcopy(entries[place]))
                case _:
                    entries[place][key] = copy.deepcopy(value)
    if chance.random() < 0.2:
        changed = mutated_document(changed, chance)
    mark = BYTE_ORDER_MARK if chance.random() < 1 / 3 else b""
    return mark + json.dumps(changed).encode("utf-8", "surrogatepass")
