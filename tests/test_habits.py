"""Habits: a module has a file of tests of its name, a test of an error checks its message.

The references in the checkout are those of the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest

from mkdocs_architecture import PACKAGES
from mkdocs_references import FOLDER, PAGES, stale_pages
from tests.conftest import ROOT

LEAST_NAMED = 0.8
"""The share of modules that must have a file of tests of their name."""
WITHOUT_MESSAGE = {"KeyboardInterrupt", "Interrupted", "Killed"}
"""Exceptions that carry no message: a test raises them itself, or a signal does."""


def module_names() -> list[str]:
    """Return the paths of all modules of the packages; ``__init__`` and ``__main__`` are tested through others."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path.relative_to(ROOT).as_posix() for path in paths if not path.name.startswith("__"))


def names_of_tests() -> set[str]:
    return {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def unchecked(source: str, path: str) -> Iterator[str]:
    """Yield every ``pytest.raises`` that neither matches the message nor reads the exception afterwards."""
    for function in ast.walk(ast.parse(source, path)):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for block in ast.walk(function):
            for item in block.items if isinstance(block, ast.With) else []:
                call = item.context_expr
                if not (isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.raises"):
                    continue
                is_read = isinstance(item.optional_vars, ast.Name) and f"{item.optional_vars.id}.value" in ast.unparse(
                    function
                )
                has_message = not {ast.unparse(each) for each in call.args} <= WITHOUT_MESSAGE
                if has_message and not is_read and "match" not in {each.arg for each in call.keywords}:
                    yield f"{path}:{call.lineno}: {ast.unparse(call)}"


def test_modules_have_a_file_of_tests_of_their_name() -> None:
    names, modules = names_of_tests(), module_names()
    without = [path for path in modules if f"test_{PurePosixPath(path).name}" not in names]
    share = 1 - len(without) / len(modules)
    assert share >= LEAST_NAMED, f"{share:.0%} of {len(modules)} modules have one; without: {', '.join(without)}"


def test_tests_of_errors_check_the_message() -> None:
    paths = sorted((ROOT / "tests").rglob("*.py"))
    found = [
        line for path in paths for line in unchecked(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("with pytest.raises(InvalidInput):\n        f()", True),
        ("with open(x), pytest.raises((InvalidInput, OSError)):\n        f()", True),
        ("with pytest.raises(InvalidInput) as caught:\n        f()", True),
        ("with pytest.raises(InvalidInput, match='x must'):\n        f()", False),
        ("with pytest.raises(InvalidInput) as caught:\n        f()\n    assert str(caught.value) == 'x'", False),
        ("with pytest.raises(KeyboardInterrupt):\n        f()", False),
    ],
)
def test_a_message_that_is_not_checked_is_found(line: str, is_found: bool) -> None:
    assert bool(list(unchecked(f"def test_it():\n    {line}\n", "tests/test_x.py"))) == is_found


def test_the_references_in_the_checkout_are_those_of_the_code(tmp_path) -> None:
    stale = stale_pages()
    assert not stale, f"make references writes {', '.join(stale)} anew"
    (tmp_path / "cli.md").write_text((FOLDER / "cli.md").read_text(encoding="utf-8") + "x", encoding="utf-8")
    assert set(stale_pages(tmp_path)) == set(PAGES)
