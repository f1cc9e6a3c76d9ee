"""Completions, asked for as a shell asks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from dite_search.cli import main
from dite_search.cli.shared.completion import BY_NAME, STUDY_FILE, TRIALS_FOLDER
from dite_search.study import directory


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, name, count in (("runs", "first", 3), ("runs", "second", 0), ("other", "third", 1)):
        for number in range(count):
            (tmp_path / place / name / TRIALS_FOLDER / f"{number:05d}").mkdir(parents=True)
        (tmp_path / place / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / name / STUDY_FILE).write_text("name: x")
    (tmp_path / "runs" / "no_study").mkdir()


def completed(*words: str) -> list[str]:
    """Return what is completed of the last word, names of files aside."""
    shell = ShellComplete(main, {}, "dite-search", "_DITE_SEARCH_COMPLETE")
    return [item.value for item in shell.get_completions(list(words[:-1]), words[-1]) if item.type == "plain"]


def test_studies_trials_and_presets_are_completed():
    assert completed("resume", "") == ["first", "second"]
    assert completed("report", "fi") == ["first"]
    assert completed("report", "--directory", "other", "") == ["third"]
    assert completed("watch", "no") == []
    assert completed("export", "first", "--trial", "") == ["0", "1", "2"]
    assert completed("export", "second", "--trial", "") == []
    assert completed("compare", "first:") == ["first:0", "first:1", "first:2"]
    assert completed("compare", "first:0", "sec") == ["second:"]
    assert completed("train", "dite_hrnet_3") == ["dite_hrnet_30"]
    assert {"dite_hrnet_18", "lite_hrnet_18", "first:"} <= set(completed("show", ""))
    assert completed("compare", "nowhere:") == []
    assert "resume" in completed("re")


def test_the_names_are_those_of_studies():
    assert (STUDY_FILE, TRIALS_FOLDER) == (directory.SEARCH_FILE, directory.TRIALS_FOLDER)
    known = {parameter.name for command in main.commands.values() for parameter in command.params}
    assert {"study", "trial", "arch", "a", "b"} <= known & set(BY_NAME)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_a_study():
    """As the page on the command line says: the script that click writes, and a colon that is no end of a word."""
    program = Path(sys.executable).parent / "dite-search"
    script = f"""
      eval "$(_DITE_SEARCH_COMPLETE=bash_source {program})"
      COMP_WORDS=({program} report f); COMP_CWORD=2
      _dite_search_completion {program}; echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split()[-1] == "first", (done.stdout, done.stderr)
