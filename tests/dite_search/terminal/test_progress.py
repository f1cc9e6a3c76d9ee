"""Signs of life on a terminal, and silence elsewhere."""

from __future__ import annotations

import io
import json
import re
import time
from pathlib import Path

import pytest
from rich.console import Console

from dite_search.terminal.durations import Durations
from dite_search.terminal.progress import counted, waiting


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


def screen(*, is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=100, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_sees_what_is_done_and_the_time_left() -> None:
    console = screen(is_terminal=True)
    assert list(counted(console, "Networks [a]")([1, 2, 3])) == [1, 2, 3]
    assert "Networks [a]" in shown(console)
    assert "3/3" in shown(console)
    assert "0:00:00" in shown(console)
    waited = screen(is_terminal=True)
    with waiting(waited, "Writing [the report]"):
        pass
    assert "Writing [the report]" in shown(waited)


def test_the_parts_of_one_item_move_the_bar_and_give_the_time_left() -> None:
    """A single item takes a minute, and its parts say when it will end."""
    console = screen(is_terminal=True)
    follow, seen = counted(console, "Networks"), []
    for item in follow("a"):
        for part in follow.within([1, 2, 3, 4]):
            # A bar is drawn anew ten times a second.
            time.sleep(0.25)
            seen.append((item, part))
    assert seen == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]
    assert re.search(r"0/1 0:00:0\d", shown(console)), shown(console)


def test_bars_stand_below_what_waits_for_them() -> None:
    console = screen(is_terminal=True)
    with waiting(console, "Exporting"):
        assert list(counted(console, "Scoring")([1])) == [1]
    assert "Exporting" in shown(console)
    assert "Scoring" in shown(console)


def test_a_file_sees_nothing() -> None:
    console = screen(is_terminal=False)
    with waiting(console, "Writing the report"):
        assert list(counted(console, "Networks")("ab")) == ["a", "b"]
    assert shown(console) == ""


def test_work_that_cannot_be_counted_says_how_long_it_took_last_time(tmp_path: Path) -> None:
    """Numbers and names of files make no difference, and less than a second is not told."""
    for number, (seconds, sentence) in enumerate(((0.1, ""), (1.2, ""), (0.1, "of about 0:00:02"), (0.0, ""))):
        console = screen(is_terminal=True)
        with waiting(console, f"Exporting trial {number}"):
            time.sleep(seconds)
        assert sentence in shown(console)
        assert ("about" in shown(console)) == bool(sentence)
    (file,) = tmp_path.rglob("durations.json")
    assert json.loads(file.read_text()).keys() == {"Exporting trial #"}


@pytest.mark.parametrize("text", ["[", "[]", '{"Exporting": "long"}', '{"Exporting": NaN}', "\x00"])
def test_a_broken_cache_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    for _ in range(2):
        with waiting(screen(is_terminal=True), "Exporting"):
            pass
        (file,) = tmp_path.rglob("durations.json")
        assert json.loads(file.read_text()).keys() == {"Exporting"}
        file.write_text(text)


def test_times_stay_whole_on_a_narrow_screen() -> None:
    Durations().keep("Starting Ray, and looking at folders", 12.3)
    console = Console(file=io.StringIO(), force_terminal=True, width=40, color_system=None)
    with waiting(console, "Starting Ray, and looking at folders"):
        pass
    assert "0:00:00 of about 0:00:13" in shown(console)


def test_a_file_keeps_no_times(tmp_path: Path) -> None:
    with waiting(screen(is_terminal=False), "Exporting"):
        pass
    assert list(tmp_path.rglob("durations.json")) == []


def test_an_error_passes_and_ends_the_line() -> None:
    console = screen(is_terminal=True)
    with pytest.raises(ValueError, match="broken"), waiting(console, "Registering"):
        raise ValueError("broken")
    assert not console._live_stack
