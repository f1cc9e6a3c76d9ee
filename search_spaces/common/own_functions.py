"""Functions of a user's own that are objectives: how they are marked, found, run and told apart by their code."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import io
import sys
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from search_spaces.common.errors import InvalidInput, first_line, unknown_name
from search_spaces.common.objectives import COUNTED, MAXIMIZE, MEASURED, MINIMIZE

Function = TypeVar("Function", bound=Callable[..., Any])

MARK = "__dite_objective__"
"""The attribute by which a function is known as an objective."""
ARGUMENTS = {COUNTED: "the architecture and its cost", MEASURED: "the path of the ONNX file"}
"""The arguments of a function, by its source."""
ARGUMENT_COUNTS = {COUNTED: 2, MEASURED: 1}
DIGEST_CHARACTERS = 16
UNIT_CHARACTERS = 12


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """The facts that `objective` states of a function."""

    direction: str
    source: str
    unit: str
    label: str


def objective(
    *, direction: str = MINIMIZE, source: str = COUNTED, unit: str = "", label: str = ""
) -> Callable[[Function], Function]:
    """Mark a function as an objective that search files may name as ``module:function``.

    A counted function takes the architecture and its cost (`Architecture`, `Cost`). It is called for every candidate before
    any training, and must give the same value each time. A measured one takes the path of an ONNX file. It is called once
    for each network, on the machine of the trial. Both return a finite number above 0.

    Args:
        direction: ``minimize``, or ``maximize`` where larger values are better.
        source: ``counted`` or ``measured``.
        unit: The unit in tables and charts, such as ``mJ``; may be empty.
        label: The name in tables and charts; the function's name by default.

    Raises:
        InvalidInput: direction or source is none of these, or unit or label is too long.
    """
    check_declaration(direction, source)
    for field, value, most in (("unit", unit, UNIT_CHARACTERS), ("label", label, 40)):
        if not isinstance(value, str) or len(value) > most or not value.isprintable():
            raise InvalidInput(f"{field} of an objective must be a text of at most {most} characters, got {value!r}")

    def mark(function: Function) -> Function:
        setattr(function, MARK, Declaration(direction=direction, source=source, unit=unit, label=label))
        return function

    return mark


def check_declaration(direction: object, source: object) -> None:
    """Refuse a direction or a source of an objective that there is none of.

    Raises:
        InvalidInput: the message names the field and the value.
    """
    for field, value, known in (("direction", direction, (MINIMIZE, MAXIMIZE)), ("source", source, (COUNTED, MEASURED))):
        if value not in known:
            raise InvalidInput(f"{field} of an objective must be {' or '.join(known)}, got {value!r}")


def check_arguments(reference: str, function: Callable[..., Any], source: str) -> None:
    """Refuse a function that does not take what functions of its source are given.

    Raises:
        InvalidInput: the message has the arguments of the function.
    """
    try:
        inspect.signature(function).bind(*[None] * ARGUMENT_COUNTS[source])
    except (TypeError, ValueError):
        raise InvalidInput(
            f"objective {reference} is {source}, so it must take {ARGUMENTS[source]}, but its arguments are"
            f" {inspect.signature(function)}"
        ) from None


_MODULES: dict[tuple[str, str], ModuleType] = {}
"""Modules that were run, by their file and the digest of their code: an edited one is run anew."""


def reference_of(function: Callable[..., Any]) -> str:
    """Return a function as ``module:function``, by which other processes find it.

    Raises:
        InvalidInput: the function stands in a notebook or in the script that runs.
    """
    if function.__module__ == "__main__":
        raise InvalidInput(
            f"objective {function.__name__} must stand in a module, because trials run in other processes: write it to a"
            " file beside, such as energies.py"
        )
    return f"{function.__module__}:{function.__qualname__}"


def loaded(reference: str, folder: Path) -> tuple[Callable[..., Any], str]:
    """Return a function that is marked as an objective, and the digest of its module's code."""
    module_name, _, name = reference.partition(":")
    file = file_of(reference, module_name, folder)
    digest = code_digest(file)
    module = _MODULES.get((str(file), digest))
    if module is None:
        module = _run(reference, module_name, file, digest)
        _MODULES[str(file), digest] = module
    known = {key: value for key, value in vars(module).items() if hasattr(value, MARK)}
    if name not in known:
        if not known and not hasattr(module, name):
            raise InvalidInput(f"objective {reference} needs a function {name} in {file}, which has no objective")
        if callable(getattr(module, name, None)):
            raise InvalidInput(
                f"objective {reference} must be decorated with @objective of dite_search, which says its direction"
            )
        raise unknown_name(f"objective of {file}", name, known)
    return known[name], digest


def file_of(reference: str, module: str, folder: Path) -> Path:
    """Return the file of a module: below the folder, below the working directory, or wherever Python finds it."""
    parts = module.split(".")
    for place in (folder.joinpath(*parts), Path.cwd().joinpath(*parts)):
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file.absolute()
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, AttributeError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise InvalidInput(f"objective {reference} needs the module {module}, which is neither in {folder} nor installed")
    return Path(spec.origin)


def root_of(file: Path, module: str) -> Path:
    """Return the folder from which a module of this file is imported under its name."""
    return file.parents[module.count(".") + (file.name == "__init__.py")]


def _run(reference: str, name: str, file: Path, digest: str) -> ModuleType:
    """Run a module under a name that no other version of it has; what lies beside it can be imported."""
    root = str(root_of(file, name))
    if root not in sys.path:
        # Last, so that nothing of Python's or of an installed package is hidden.
        sys.path.append(root)
    package = name.rpartition(".")[0]
    # A module of a package keeps its name, for relative imports; another version of it is put back afterwards.
    known_as = name if package else f"_objective_{digest}_{name}"
    before = sys.modules.get(known_as)
    try:
        if package:
            importlib.import_module(package)
            before = sys.modules.get(known_as)
        folders = [str(file.parent)] if file.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(known_as, file, submodule_search_locations=folders)
        assert spec is not None, "a file of Python has a loader"
        assert spec.loader is not None, "a file of Python has a loader"
        module = sys.modules[known_as] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except InvalidInput as error:
        raise InvalidInput(f"objective {reference}: {error}") from None
    except Exception as error:
        # A module may raise anything while it is imported.
        raise InvalidInput(f"objective {reference}: {file} cannot be imported: {problem_words(error)}") from error
    finally:
        if before is not None:
            sys.modules[known_as] = before
    return module


def code_digest(file: Path) -> str:
    """Return the digest of a file of Python without comments, blank lines and spaces at the ends of lines."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {first_line(error)}") from None
    lines = text.splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError):
        # What is no Python is told where it is run.
        pass
    kept = "\n".join(line.rstrip() for line in lines if line.strip())
    return hashlib.sha256(kept.encode()).hexdigest()[:DIGEST_CHARACTERS]


def problem_words(error: Exception) -> str:
    """Return the kind of an error and the first line of its message."""
    return f"{type(error).__name__}: {first_line(error)}"[:300]
