"""Keypoint sets as plain values: what completes and overrules a file, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from tests.profiles import examples
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, MPII16, KeypointSet
from trainers.data.keypoint_sets.fields import FIELDS, from_plain, inferred_halves, is_whole, to_plain
from trainers.data.keypoint_sets.sigmas import DEFAULT_SIGMA, DEFAULT_SOURCE

WHERE = "data.keypoints"
NAMES = ["nose", "left_eye", "right_eye", "left_hip", "right_hip"]


def made(base: KeypointSet | None = None, **values: Any) -> KeypointSet:
    return from_plain(values, base, WHERE)


def test_names_alone_give_pairs_halves_and_the_stated_sigmas() -> None:
    found = made(names=NAMES)
    assert found.flip_pairs == ((1, 2), (3, 4))
    assert found.mirrors
    assert found.upper_body == (0, 1, 2)
    assert found.has_halves
    assert found.oks_sigmas == (DEFAULT_SIGMA,) * 5
    assert found.sigmas_from == DEFAULT_SOURCE == "the mean of COCO's 17"
    assert pytest.approx(sum(COCO17.oks_sigmas) / 17, abs=5e-5) == DEFAULT_SIGMA
    assert found.sigma_words == "0.067, the mean of COCO's 17"


@given(st.permutations([f"{side}_{part}" for side in ("left", "right") for part in ("eye", "ear", "hip")] + ["nose"]))
@examples(20)
def test_every_left_has_its_right_whatever_the_order(names: list[str]) -> None:
    found = made(names=names)
    for left, right in found.flip_pairs:
        assert names[left] == names[right].replace("right", "left")
    assert len(found.flip_pairs) == 3
    assert made(names=names, flip_pairs=to_plain(found)["flip_pairs"]) == found


def test_without_sides_nothing_is_mirrored_unless_it_is_said() -> None:
    found = made(names=["tip", "base", "middle"])
    assert not found.mirrors
    assert found.sides == "no left and right are known, so that no image is mirrored, in training or in tests"
    said = made(names=["tip", "base", "middle"], flip_pairs=[])
    assert said.mirrors
    assert said.sides == "no keypoint changes its name in a mirrored image"
    assert not made(names=NAMES, flip_pairs=None).mirrors


def test_halves_are_known_only_where_both_are_named() -> None:
    assert inferred_halves(["left_eye", "right_eye", "nose"]) == ()
    assert inferred_halves(["left_hip", "right_hip"]) == ()
    assert not made(names=["left_eye", "right_eye", "nose"]).has_halves


@pytest.mark.parametrize("known", [COCO17, MPII16, CROWDPOSE14], ids=lambda known: known.name)
def test_a_set_survives_its_plain_values(known: KeypointSet) -> None:
    values = json.loads(json.dumps(to_plain(known)))
    assert is_whole(values)
    assert from_plain(values | ({"sigmas": [0.05] * 16} if not known.oks_sigmas else {}), None, WHERE).names == known.names
    if known.oks_sigmas:
        assert from_plain(values, None, WHERE) == known


def test_a_user_completes_and_overrules_the_file() -> None:
    base = made(names=NAMES)
    found = made(
        base,
        sigmas={**dict.fromkeys(NAMES, 0.05), "nose": 0.02},
        skeleton=[["nose", "left_eye"]],
        colours=["#102030"] * 5,
        upper_body=["nose"],
        name="mine",
    )
    assert (found.name, found.limbs, found.upper_body, found.colours) == ("mine", ((0, 1),), (0,), ("#102030",) * 5)
    assert found.oks_sigmas == (0.02, 0.05, 0.05, 0.05, 0.05)
    assert found.sigmas_from == "given"
    assert found.flip_pairs == base.flip_pairs


def test_other_names_keep_those_of_the_file_to_read_it_by() -> None:
    base = made(names=["a", "b"])
    found = made(base, names=["left_eye", "right_eye"])
    assert found.file_names == ("a", "b")
    assert found.flip_pairs == ((0, 1),)
    assert from_plain(to_plain(found), None, WHERE) == found


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"names": ["nose", "nose"]}, r"^names of data.keypoints must differ, got 'nose' twice$"),
        ({"names": []}, r"^names of data.keypoints must be a list of names, got \[\]$"),
        ({"names": "nose"}, r"^names of data.keypoints must be a list of names, got 'nose'$"),
        ({}, r"^data.keypoints must have names, because the annotation file has no names of keypoints$"),
        (
            {"names": NAMES, "flip_pairs": [["left_eye", "rightt_eye"]]},
            r"^flip_pairs of data.keypoints must name keypoints of the set \(nose, .*\), got 'rightt_eye'$",
        ),
        (
            {"names": NAMES, "flip_pairs": [["left_eye", "right_eye"], ["left_eye", "nose"]]},
            r"^flip_pairs of data.keypoints must name each keypoint once, got 'left_eye' twice$",
        ),
        ({"names": NAMES, "flip_pairs": [["nose", "nose"]]}, r"^flip_pairs of .* each keypoint once, got 'nose' twice$"),
        ({"names": NAMES, "skeleton": [["nose", "nose"]]}, r"^skeleton of .* pairs of two keypoints, got 'nose' twice$"),
        ({"names": NAMES, "flip_pairs": ["nose"]}, r"^flip_pairs of data.keypoints must be a list of pairs of names, got"),
        (
            {"names": NAMES, "sigmas": [0.1] * 4},
            r"^sigmas of data.keypoints must be 5 values, one for each keypoint, got 4",
        ),
        ({"names": NAMES, "sigmas": 0.1}, r"^sigmas of data.keypoints must be 5 values, one for each keypoint, got 0.1$"),
        ({"names": NAMES, "sigmas": [0.1, 0, 0.1, 0.1, 0.1]}, r"must be numbers above 0 and at most 1, got 0$"),
        ({"names": NAMES, "sigmas": {"nose": 0.1}}, r"must have a value for each of 5 keypoints, none for 'left_eye'$"),
        ({"names": NAMES, "upper_body": ["nose", "nose"]}, r"^upper_body of data.keypoints must name each keypoint once"),
        ({"names": NAMES, "upper_body": "nose"}, r"^upper_body of data.keypoints must be a list of names, got 'nose'$"),
        ({"names": NAMES, "colours": ["red"] * 5}, r"colours must be 5 texts such as '#1f77b4'"),
        ({"names": NAMES, "colours": [7] * 5}, r"^colours of data.keypoints must be texts such as '#1f77b4', got"),
        ({"names": NAMES, "sigma": [0.1] * 5}, r"^unknown field of data.keypoints 'sigma': did you mean 'sigmas'\?"),
    ],
)
def test_what_breaks_a_rule_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        from_plain(values, None, WHERE)


def test_as_many_names_as_the_file_has_keypoints() -> None:
    with pytest.raises(InvalidInput, match=r"^names of .* must be 2, as many as the annotation file has keypoints, got 1$"):
        made(made(names=["a", "b"]), names=["a"])


def test_a_user_gives_fields_and_a_whole_set_has_more() -> None:
    assert not is_whole(dict.fromkeys(FIELDS))
