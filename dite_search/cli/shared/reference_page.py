"""The reference of the command line, written from the commands themselves: Markdown, a page of docs/reference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

PROGRAM = "dite-search"
EXAMPLE = re.compile(r"^Example:\s+")
FLAG_DEFAULTS = {True: "yes", False: "no"}
INTRODUCTION = """\
Every command takes `--help`. Those that end with a result take `--json` and then print nothing else on standard output;
progress goes to standard error. A user's mistake is told in one sentence, with exit status 2. A search that ends without any
score has exit status 1; one that is paused with trials left has 0, with a score or without.

A shell completes commands, options, studies, trials (`STUDY:TRIAL`) and presets after one line in its start file:

```text
eval "$(_DITE_SEARCH_COMPLETE=bash_source dite-search)"       # ~/.bashrc
eval "$(_DITE_SEARCH_COMPLETE=zsh_source dite-search)"        # ~/.zshrc
_DITE_SEARCH_COMPLETE=fish_source dite-search | source        # ~/.config/fish/config.fish
```

Bash takes a colon for the end of a word. With `COMP_WORDBREAKS=${COMP_WORDBREAKS//:}` before that line it completes the
trials of a study, too."""


def command_line_reference(main: click.Group) -> str:
    """Return Markdown with every command: its help, its example, its arguments and its options with their defaults."""
    top = click.Context(main, info_name=PROGRAM)
    lines = ["# The command line", "", INTRODUCTION, ""]
    for names, context in _commands(top):
        lines += [*_section(names, context), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _commands(parent: click.Context) -> Iterator[tuple[str, click.Context]]:
    """Yield the name and the context of every command below one, each before the commands below it."""
    assert isinstance(parent.command, click.Group)
    for name, command in parent.command.commands.items():
        context = click.Context(command, parent=parent, info_name=name)
        yield context.command_path.removeprefix(f"{PROGRAM} "), context
        if isinstance(command, click.Group):
            yield from _commands(context)


def _section(name: str, context: click.Context) -> list[str]:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    level = "#" * (2 + name.count(" "))
    lines = [f"{level} {name}", "", inspect.cleandoc(command.help or ""), "", "```text", usage, "```"]
    if command.epilog:
        lines += ["", "Example:", "", "```", EXAMPLE.sub("", command.epilog), "```"]
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    if options:
        lines += ["", "| option | takes | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [_row(option, context) for option in options]
    return lines


def _row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{each}`" for each in option.opts)
    if option.secondary_opts:
        names += " / " + ", ".join(f"`{each}`" for each in option.secondary_opts)
    return f"| {names} | {_taken(option, context)} | {_default(option)} | {_cell(option.help or '')} |"


def _taken(option: click.Option, context: click.Context) -> str:
    """Describe the values of an option in words, with its limits."""
    if option.is_flag:
        return "–"
    kind = option.type
    if isinstance(kind, click.Choice):
        found = " or ".join(f"`{choice}`" for choice in kind.choices)
    elif isinstance(kind, click.IntRange | click.FloatRange):
        number = "integer" if isinstance(kind, click.IntRange) else "number"
        least = "" if kind.min is None else f"{'above' if kind.min_open else 'at least'} {kind.min:,}"
        most = "" if kind.max is None else f"{'below' if kind.max_open else 'at most'} {kind.max:,}"
        found = ", ".join(part for part in (number, least, most) if part)
    else:
        found = f"`{_cell(option.make_metavar(context))}`"
    return f"{found}, several times" if option.multiple else found


def _default(option: click.Option) -> str:
    if option.required:
        return "required"
    value = option.to_info_dict()["default"]
    if value is None or (option.is_flag and not value and not option.secondary_opts) or value == ():
        return "–"
    return FLAG_DEFAULTS[value] if isinstance(value, bool) else f"`{value}`"


def _cell(text: str) -> str:
    """Return a text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")
