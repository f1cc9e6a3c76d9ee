"""The reference of the command line: every command with its help, example and options."""

from __future__ import annotations

import click
import pytest

from dite_search.cli import main
from dite_search.cli.shared.reference_page import command_line_reference


@click.group()
def program() -> None:
    """Do things."""


@program.group()
def one() -> None:
    """Hold commands."""


@one.command(epilog="Example:  dite-search one act A --count 3")
@click.argument("thing")
@click.option("--count", type=click.IntRange(1, 2000), default=3, help="How many|much.")
@click.option("--share", type=click.FloatRange(0, min_open=True), required=True, help="Part of it.")
@click.option("--kind", type=click.Choice(["a", "b"]), multiple=True, help="Kinds.")
@click.option("--fast/--slow", default=True, help="Haste.")
@click.option("--quiet", is_flag=True, help="Say nothing.")
@click.option("--size", "-s", metavar="HxW", help="Size.")
@click.option("--secret", hidden=True)
def act(**_: object) -> None:
    """Act on THING."""


@pytest.mark.parametrize(
    "line",
    [
        "## one",
        "### one act",
        "Act on THING.",
        "dite-search one act [OPTIONS] THING",
        "dite-search one act A --count 3",
        "| `--count` | integer, at least 1, at most 2,000 | `3` | How many\\|much. |",
        "| `--share` | number, above 0 | required | Part of it. |",
        "| `--kind` | `a` or `b`, several times | – | Kinds. |",
        "| `--fast` / `--slow` | – | yes | Haste. |",
        "| `--quiet` | – | – | Say nothing. |",
        "| `--size`, `-s` | `HxW` | – | Size. |",
    ],
)
def test_a_command_stands_in_it(line):
    assert line in command_line_reference(program).splitlines()


def test_what_is_hidden_does_not_stand_in_it():
    assert "--secret" not in command_line_reference(program)


def test_every_command_of_the_program_has_an_example():
    sections = command_line_reference(main).split("\n## ")[1:]
    assert len(sections) == len(main.commands)
    assert [each.splitlines()[0] for each in sections if "Example:" not in each] == []
