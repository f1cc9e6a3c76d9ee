"""`Search`: a search file as an object that is checked, run and continued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dite_search.api.console import console_for_python, quietly
from dite_search.config.search_config import SearchConfig, parse_search, with_keypoints, with_weights
from dite_search.config.sections import moment
from dite_search.tasks.search_file import read_search, with_trials
from search_spaces.common.errors import InvalidInput
from search_spaces.common.own_functions import reference_of
from search_spaces.common.own_objectives import with_own_objectives

if TYPE_CHECKING:
    from dite_search.api.study import Study
    from dite_search.doctor.findings import Finding


SOURCE = "Search"
"""Names a search without a file in messages."""


class Search:
    """A search: the fields of a search file, checked.

    ``Search(name="first", space="tiny", data={"synthetic": {}}, trials=4)`` is a search without a file. Fields and sections
    are those of the search file. An objective may be a function that `objective` marks, beside names.

    Args:
        fields: The fields of a search file by name, sections as mappings.

    Raises:
        InvalidInput: a field is unknown, or its value breaks a rule; the message names field, rule and value.
    """

    def __init__(self, **fields: Any) -> None:
        values = with_own_objectives(with_trials(_with_references(fields), SOURCE), Path.cwd())
        config = with_keypoints(parse_search(values, SOURCE), values, SOURCE)
        self.config: SearchConfig = with_weights(config, SOURCE)
        """The search as the rest of the program reads it."""
        self._file = SOURCE

    @classmethod
    def from_file(cls, path: str | Path, *, data: str | Path | None = None, **changes: Any) -> Search:
        """Return the search that a file describes.

        Args:
            path: The search file.
            data: The folder of the data, in place of ``data.root``.
            changes: Fields of the search file, in place of the file's.

        Raises:
            InvalidInput: the file cannot be read, or a field breaks its rule.
        """
        root = None if data is None else str(data)
        return cls._of(read_search(path, data_root=root, changes=_with_references(changes)), str(path))

    @classmethod
    def _of(cls, config: SearchConfig, file: str = SOURCE) -> Search:
        found = cls.__new__(cls)
        found.config, found._file = config, file
        return found

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.config.name

    @property
    def directory(self) -> Path:
        """The folder of the study, absolute; it exists once the search has run."""
        return self.config.study_directory

    def doctor(self) -> list[Finding]:
        """Look at all that the search needs: Ray, its nodes, folders, databases, data, disk space and clocks.

        Ray is started where none runs.

        Returns:
            One finding for each check, with ``name``, ``status`` (``ok``, ``warning`` or ``failed``), ``sentence`` and
            ``remedy``.
        """
        with quietly():
            from dite_search.doctor.preflight import examine
            from dite_search.driver.ray_session import start_ray

            return list(examine(self.config, start=start_ray, new=not self._exists).findings)

    def run(self, *, quiet: bool = False) -> Study:
        """Run the search to its end, and return its study.

        A Ray that this process is connected to is used, and left running. Otherwise ``RAY_ADDRESS`` names a cluster, or a
        Ray of this machine is started, which ends with this process. Ctrl-C, or the stop button of a notebook, ends the
        running epochs and saves them; `resume` goes on.

        Args:
            quiet: Whether no progress is shown.

        Raises:
            InvalidInput: the name is taken, or the data, the budget, the storage or the resources do not fit; nothing was
                started.
        """
        from dite_search.api.study import Study

        with quietly():
            from dite_search.driver.run_search import run_search
            from dite_search.tasks.supernet.pick_finalists import with_finalists

            console = console_for_python(quiet=quiet)
            run_search(with_finalists(self.config, file=self._file, console=console), console)
        return Study.load(self.directory)

    def resume(self, *, quiet: bool = False) -> Study:
        """Go on with the study of this search, which was cut off or paused, and return it.

        No result is lost, and none is made twice. The search file in the study's folder is the one that counts.

        Args:
            quiet: Whether no progress is shown.

        Raises:
            InvalidInput: there is no such study, nothing is left to do, or another process runs it.
        """
        return self._go_on(quiet)

    def extend(
        self,
        *,
        trials: int | None = None,
        hours: float | None = None,
        gpu_hours: float | None = None,
        epochs: int | None = None,
        until: str | datetime | None = None,
        quiet: bool = False,
    ) -> Study:
        """Add networks, or budget, to the study of this search, run what it has left, and return it.

        Args:
            trials: Networks beside those asked for so far.
            hours: Hours to add.
            gpu_hours: GPU hours to add.
            epochs: Epochs to add.
            until: A later end, as in ``2026-12-01T08:00``; local time without an offset.
            quiet: Whether no progress is shown.

        Raises:
            InvalidInput: nothing is added, a number is not above 0, or as `resume`.
        """
        from dite_search.spending.state import Extension

        amounts: Mapping[str, Any] = {"trials": trials, "hours": hours, "gpu_hours": gpu_hours, "epochs": epochs}
        for name, amount in amounts.items():
            kind = int if name in ("trials", "epochs") else (int, float)
            if amount is not None and not (isinstance(amount, kind) and 0 < amount < float("inf")):
                whole = "a whole number" if kind is int else "a number"
                raise InvalidInput(f"{name} to add must be {whole} above 0, got {amount!r}")
        try:
            end = moment(until)
        except ValueError as error:
            raise InvalidInput(f"until {error}") from None
        more = Extension(**amounts, until=end)
        if more.is_empty:
            raise InvalidInput("extend must be given trials, hours, gpu_hours, epochs or until")
        return self._go_on(quiet, more)

    def __repr__(self) -> str:
        asked = f"{self.config.trials} trials" if self.config.trials else "trials within its budget"
        return f"Search({self.name!r}, {', '.join(self.config.objectives)}, {asked})"

    @property
    def _exists(self) -> bool:
        from dite_search.study.directory import SEARCH_FILE

        return (self.directory / SEARCH_FILE).is_file()

    def _go_on(self, quiet: bool, more: Any = None) -> Study:
        from dite_search.api.study import Study
        from dite_search.study.directory import load_config

        with quietly():
            from dite_search.driver.run_search import resume_search

            resume_search(load_config(self.directory), console_for_python(quiet=quiet), more=more)
        return Study.load(self.directory)


def _with_references(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields whose objectives are names: a function is named by its module."""
    objectives = fields.get("objectives")
    if not isinstance(objectives, Sequence) or isinstance(objectives, str):
        return dict(fields)
    return {**fields, "objectives": [reference_of(each) if callable(each) else each for each in objectives]}
