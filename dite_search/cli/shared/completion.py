"""Completions of a shell behind a command: studies, their trials, and networks by name. Nothing slow is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

STUDY_FILE, TRIALS_FOLDER = "search.yaml", "trials"
"""The file by which a study's folder is known, and the folder of its trials; importing them takes seconds."""
STUDIES = "runs"

Completion = Callable[[click.Context, str], list[CompletionItem]]
"""Returns what may stand for a beginning. Files come first, because bash forgets what stands before them."""


def studies(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the studies of the folder of studies, and files, since a study may be named by its folder."""
    names = (folder.name for folder in _folders(context))
    return [CompletionItem(incomplete, type="dir"), *_items(names, incomplete)]


def trials(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return the numbers of the trials of the study that stands before."""
    # An option without its value ends the parsing before arguments have their names.
    study = str(context.params.get("study") or next(iter(context.args), ""))
    folder = next((each for each in (Path(study), _place(context) / study) if study and (each / STUDY_FILE).is_file()), None)
    return _items(_numbers(folder) if folder else (), incomplete)


def networks(context: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return presets, studies, and behind a colon the trials of a study; and files, for whatever else a network is."""
    from search_spaces.registry import PRESETS

    study, colon, _ = incomplete.partition(":")
    if colon:
        folder = _place(context) / study
        return _items((f"{study}:{number}" for number in _numbers(folder)), incomplete)
    names = [*PRESETS, *(f"{folder.name}:" for folder in _folders(context))]
    return [CompletionItem(incomplete, type="file"), *_items(names, incomplete)]


BY_NAME: Mapping[str, Completion] = {
    "study": studies,
    "trial": trials,
    "arch": networks,
    "network": networks,
    "start_from": networks,
    "a": networks,
    "b": networks,
    "versus": networks,
}
"""The completion of every parameter of a command, by its name."""


def add_completion(command: click.Command) -> None:
    """Give the parameters of a command, and of those below it, the completion of their names."""
    for parameter in command.params:
        if parameter.name in BY_NAME:
            parameter.shell_complete = BY_NAME[parameter.name]  # type: ignore[assignment,method-assign]
    for each in getattr(command, "commands", {}).values():
        add_completion(each)


def _place(context: click.Context) -> Path:
    return Path(str(context.params.get("directory") or STUDIES))


def _folders(context: click.Context) -> Iterator[Path]:
    """Yield the folders of the studies, by name."""
    return iter(sorted(file.parent for file in _place(context).glob(f"*/{STUDY_FILE}")))


def _numbers(folder: Path) -> Iterator[str]:
    """Yield the numbers of a study's trials that have a folder."""
    names = (path.name for path in (folder / TRIALS_FOLDER).glob("*") if path.name.isdigit())
    return (str(number) for number in sorted(map(int, names)))


def _items(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
