"""Docstrings of packages, benchmarks and tests keep the mechanical rules of prose; the other rules need a reader."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

FOLDERS = ("search_spaces", "trainers", "analysis", "dite_search", "benchmarks", "tests")
FORBIDDEN_BEGINNING = re.compile(r"(What|Who|Whoever|Whose|That of|That which|Those|One that|One of|The one)\b")
"""Beginnings that name a thing by a pronoun: a function begins with its verb, a value with its noun."""


def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module, by its path below the root."""
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def docstrings(tree: ast.Module) -> Iterator[ast.Constant]:
    """Yield the docstrings of a module, of its classes and functions, and of the names that it or a class assigns."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in node.body[:1] if is_function else node.body:
            match statement:
                case ast.Expr(value=ast.Constant(value=str()) as docstring):
                    yield docstring


def begins_badly(docstring: str) -> bool:
    """Whether a docstring begins with a pronoun that stands for the thing it describes."""
    return FORBIDDEN_BEGINNING.match(docstring.strip()) is not None


def found(tree: ast.Module, path: str) -> Iterator[str]:
    """Yield the place and the beginning of every docstring that begins with a pronoun."""
    for docstring in docstrings(tree):
        if begins_badly(docstring.value):
            yield f"{path}:{docstring.lineno}: {docstring.value.strip()[:60]}"


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    assert [line for path, tree in modules().items() for line in found(tree, path)] == []


@pytest.mark.parametrize(
    "source",
    [
        '"""What is asked."""',
        'x = 1\n"""Those of all."""',
        'class A:\n    """One that waits."""',
        'class A:\n    b = 1\n    """Who asks."""',
        'async def f():\n    r"""  That of the other."""',
    ],
)
def test_a_pronoun_at_the_beginning_is_found(source: str) -> None:
    assert len(list(found(ast.parse(source), "m.py"))) == 1


@pytest.mark.parametrize("text", ["Whatever waits, waits.", "Whether it waits.", "Onetime keys.", "Whole numbers."])
def test_words_that_only_look_alike_are_left_alone(text: str) -> None:
    assert not begins_badly(text)
