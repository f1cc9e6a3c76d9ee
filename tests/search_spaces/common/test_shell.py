"""Commands in messages can be copied into a shell."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from search_spaces.common.shell import own_command, shell_command
from tests.conftest import ROOT

HINT = re.compile(r"dite-search [a-z]+ (?:--[a-z-]+ )*\{")
"""A command of the program in a string of the sources, with a value put into it."""


@given(st.lists(st.text(min_size=1), min_size=1))
@example(["ls", "a b", "it's", "$HOME", "50%", "b#1", "ü", "a;b", "*", "~", "sqlite:////a b/study.db"])
def test_a_shell_makes_the_same_words_again(words: list[str]) -> None:
    assert shlex.split(shell_command(*words)) == words


@pytest.mark.parametrize("name", ["a b", "it's", "50%#1", "$HOME", "`id`", "ü", "new\nline", "--help", "!x", "[a]"])
def test_a_real_shell_does_so_too(name: str) -> None:
    written = subprocess.run(
        ["/bin/sh", "-c", shell_command("printf", "%s", f"./{name}")], capture_output=True, text=True, check=True
    )
    assert written.stdout == f"./{name}"


def test_a_path_is_no_option_and_a_url_is_in_quotes() -> None:
    assert own_command("resume", Path("-runs/s 1")) == "dite-search resume './-runs/s 1'"
    assert own_command("sync", Path("runs/s1")) == "dite-search sync runs/s1"
    assert shell_command("mlflow", "sqlite:////runs/mlflow.db") == "mlflow 'sqlite:////runs/mlflow.db'"
    assert shell_command("job", "http://h/?a=b") == "job 'http://h/?a=b'"


def test_no_message_puts_a_value_into_a_command_by_hand() -> None:
    assert HINT.search('f"to go on:  dite-search resume {config.study_directory}"')
    packages = ("search_spaces", "trainers", "analysis", "dite_search")
    sources = [path for package in packages for path in (ROOT / package).rglob("*.py")]
    assert [(path.name, found[0]) for path in sources for found in HINT.finditer(path.read_text())] == []
