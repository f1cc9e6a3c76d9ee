"""JSON files of users: what cannot be read is named with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.formats.json_file import read_json


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1', r"is not complete JSON: Expecting ',' delimiter at line 1 column 8 \(character 7 of 7\)"),
        (b'{"a": NaN}', "must hold finite numbers, got NaN"),
        (b'{"a": -Infinity}', "must hold finite numbers, got -Infinity"),
        (b'"\xff"', "must be UTF-8 text, got byte 0xff at 1"),
        (b"[" * 100_000, "must hold a COCO document, got JSON nested too deeply to read"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "people.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_json(file)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"file not found: .*none\.json"):
        read_json(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match=r"cannot read .*: Is a directory"):
        read_json(tmp_path)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "people.json"
    file.write_bytes(b"\xef\xbb\xbf[1, 2.5]")
    assert read_json(file) == [1, 2.5]
