from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import (
    MAX_CONFIG_BYTES,
    atomic_path,
    check_output,
    read_mapping,
    require_file,
    write_json,
    write_mapping,
    write_text,
)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: [1, 2", "must be valid YAML or JSON, but: line 1, column 9:"),
        (
            "a.yaml",
            "a: 1\n  b: 2\n",
            "must be valid YAML or JSON, but: line 2, column 4: mapping values are not allowed here",
        ),
        ("a.json", '{"a": [1, 2', "must be valid YAML or JSON, but: Expecting ',' delimiter: line 1 column 12"),
        ("a.yaml", '{"a": {"b": 1', "must be valid YAML or JSON, but: line 1"),
        ("a.yaml", "a: 1\nb: 2\na: 3\n", "must be valid YAML or JSON, but: field 'a' is written twice"),
        ("a.yaml", "x:\n  a: 1\n  a: 1\n", "field 'a' is written twice"),
        ("a.json", '{"x": {"a": 1, "a": 1}}', "must be valid YAML or JSON, but: field 'a' is written twice"),
        ("a.yaml", "a: &x [1]\nb: *x\n", "must be valid YAML or JSON, but: aliases (*name) are not allowed"),
        ("a.yaml", "a: !!python/object/apply:os.getcwd []", "could not determine a constructor for the tag"),
        ("a.yaml", "a: !!bool perhaps", "must be valid YAML or JSON, but:"),
        ("a.yaml", "a: !!timestamp never", "must be valid YAML or JSON, but:"),
        ("a.yaml", "? [1, 2]\n: 3\n", "must be valid YAML or JSON, but:"),
        ("a.json", '{"a": NaN}', "numbers must be finite, got NaN"),
        ("a.yaml", "- 1\n- 2\n", "must hold fields with names (a mapping), got list"),
        ("a.yaml", "", "must hold fields with names (a mapping), got NoneType"),
        ("a.yaml", "1: a\n", "must hold fields with names (a mapping), got dict"),
        ("a.json", '"a"', "must hold fields with names (a mapping), got str"),
        ("a.yaml", "a: " + "[" * 2_000, "must be valid YAML or JSON, but:"),
        ("a.json", '{"a": ' + "[" * 200_000, "must be valid YAML or JSON, but:"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidInput) as error:
        read_mapping(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(InvalidInput, match="must be UTF-8 text"):
        read_mapping(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: " + "x" * MAX_CONFIG_BYTES)
    with pytest.raises(InvalidInput, match=f"must be at most 1000000 bytes, got {MAX_CONFIG_BYTES + 3}"):
        read_mapping(path)


def test_a_file_that_is_absent_or_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(InvalidInput, match="does not exist or is not a file"):
            read_mapping(path)


def test_a_file_that_may_be_meant_is_named(tmp_path: Path) -> None:
    (tmp_path / "lsp_small.yaml").write_text("name: x")
    (tmp_path / "lsp_small.d").mkdir()
    for wrong in ("lsp_small.yml", "lps_small.yaml"):
        with pytest.raises(InvalidInput, match=rf"{wrong} does not exist .*: did you mean {tmp_path}/lsp_small\.yaml\?"):
            require_file(tmp_path / wrong)
    for wrong in (tmp_path / "other.yaml", tmp_path / "nowhere" / "lsp_small.yaml", tmp_path / "lsp_small.d"):
        with pytest.raises(InvalidInput, match=r"^model .* does not exist or is not a file$"):
            require_file(wrong, "model")
    require_file(tmp_path / "lsp_small.yaml")


@pytest.mark.timeout(30)
def test_many_fields_are_read_in_time(tmp_path: Path) -> None:
    """Looking for each key among all others would take minutes."""
    path = tmp_path / "a.json"
    path.write_text(json.dumps({str(index): 1 for index in range(80_000)}))
    assert len(read_mapping(path)) == 80_000


def test_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("a: 2e-3\nb: 1E5\nc: 0.5\nd: 3\ne: 1.5e+2\nf: -1e-4\ng: 256x192\nh: 1-1-2-4\ni: 1e\n")
    values = {"a": 0.002, "b": 1e5, "c": 0.5, "d": 3, "e": 150.0, "f": -1e-4, "g": "256x192", "h": "1-1-2-4", "i": "1e"}
    assert read_mapping(path) == values


def test_json_may_be_indented_with_tabs(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n\t"a": 1e-05\n}')
    assert read_mapping(path) == {"a": 1e-5}


@given(st.one_of(st.text(max_size=40), st.text(alphabet='ab:{}[]"-*&!#?,<>|\n 01\\e.', max_size=40)))
def test_any_text_is_a_mapping_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    for name in ("any.yaml", "any.json"):
        path = tmp_path_factory.getbasetemp() / name
        path.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            content, reason = read_mapping(path), str(path)
        except InvalidInput as error:
            content, reason = {}, str(error)
        assert isinstance(content, dict)
        assert reason.startswith(str(path))


plain = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
        ),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=4,
    ),
    max_size=4,
)


@given(plain)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, content: dict) -> None:
    for name in ("both.yaml", "both.json"):
        path = tmp_path_factory.getbasetemp() / name
        write_mapping(path, content)
        assert read_mapping(path) == content


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_write_that_never_succeeded_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Out of range float values"):
        write_json(tmp_path / "new" / "a.json", {"a": float("nan")})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(tmp_path / "new" / "a.json", {"a": object()})
    assert not list(tmp_path.rglob("*.json"))
    assert not list(tmp_path.rglob(".*"))


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"version": 1})
    with atomic_path(path) as temporary:
        temporary.write_text('{"version": 2')
        assert temporary.parent == path.parent
        assert json.loads(path.read_text()) == {"version": 1}
        temporary.write_text('{"version": 2}')
    assert json.loads(path.read_text()) == {"version": 2}
    assert oct(path.stat().st_mode)[-3:] == "644"
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.parametrize(
    ("name", "is_folder", "reason"),
    [
        ("new.json", False, ""),
        ("file", False, ""),
        ("new/deep/x.json", False, ""),
        ("folder", False, "Is a directory"),
        ("file/x.json", False, "Not a directory"),
        ("file/deep/x.json", False, "Not a directory"),
        ("folder", True, ""),
        ("new/deep", True, ""),
        ("file", True, "Not a directory"),
        ("file/deep", True, "Not a directory"),
    ],
)
def test_an_output_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch, name, is_folder, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    for path in (Path(name), tmp_path / name):
        if reason:
            with pytest.raises(InvalidInput) as caught:
                check_output(path, is_folder=is_folder)
            assert str(caught.value) == f"{path} cannot be used: {reason}"
        else:
            check_output(path, is_folder=is_folder)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}
    assert (tmp_path / "file").read_text() == "kept"


def test_an_output_in_a_closed_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for path, is_folder in ((tmp_path / "x.json", False), (tmp_path / "new" / "x", False), (tmp_path, True)):
        with pytest.raises(InvalidInput, match=r"cannot be written: Permission denied$"):
            check_output(path, is_folder=is_folder)


@pytest.mark.parametrize("name", ["a.json", "a.yaml"])
def test_a_byte_order_mark_is_passed_over(tmp_path, name):
    (tmp_path / name).write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_mapping(tmp_path / name) == {"a": 1}
