from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoint_order import keypoint_order, listed_names, plain_name
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, KeypointSet


def other_spelling(name: str, style: int) -> str:
    words = name.split("_")
    return (name, name.upper(), " ".join(words).title(), "-".join(words), "".join(word.title() for word in words))[style]


@given(
    keypoint_set=st.sampled_from([COCO17, CROWDPOSE14]),
    seed=st.integers(0, 1000),
    styles=st.lists(st.integers(0, 4), min_size=17, max_size=17),
)
def test_any_order_and_spelling_is_found_again(keypoint_set: KeypointSet, seed: int, styles: list[int]) -> None:
    places = list(range(keypoint_set.count))
    random.Random(seed).shuffle(places)
    names = [other_spelling(keypoint_set.names[place], style) for place, style in zip(places, styles, strict=False)]
    order = keypoint_order(names, keypoint_set, "names") or tuple(range(keypoint_set.count))
    assert [plain_name(names[index]) for index in order] == [plain_name(name) for name in keypoint_set.names]
    assert (keypoint_order(names, keypoint_set, "names") is None) == (places == sorted(places))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ((*COCO17.names[:16], "tail"), "got 17 names (unknown: tail; missing: right_ankle)"),
        (COCO17.names[:12], "got 12 names (missing: right_hip, left_knee, right_knee, left_ankle and 1 more)"),
        ((*COCO17.names, "Nose"), "got 18 names (written twice: Nose)"),
        (("a\nb",) * 17, r"got 17 names (unknown: 'a\nb', 'a\nb', 'a\nb', 'a\nb' and 13 more; missing: nose, "),
    ],
)
def test_other_names_are_refused_with_what_to_do(names: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        keypoint_order(names, COCO17, "'keypoints' of categories[0] of people.json")
    message = str(caught.value)
    head = "'keypoints' of categories[0] of people.json must name the 17 keypoints of coco17, in any order, "
    assert message.startswith(head + problem)
    assert message.endswith(
        "): rename those that mean the same points, or describe a keypoint set of your own (docs/how_to/own_data.md)"
    )
    assert "\n" not in message


def test_long_names_are_cut_and_empty_ones_are_seen() -> None:
    assert listed_names(["x" * 100, ""]) == "x" * 40 + ", ''"
