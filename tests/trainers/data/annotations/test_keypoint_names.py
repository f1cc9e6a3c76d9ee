"""Keypoint sets from names: sides, halves, skeletons, and the words where names do not say enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoint_names import (
    NamePart,
    keypoints_of_category,
    left_right_pairs,
    limbs_from_skeleton,
    name_parts,
    upper_body,
    words_of,
)
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, MPII16, KeypointSet
from trainers.data.annotations.notes import Severity

PLACE = "categories[0] of people.json"
MPII_SHORT = ["rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor", "neck", "head", "rwri", "relb", "rsho"]
MPII_SHORT += ["lsho", "lelb", "lwri"]


def side_first(name: str, write: Callable[[str, str], str]) -> str:
    side, _, rest = name.partition("_")
    return write(side, rest) if side in ("left", "right") else name


STYLES: dict[str, Callable[[str, str], str]] = {
    "as COCO": lambda side, rest: f"{side}_{rest}",
    "blanks and capitals": lambda side, rest: f"{side} {rest}".title(),
    "capitals": lambda side, rest: f"{side}_{rest}".upper(),
    "camel": lambda side, rest: f"{side}{rest.title()}",
    "pascal": lambda side, rest: f"{side.title()}{rest.title()}",
    "last": lambda side, rest: f"{rest}-{side}",
    "letter": lambda side, rest: f"{side[0]}_{rest}",
    "capital letter": lambda side, rest: f"{side[0].upper()}{rest.title()}",
    "letter last": lambda side, rest: f"{rest}.{side[0].upper()}",
    "capital letter last": lambda side, rest: f"{rest}{side[0].upper()}",
    "glued": lambda side, rest: f"{side}{rest}",
    "glued letter": lambda side, rest: f"{side[0].upper()}{rest}",
    "small glued letter": lambda side, rest: f"{side[0]}{rest}",
}


def category(**changes: Any) -> dict[str, Any]:
    limbs = [[a + 1, b + 1] for a, b in COCO17.limbs]
    return {"id": 1, "name": "person", "keypoints": list(COCO17.names), "skeleton": limbs} | changes


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("known", [COCO17, MPII16, CROWDPOSE14], ids=lambda known: known.name)
def test_pairs_are_found_however_sides_are_written(known: KeypointSet, style: str) -> None:
    names = [side_first(name, STYLES[style]) for name in known.names]
    assert sorted(left_right_pairs(names)) == sorted(known.flip_pairs)


def test_the_short_names_of_mpii_are_its_pairs() -> None:
    assert sorted(left_right_pairs(MPII_SHORT)) == sorted(MPII16.flip_pairs)


@given(st.permutations(range(17)))
def test_pairs_follow_the_names_in_any_order(order: list[int]) -> None:
    names = [COCO17.names[index] for index in order]
    found = {(names[left], names[right]) for left, right in left_right_pairs(names)}
    assert found == {(COCO17.names[left], COCO17.names[right]) for left, right in COCO17.flip_pairs}


@given(st.lists(st.text(max_size=12), unique=True, max_size=20))
def test_any_names_are_read_or_refused(names: list[str]) -> None:
    parts = name_parts(names)
    assert len(parts) == len(names)
    sided = [part for part in parts if part.side]
    if len(set(sided)) < len(sided):
        with pytest.raises(InvalidInput, match="are both the"):
            left_right_pairs(names)
        return
    pairs = left_right_pairs(names)
    flat = [index for pair in pairs for index in pair]
    assert len(flat) == len(set(flat))


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (["1", "2", "3"], ()),
        (["lip", "nose", "rim"], ()),
        (["la", "ra"], ()),
        (["bright_spot", "left_spot"], ()),
        (["front_left_paw", "front_right_paw", "hind_left_paw", "hind_right_paw"], ((0, 1), (2, 3))),
        (["toe_left_1", "toe_left_2", "toe_right_1", "toe_right_2"], ((0, 2), (1, 3))),
        (["left", "right"], ()),
        (["l_r_line", "nose"], ()),
        (["linksSchulter", "rechtsSchulter"], ()),
    ],
)
def test_a_pair_is_one_name_with_both_sides(names: list[str], pairs: tuple[tuple[int, int], ...]) -> None:
    assert left_right_pairs(names) == pairs


def test_two_names_of_one_place_are_refused() -> None:
    with pytest.raises(InvalidInput, match="'left_eye' and 'L_Eye' are both the left eye"):
        left_right_pairs(["left_eye", "L_Eye", "right_eye"])


def test_words_of_a_name() -> None:
    assert words_of("LHip") == words_of("l_hip") == words_of(" L-hip") == ("l", "hip")
    assert words_of("左目2") == ("左目", "2")
    assert name_parts(["Hips"])[0] == NamePart(side=None, words=("hips",))


@pytest.mark.parametrize("known", [COCO17, MPII16, CROWDPOSE14], ids=lambda known: known.name)
def test_the_upper_half_is_that_of_the_published_sets(known: KeypointSet) -> None:
    assert upper_body(known.names) == tuple(sorted(known.upper_body))


def test_where_all_points_are_of_the_legs_they_are_one_half() -> None:
    assert upper_body(["left_hip", "left_knee"]) == (0, 1)


@pytest.mark.parametrize("first", [0, 1])
def test_a_skeleton_counts_from_0_or_1(first: int) -> None:
    written = [[a + first, b + first] for a, b in COCO17.limbs]
    assert limbs_from_skeleton(written, 17, COCO17.flip_pairs) == (COCO17.limbs, first, 0)


@pytest.mark.parametrize(("first", "strange"), [(0, [0, 17]), (1, [0, 17])])
def test_a_skeleton_that_contradicts_itself_counts_as_its_mirror_image_says(first: int, strange: list[int]) -> None:
    written = [strange, *([a + first, b + first] for a, b in COCO17.limbs)]
    limbs, counted, lost = limbs_from_skeleton(written, 17, COCO17.flip_pairs)
    assert (limbs, counted, lost) == (COCO17.limbs, first, 1)


@pytest.mark.parametrize("skeleton", [None, [], "none", [[1], [1, 2, 3], ["1", "2"], [True, 2], 3], [[-5, 2]], {"1": 2}])
def test_no_skeleton_is_no_limb(skeleton: Any) -> None:
    assert limbs_from_skeleton(skeleton, 17, COCO17.flip_pairs)[0] == ()


def test_a_category_becomes_a_set_without_deviations() -> None:
    made = keypoints_of_category(category(), name="own", place=PLACE)
    found = made.keypoint_set
    assert (found.names, found.limbs, found.upper_body) == (COCO17.names, COCO17.limbs, COCO17.upper_body)
    assert found.flip_permutation == COCO17.flip_permutation
    assert (found.name, found.oks_sigmas, made.notes) == ("own", (), ())


@pytest.mark.parametrize(
    ("changes", "severity", "sentence"),
    [
        ({"keypoints": ["1", "2"]}, Severity.WARNING, f"No left and right can be told from the names of {PLACE}"),
        (
            {"keypoints": ["left_eye", "right_eye", "left_tail"]},
            Severity.WARNING,
            f"left_tail of {PLACE} say a side, but the other side has no such name",
        ),
        ({"skeleton": [[0, 1]]}, Severity.NOTE, f"'skeleton' of {PLACE} counts keypoints from 0; COCO's counts from 1."),
        ({"skeleton": [[1, 2], [16, 18]]}, Severity.NOTE, f"1 entry of 'skeleton' of {PLACE} left out"),
        ({"skeleton": []}, Severity.NOTE, f"{PLACE} has no skeleton: people are drawn without limbs."),
    ],
)
def test_what_names_do_not_say_is_remarked(changes: dict[str, Any], severity: Severity, sentence: str) -> None:
    notes = keypoints_of_category(category(**changes), name="own", place=PLACE).notes
    assert any(note.severity == severity and note.sentence.startswith(sentence) for note in notes), notes


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (None, f"'keypoints' of {PLACE} must be a list of names, got None"),
        ([], f"'keypoints' of {PLACE} must be a list of names, got []"),
        (["nose", 3], f"'keypoints' of {PLACE} must be a list of names"),
        (["nose", " "], f"'keypoints' of {PLACE} must be a list of names"),
        (["nose", "nose"], f"'keypoints' of {PLACE} must be distinct names, got 'nose' twice"),
    ],
)
def test_names_that_are_none_are_refused(names: Any, sentence: str) -> None:
    with pytest.raises(InvalidInput) as error:
        keypoints_of_category(category(keypoints=names), name="own", place=PLACE)
    assert str(error.value).startswith(sentence)
