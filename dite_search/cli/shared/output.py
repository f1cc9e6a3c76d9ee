"""The output of commands: results as lines or as JSON, and the next steps."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from search_spaces.common.errors import InvalidInput

if TYPE_CHECKING:
    from trainers.data.annotations.notes import DataNote
    from trainers.data.config import DataConfig

_PLAIN = str.maketrans("─│├┐┤┬┼═╞╡╪═◀×–·", "-|+++++=+++=<x-.")
"""Signs of pictures for a terminal that has ASCII alone."""


def console_for(as_json: bool) -> Console:
    """Where progress goes: beside a JSON result, not into it."""
    return Console(stderr=as_json)


def show(result: dict[str, Any], as_json: bool) -> None:
    """The result as JSON, or a line for each value."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(len(name) for name in result)
    for name, value in result.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value
        click.echo(f"{name:<{width}}  {shown}")


def say_notes(data: DataConfig, *splits: str) -> None:
    """Say on standard error what was left out of the annotations of these splits, corrected, or looks wrong."""
    for split in dict.fromkeys(splits):
        _say(data.notes(split))


def say_image_notes(data: DataConfig) -> None:
    """Say on standard error whether images to be scored have to be turned; data that cannot be read are passed over."""
    from trainers.data.images.image_check import orientation_notes

    try:
        people = data.validation_people()
    except InvalidInput:
        # Who reads them in earnest says so.
        return
    _say(orientation_notes(people, data.annotations, on_orientation=data.on_orientation))


def _say(notes: Iterable[DataNote]) -> None:
    for note in notes:
        click.echo(f"{note.severity.value}: {note.sentence}", err=True)


def program(name: str) -> str:
    """How to call a program of this environment: by its name where the shell finds it, else by its path."""
    own = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found and Path(found).resolve() == own.resolve():
        return name
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def tell(console: Console, text: str) -> None:
    """Print text as it is on one line: a path in it can be copied, and its brackets are no markup."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def next_steps(as_json: bool, *commands: str) -> None:
    """Print commands that a user may want to give next, quoted for a shell; nothing for a reader that is a program."""
    if as_json or not commands:
        return
    click.echo("\nNext:")
    for command in commands:
        click.echo(f"  {command}")


def ascii_text(text: str) -> str:
    """Return text for a terminal that has ASCII alone, as wide as before."""
    return text.translate(_PLAIN).encode("ascii", "replace").decode()
