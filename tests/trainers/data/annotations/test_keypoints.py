from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import COCO17


def test_flip_permutation_exchanges_left_and_right() -> None:
    for index, source in enumerate(COCO17.flip_permutation):
        mirrored = {"left": "right", "right": "left"}
        side, _, rest = COCO17.names[index].partition("_")
        assert COCO17.names[source] == (f"{mirrored[side]}_{rest}" if side in mirrored else COCO17.names[index])


def test_halves_share_out_the_keypoints() -> None:
    assert sorted(COCO17.upper_body + COCO17.lower_body) == list(range(17))
    assert [COCO17.names[index] for index in COCO17.lower_body][:2] == ["left_hip", "right_hip"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("nose",) * 17}, "names must be at least one and distinct, repeated: ['nose']"),
        ({"flip_pairs": ((1, 17),)}, "flip_pairs must be indices in 0..16, got 17"),
        ({"flip_pairs": ((1, 2), (2, 3))}, "flip_pairs must name an index once, got [1, 2, 2, 3]"),
        ({"upper_body": (-1,)}, "upper_body must be indices in 0..16, got -1"),
        ({"limbs": ((0, 20),)}, "limbs must be indices in 0..16, got 20"),
        ({"oks_sigmas": (0.1,)}, "oks_sigmas must be 17 positive numbers, got (0.1,)"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        replace(COCO17, **changes)
    assert str(caught.value) == f"keypoint set 'coco17': {message}"
