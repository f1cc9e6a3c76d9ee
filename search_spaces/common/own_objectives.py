"""Objectives of a user's own: functions in Python that a search file names as ``module:function``.

A function says by `objective` which way it is better and where its value comes from. The search keeps that beside a digest
of the module's code (`OwnObjective`). So a study is read without the module, and a changed function is noticed.
"""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import COUNTED, MAXIMIZE, OBJECTIVES, Objective, register
from search_spaces.common.own_functions import (
    MARK,
    Declaration,
    check_arguments,
    check_declaration,
    file_of,
    loaded,
    problem_words,
    root_of,
)

NAME = re.compile(r"[a-z_][a-z0-9_]{0,49}")
REFERENCE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
RESERVED = frozenset(
    {"trial", "status", "reason", "arch_id", "seed", "epoch", "epochs", "seconds", "checkpoint", "mlflow_run_id", "loss"}
    | {"macs", "ap", "ar", "note", "number", "point", "arch", "costs", "key", "repeat", "continues", "learning_rate"}
)
"""Names that trials, tables and reports have for something else."""


@dataclass(frozen=True, kw_only=True)
class OwnObjective:
    """An objective of a user's own, as the study remembers it; the process that makes or receives one knows it from then on.

    Args:
        name: The name of the function, by which budgets and tables call it.
        function: The function as ``module:function``.
        folder: The folder in which the module was found, where it is looked for first.
        direction: ``minimize`` or ``maximize``.
        source: ``counted`` or ``measured``.
        digest: The digest of the module's code, comments and blank lines left out.
        unit: The unit of its values.
        label: The name in tables and charts.

    Raises:
        InvalidInput: a field breaks its rule, or one of the same name has another direction or source in this process.
    """

    # An unknown field in a study's search file is refused, as in every section.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    name: str
    function: str
    folder: str
    direction: str
    source: str
    digest: str
    unit: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        if not REFERENCE.fullmatch(self.function) or not NAME.fullmatch(self.name):
            raise InvalidInput(f"function of objective {self.name} must be module:function, got {self.function!r}")
        check_declaration(self.direction, self.source)
        register(self.row)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make the objective known to a process that it came to."""
        vars(self).update(state)
        register(self.row)

    @property
    def row(self) -> Objective:
        """The row of the objective among those that every layer reads."""
        label = self.label or self.name.replace("_", " ")
        return Objective(
            name=self.name,
            direction=self.direction,
            source=self.source,
            label=f"{label} ({self.unit})" if self.unit else label,
            unit=re.sub(r"[^a-z0-9]+", "", self.unit.lower()),
            significant=True,
            least=f"{'highest' if self.direction == MAXIMIZE else 'lowest'} {label}",
            convention=f"The value of a function of the user's own, {self.function} (code {self.digest}), {_source(self)}.",
            is_own=True,
        )

    @property
    def file(self) -> Path:
        """The file of the module.

        Raises:
            InvalidInput: there is none.
        """
        return file_of(self.function, self.function.partition(":")[0], Path(self.folder))

    @property
    def is_counted(self) -> bool:
        """Whether the value follows from the architecture alone."""
        return self.source == COUNTED

    @property
    def field(self) -> str:
        """The name of the field in the protocol of a study."""
        return f"objective {self.name}"

    @property
    def statement(self) -> str:
        """The value of the field: the function and the digest of its code."""
        return f"{self.function}, code {self.digest}"

    def load(self) -> Callable[..., Any]:
        """Return the function.

        Raises:
            InvalidInput: the module or the function is not there, or is not the one that the study was made with.
        """
        return _function_of(self)

    def value(self, subject: str, *arguments: Any) -> float:
        """Call the function, and return its value.

        ``subject`` names the network in messages.

        Raises:
            InvalidInput: as `load`; or the function raises, or its value is not a finite number above 0.
        """
        function = self.load()
        try:
            found = function(*arguments)
        except Exception as error:
            # Whatever a user's function raises is the user's to read, in one sentence.
            raise InvalidInput(
                f"objective {self.function} must have a value for {subject}, but raises {problem_words(error)}"
            ) from error
        try:
            number = float(found) if not isinstance(found, bool | str) else math.nan
        except (TypeError, ValueError):
            number = math.nan
        if not (math.isfinite(number) and number > 0):
            raise InvalidInput(
                f"objective {self.function} must be a finite number above 0 for {subject}, got {_shown(found)}"
            )
        return number


def resolved(reference: str, folder: Path) -> OwnObjective:
    """Return the objective that a search file in ``folder`` names as ``module:function``.

    Raises:
        InvalidInput: there is no such module or function, the function is no objective, or its name is taken.
    """
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise InvalidInput(f"an objective of your own must be written as module:function, got {reference!r}")
    function, digest = loaded(reference, folder)
    file = file_of(reference, match[1], folder)
    declared: Declaration = getattr(function, MARK)
    name = match[2]
    if not NAME.fullmatch(name):
        raise InvalidInput(f"objective {reference} must have a name of small letters, digits and underscores, got {name!r}")
    if name in RESERVED or (name in OBJECTIVES and not OBJECTIVES[name].is_own):
        raise InvalidInput(f"objective {reference} must have a name of its own, but {name} means something else already")
    check_arguments(reference, function, declared.source)
    return OwnObjective(
        name=name,
        function=reference,
        folder=str(root_of(file, match[1])),
        direction=declared.direction,
        source=declared.source,
        unit=declared.unit,
        label=declared.label,
        digest=digest,
    )


LIMIT_ON_FUNCTION = re.compile(r"\s*([\w.]+:\w*)(\s*<=.*)", re.DOTALL)
FIELD = "own_objectives"
"""The field of a search that holds what the functions are."""


def with_own_objectives(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the fields of a search whose objectives and limits name functions of the user's own by their names alone.

    What the functions are stands in ``own_objectives`` then, and they are known to this process. Fields of a wrong type are
    left for others to refuse.

    Args:
        values: The fields.
        folder: The folder of the search file, where modules are looked for first.

    Raises:
        InvalidInput: as `resolved`; or two functions have one name, or one name has two directions or sources.
    """
    stated = [value for value in _list(values.get(FIELD)) if isinstance(value, Mapping)]
    found: dict[str, OwnObjective] = {}
    for fields in stated:
        with contextlib.suppress(TypeError):
            own = OwnObjective(**fields)
            found[own.name] = own

    def named(reference: str) -> str:
        own = resolved(reference, folder)
        before = found.setdefault(own.name, own)
        if before.function != own.function:
            raise InvalidInput(f"objectives must have names of their own, got {before.function} and {own.function}")
        found[own.name] = own
        return own.name

    changed = dict(values)
    if isinstance(values.get("objectives"), list | tuple):
        texts = values["objectives"]
        changed["objectives"] = [named(text) if isinstance(text, str) and ":" in text else text for text in texts]
    if values.get("budget"):
        limits = values["budget"]
        parts = [(text, LIMIT_ON_FUNCTION.fullmatch(text) if isinstance(text, str) else None) for text in _list(limits)]
        if any(part for _, part in parts):
            changed["budget"] = [named(part[1]) + part[2] if part else text for text, part in parts]
    if len(found) > len(stated):
        changed[FIELD] = [asdict(own) for own in found.values()]
    return changed


def beside_file(values: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """Return the fields of a search file, as `with_own_objectives` does; the message of an error names the file."""
    try:
        return with_own_objectives(values, Path(path).absolute().parent)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from None


def _list(value: Any) -> list[Any]:
    """Return the entries of a list, or the value itself as the only one; nothing for None."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _source(own: OwnObjective) -> str:
    return "counted from the architecture" if own.is_counted else "measured on the exported network before its training"


@functools.lru_cache(maxsize=64)
def _function_of(own: OwnObjective) -> Callable[..., Any]:
    """Return the function of an objective; its file is read once in a process."""
    function, digest = loaded(own.function, Path(own.folder))
    if digest != own.digest:
        raise InvalidInput(
            f"objective {own.function} must be the code {own.digest} that the study was made with, but it is {digest}:"
            " put it back, or make a new study under another name"
        )
    return function


def _shown(value: Any) -> str:
    return repr(value)[:80]
