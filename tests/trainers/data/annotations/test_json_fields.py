"""Fields of users' JSON: what breaks a rule is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.json_fields import box_field, field, file_name_field, is_finite, shown


@pytest.mark.parametrize(
    ("entry", "kind", "message"),
    [
        ([], int, r"image 3 must be an object, got \[\]"),
        ({"a": 1}, int, r"image 3 must have 'id', got only \['a'\]"),
        ({"id": True}, int, "'id' of image 3 must be a whole number, got True"),
        ({"id": float("inf")}, float, "'id' of image 3 must be a finite number, got inf"),
        ({"id": 10**400}, float, "'id' of image 3 must be a finite number, got 1000"),
        ({"id": 5}, str, "'id' of image 3 must be text, got 5"),
    ],
)
def test_a_field_of_another_kind_is_named(entry: Any, kind: type, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        field(entry, "id", kind, "image 3")


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, -1, 4], [1, 2, 3, float("nan")]])
def test_a_box_that_is_none(box: list[float]) -> None:
    with pytest.raises(InvalidInput, match="must be 4 finite numbers x, y, width >= 0, height >= 0, got"):
        box_field({"bbox": box}, "person 1")


def test_a_box_beyond_every_pixel() -> None:
    with pytest.raises(InvalidInput, match=r"must be of numbers up to 1e\+15, got"):
        box_field({"bbox": [1e16, 0, 1, 1]}, "person 1")
    assert box_field({"bbox": [1, 2, 3, 4]}, "person 1") == (1.0, 2.0, 3.0, 4.0)


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "C:\\a.jpg", "a/../../b.jpg", "", "a\0.jpg", "\\\\host\\a"])
def test_a_file_name_stays_inside_its_folder(name: str) -> None:
    with pytest.raises(InvalidInput, match="'file_name' of image 1 must stay inside the image folder, got"):
        file_name_field({"file_name": name}, "file_name", "image 1")
    assert file_name_field({"file_name": "a/b.jpg"}, "file_name", "image 1") == "a/b.jpg"


@given(st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans()))
def test_what_is_shown_is_short_and_finite_numbers_are_numbers(value: Any) -> None:
    assert len(shown([value] * 40)) <= 60
    assert not (isinstance(value, str | bool) or value is None) or not is_finite(value)
