"""The progress of a search that was begun in Python."""

from __future__ import annotations

import logging
import warnings

import rich.console

from dite_search.api.console import console_for_python, quietly


def test_a_notebook_gets_plain_lines(monkeypatch, capsys):
    monkeypatch.setattr(rich.console, "_is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = console_for_python(quiet=False)
    assert (console.is_terminal, console.is_jupyter) == (False, False)
    with console.status("Reading"):
        console.print("[bold red]trial 0[/] complete", soft_wrap=True)
    assert capsys.readouterr().out == "trial 0 complete\n"


def test_a_quiet_search_shows_nothing(capsys):
    console_for_python(quiet=True).print("trial 0")
    assert capsys.readouterr().out == ""


def test_what_was_loud_before_is_loud_again():
    root = logging.getLogger()
    before = root.level
    with quietly(), warnings.catch_warnings(record=True) as caught:
        warnings.warn("from a library", stacklevel=1)
        assert root.level == logging.ERROR
    assert (root.level, caught) == (before, [])
