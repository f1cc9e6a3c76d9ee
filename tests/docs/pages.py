"""The pages of the documentation as text: their blocks of code, links and commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from tests.conftest import ROOT

DOCS = ROOT / "docs"
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<code>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")


def pages() -> list[Path]:
    """Every page, and the README."""
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path, *languages: str) -> list[str]:
    """The code between fences of these languages; the empty language is that of commands."""
    found = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [match["code"] for match in found if match["language"].strip() in languages]


def links(page: Path) -> list[str]:
    """The targets of links and images, those inside of code left out."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [match["target"] for match in LINK.finditer(re.sub(r"(?<!\[)`[^`\n]*`(?!\])", "", text))]


def commands(page: Path) -> list[list[str]]:
    """The words after ``dite-search`` of every command that the page shows in a block or between backticks."""
    text = page.read_text(encoding="utf-8")
    shown = [line for block in blocks(page, "", "bash", "console") for line in joined(block)]
    shown += re.findall(r"(?<!`)`([^`\n]*\bdite-search [^`\n]*)`(?!`)", FENCE.sub("", text))
    return [words for line in shown if (words := arguments(line)) is not None]


def joined(block: str) -> list[str]:
    """The lines of a block, those that end in a backslash with the next."""
    return block.replace("\\\n", " ").splitlines()


def arguments(line: str) -> list[str] | None:
    """The arguments of a line that calls dite-search, variables before it and a comment after it left out."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return None
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return words[1:] if words and words[0].rpartition("/")[2] == "dite-search" else None


def problem(main: click.Group, words: Sequence[str]) -> str:
    """Why click would refuse a command, its values aside; empty where it would take it."""
    command: click.Command = main
    words = list(words)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in command.commands:
            return f"no command {name!r} in {command.name}"
        command = command.commands[name]
    known = {name: each for each in command.params for name in (*each.opts, *each.secondary_opts)}
    positional = 0
    while words:
        word, equals, _ = words.pop(0).partition("=")
        if not word.startswith("-"):
            positional += 1
            continue
        option = known.get(word)
        if option is None and word not in ("-h", "--help"):
            return f"{command.name} has no option {word}"
        takes_value = isinstance(option, click.Option) and not option.is_flag and not equals
        # A page may name an option alone, between backticks; then nothing follows it.
        if takes_value and words:
            words.pop(0)
    places = [each for each in command.params if isinstance(each, click.Argument)]
    if any(each.nargs == -1 for each in places):
        return ""
    room = len(places)
    return f"{command.name} takes {room} arguments, got {positional}" if positional > room else ""


def built_pages(site: Path) -> Iterator[tuple[Path, str]]:
    """Every page of a built site, with its HTML."""
    for path in sorted(site.rglob("*.html")):
        yield path, path.read_text(encoding="utf-8")
