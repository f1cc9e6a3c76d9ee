"""The options that the report of a study had last, which the next report keeps."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_json
from search_spaces.common.shell import shell_command

FILE = "report_options.json"
"""The file of the options, in the study's folder."""


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The options of a report.

    Args:
        limits: The limits of its budget, as they were written; none where the budget is the study's own.
        intervals: Whether accuracies of the front have intervals over images.
        pictures: Whether people are shown in pictures.
    """

    limits: tuple[str, ...] = ()
    intervals: bool = False
    pictures: bool = False

    def words(self) -> list[str]:
        """Return the options as words of a command."""
        found = [word for limit in self.limits for word in ("--budget", limit)]
        return found + [f"--{name}" for name in ("intervals", "pictures") if getattr(self, name)]

    def sentence(self, asked: ReportOptions) -> str:
        """Return what is kept of these options beyond those that were asked for, in one line; empty for nothing."""
        kept = ReportOptions(
            limits=() if asked.limits else self.limits,
            intervals=self.intervals and not asked.intervals,
            pictures=self.pictures and not asked.pictures,
        )
        if not kept.words():
            return ""
        names = dict.fromkeys(word for word in kept.words() if word.startswith("--"))
        without = " ".join(name.replace("--", "--no-", 1) for name in names)
        return f"Kept from the last report: {shell_command(*kept.words())} (left out by {without})"


def chosen_options(
    last: ReportOptions,
    *,
    limits: tuple[str, ...],
    no_budget: bool,
    intervals: bool | None,
    pictures: bool | None,
) -> ReportOptions:
    """Return the options of a report: those that were given, and for the others those of the last report.

    Args:
        last: The options of the last report.
        limits: The limits that were given.
        no_budget: Whether the budget is the study's own.
        intervals: Whether there are intervals; None where nothing was said.
        pictures: Whether there are pictures; None where nothing was said.

    Raises:
        InvalidInput: limits were given, and no budget was asked for.
    """
    if limits and no_budget:
        raise InvalidInput("--budget and --no-budget must not be given together: one sets limits, the other drops them")
    return ReportOptions(
        limits=() if no_budget else limits or last.limits,
        intervals=last.intervals if intervals is None else intervals,
        pictures=last.pictures if pictures is None else pictures,
    )


def last_options(folder: Path) -> ReportOptions:
    """Return the options of the last report of the study in a folder; those of a first report where none are known.

    Raises:
        InvalidInput: the file of the options holds something else.
    """
    file = folder / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError:
        return ReportOptions()
    except ValueError as error:
        raise InvalidInput(f"{file} must be JSON, or be removed, but: {error}") from None
    limits = content.get("limits") if isinstance(content, dict) else None
    if not isinstance(limits, list) or not all(isinstance(limit, str) for limit in limits):
        raise InvalidInput(f"{file} must hold the options of a report, or be removed")
    switches = {name: content.get(name) is True for name in ("intervals", "pictures")}
    return ReportOptions(limits=tuple(limits), **switches)


def keep_options(folder: Path, options: ReportOptions) -> None:
    """Write the options of a report into the folder of its study; a folder that only may be read stays as it is."""
    with contextlib.suppress(OSError):
        write_json(folder / FILE, asdict(options))
