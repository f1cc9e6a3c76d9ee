"""Docstrings of packages, benchmarks and tests keep the mechanical rules of prose; the other rules need a reader."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.conftest import ROOT

FOLDERS = ("search_spaces", "trainers", "analysis", "dite_search", "benchmarks", "tests")
FORBIDDEN_BEGINNING = re.compile(r"(What|Who|Whoever|Whose|That of|That which|Those|One that|One of|The one)\b")
"""Beginnings that name a thing by a pronoun: a function begins with its verb, a value with its noun."""


MOST_WORDS = 25
"""The words of one sentence in a docstring."""
MOST_PARAMETERS = 2
"""Parameters that running text may describe; from three on they stand in an ``Args:`` block."""
SENTENCE_END = re.compile(r"(?<=[.!?])\)?\s+|(?<=::)\s")
ITEM = re.compile(r"\s*(?:- |\w+(?:, \w+)*: |``\S+``$)")
"""A line that begins something new: an entry of a list, of an ``Args:`` block or of a list of definitions."""


@cache
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


def passages(docstring: str) -> Iterator[str]:
    """Yield the paragraphs and the entries of lists of a docstring, each on one line."""
    lines: list[str] = []
    for line in [*inspect.cleandoc(docstring).splitlines(), ""]:
        is_new = not line.strip() or ITEM.match(line) or (lines and indent(line) < indent(lines[-1]))
        if is_new and lines:
            yield " ".join(part.strip() for part in lines)
            lines = []
        if line.strip():
            lines.append(line)


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def long_sentences(docstring: str) -> list[str]:
    """Return the sentences of more than `MOST_WORDS` words; numbers and signs between them are no words."""
    sentences = [sentence for passage in passages(docstring) for sentence in SENTENCE_END.split(passage)]
    return [each for each in sentences if sum(any(map(str.isalpha, word)) for word in each.split()) > MOST_WORDS]


def parameters(node: ast.stmt) -> list[str]:
    """Return the parameters of a function, or of the constructor of a class, which a dataclass has by its fields."""
    if isinstance(node, ast.ClassDef):
        made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name in ("__init__", "__new__")]
        fields = [
            each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        ]
        return parameters(made[0]) if made else fields
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    return [each.arg for each in arguments if each and each.arg not in ("self", "cls")]


def faults_of_args(node: ast.stmt) -> Iterator[str]:
    """Yield why the ``Args:`` block of a function or class is missing, or names what is no parameter.

    A docstring of one line may name any number of parameters, and so may one of a private function.
    """
    docstring = ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else None
    if not docstring:
        return
    names = parameters(node)
    text, _, block = docstring.partition("Args:\n")
    entries = re.findall(r"^    (\w+(?:, \w+)*):", block.partition("\n\n")[0], re.MULTILINE)
    unknown = sorted({name for entry in entries for name in entry.split(", ")} - set(names))
    if unknown:
        yield f"{', '.join(unknown)} in Args: is no parameter"
    described = [name for name in names if f"``{name}``" in text.partition("Raises:\n")[0]]
    if not (block or node.name.startswith("_")) and "\n" in docstring and len(described) > MOST_PARAMETERS:
        yield f"needs an Args: block for {', '.join(described)}"


def test_sentences_are_short() -> None:
    found = [
        f"{path}:{docstring.lineno}: {sentence}"
        for path, tree in modules().items()
        for docstring in docstrings(tree)
        for sentence in long_sentences(docstring.value)
    ]
    assert found == []


def test_parameters_that_need_words_stand_in_a_block() -> None:
    found = [
        f"{path}:{node.lineno}: {fault}"
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt)
        for fault in faults_of_args(node)
    ]
    assert found == []


def test_a_long_sentence_is_found_wherever_it_stands() -> None:
    long, short = " ".join(["word"] * 26) + ".", " ".join(["word"] * 25) + "."
    assert long_sentences(f"{short} {long}") == [long]
    assert long_sentences(f"{short}\n\nArgs:\n    a: {long}") == [f"a: {long}"]
    assert long_sentences(f"{short}\n\n- {short[:-1]}\n- {short}") == []
    assert long_sentences(f"{short[:-1]} 1 2 = 3 (4).") == []
    wrapped = long.replace("word word", "word\n    word", 1)
    assert len(long_sentences(f"x\n\n    {wrapped}")) == 1


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('def f(a, b, c):\n    """Do.\n\n    ``a`` and ``b`` and ``c``.\n    """', "needs an Args: block for a, b, c"),
        ('def f(a, b, c):\n    """Do.\n\n    ``a`` and ``b``.\n    """', None),
        ('def _f(a, b, c):\n    """Do.\n\n    ``a`` and ``b`` and ``c``.\n    """', None),
        ('def f(a, b, c):\n    """Do ``a``, ``b`` and ``c``."""', None),
        (
            'def f(a, *b):\n    """Do.\n\n    Args:\n        a: One.\n        b, d: Two.\n    """',
            "d in Args: is no parameter",
        ),
        (
            'class A:\n    """It.\n\n    ``a`` and ``b`` and ``c``.\n    """\n    a: int\n    b: int\n    c: int',
            "needs an Args: block for a, b, c",
        ),
        ('class A:\n    """It.\n\n    Args:\n        a: One.\n    """\n    def __init__(self, a):\n        pass', None),
    ],
)
def test_a_block_that_is_missing_or_wrong_is_found(source: str, fault: str | None) -> None:
    assert list(faults_of_args(ast.parse(source).body[0])) == ([fault] if fault else [])


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
