"""The output of commands."""

from __future__ import annotations

import json

import pytest

from dite_search.cli.shared.output import ascii_text, next_steps, show

RESULT = {"params": 1_234_567, "ap_gt": 0.123456, "name": "tiny"}


def test_a_line_for_each_value(capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT, False)
    assert capsys.readouterr().out.splitlines() == ["params  1,234,567", "ap_gt   0.1235", "name    tiny"]


def test_json_has_the_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show(RESULT, True)
    next_steps(True, "dite-search report x")
    assert json.loads(capsys.readouterr().out) == RESULT


def test_the_next_commands(capsys: pytest.CaptureFixture[str]) -> None:
    next_steps(False, "dite-search report x", "dite-search export x")
    assert capsys.readouterr().out == "\nNext:\n  dite-search report x\n  dite-search export x\n"
    next_steps(False)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("text", ["256×192 ─│┼ ·", "plain"])
def test_text_for_a_plain_terminal_is_as_wide(text: str) -> None:
    plain = ascii_text(text)
    assert plain.isascii()
    assert len(plain) == len(text)
