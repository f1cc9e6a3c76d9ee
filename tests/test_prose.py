"""Docstrings, pages, help texts and the report keep the mechanical rules of prose; the other rules need a reader."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from dite_search.cli import main
from dite_search.config.reference_page import SECTIONS, search_file_reference
from search_spaces.common.objectives import OBJECTIVES
from search_spaces.registry import FAMILIES
from tests.conftest import ROOT
from tests.docs.pages import FENCE, pages

FOLDERS = ("search_spaces", "trainers", "analysis", "dite_search", "benchmarks", "tests")
FORBIDDEN_BEGINNING = re.compile(r"(What|Who|Whoever|Whose|That of|That which|Those|One that|One of|The one)\b")
"""Beginnings that name a thing by a pronoun: a function begins with its verb, a value with its noun."""


MOST_WORDS = 25
"""The words of one sentence in a docstring, on a page or in a help text."""
MOST_PARAMETERS = 2
"""Parameters that running text may describe; from three on they stand in an ``Args:`` block."""
SENTENCE_END = re.compile(r"(?<=[.!?])\)?\*{0,2}\s+|(?<=::)\s")
ITEM = re.compile(r"\s*(?:- |\w+(?:, \w+)*: |``\S+``$)")
"""A line that begins something new: an entry of a list, of an ``Args:`` block or of a list of definitions."""
PAGE_ITEM = re.compile(r"\s*(?:[-*] |\d+\. )")
"""A line that begins an entry of a list on a page."""
NO_PROSE = re.compile(r"^\s*(?:[#|].*|\{%.*%\})$|<!--.*?-->", re.MULTILINE)
"""Headings, rows of tables, tags of Jinja that fill a line, and comments."""
PAGES = (*pages(), ROOT / "CONTRIBUTING.md", *(ROOT / "analysis/templates").glob("*.md"))
PRINTED = ("analysis/report/", "analysis/data_page/", "analysis/comparison/html.py")
"""Where the sentences of the report, of the page about data and of a comparison stand."""


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


def passages(text: str, item: re.Pattern[str] = ITEM) -> Iterator[str]:
    """Yield the paragraphs and the entries of lists of a docstring or page, each on one line."""
    lines: list[str] = []
    for line in [*inspect.cleandoc(text).splitlines(), ""]:
        is_new = not line.strip() or item.match(line) or (lines and indent(line) < indent(lines[-1]))
        if is_new and lines:
            yield " ".join(part.strip() for part in lines)
            lines = []
        if line.strip():
            lines.append(line)


def indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def long_sentences(docstring: str) -> list[str]:
    """Return the sentences of a docstring or help text that are too long."""
    return too_long(passages(docstring))


def long_sentences_of_page(text: str) -> list[str]:
    """Return the sentences of a Markdown page that are too long, a value that Jinja fills in counted as one word."""
    prose = NO_PROSE.sub("", FENCE.sub("\n", text))
    return too_long(passages(re.sub(r"\{\{.*?\}\}", "value", prose), PAGE_ITEM))


def too_long(found: Iterable[str]) -> list[str]:
    """Return the sentences of more than `MOST_WORDS` words; numbers and signs between them are no words."""
    sentences = [sentence for passage in found for sentence in SENTENCE_END.split(passage)]
    return [each for each in sentences if sum(any(map(str.isalpha, word)) for word in each.split()) > MOST_WORDS]


def help_texts(command: click.Command, name: str = "dite-search") -> Iterator[tuple[str, str]]:
    """Yield the help of a command, of its options and of the commands below it, each after its name."""
    yield name, command.help or ""
    for parameter in command.params:
        yield f"{name} {parameter.opts[0]}", getattr(parameter, "help", None) or ""
    for below, each in getattr(command, "commands", {}).items():
        yield from help_texts(each, f"{name} {below}")


def descriptions() -> Iterator[tuple[str, str]]:
    """Yield what the reference says of each field of a search file, and what pages say of objectives and families."""
    for title, section in SECTIONS.items():
        for name, field in section.model_fields.items():
            yield f"{title}: {name}", field.description or ""
    for objective in OBJECTIVES.values():
        yield objective.name, objective.convention
    for family in FAMILIES.values():
        yield family.name, f"{family.export_note} {family.defaults_note}"


def literals(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the text of a module with its line, docstrings and HTML tags left out, a value filled in as one word."""
    docs = {id(docstring) for docstring in docstrings(tree)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "value" for part in values)
            case ast.Constant(value=str() as text) if id(node) not in docs | parts:
                pass
            case _:
                continue
        yield node.lineno, re.sub(r"<[^>]+>", " ", text)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_sentences_of_pages_are_short(page: Path) -> None:
    assert long_sentences_of_page(page.read_text(encoding="utf-8")) == []


def test_sentences_of_help_texts_are_short() -> None:
    texts = [*help_texts(main), *descriptions()]
    assert [f"{place}: {sentence}" for place, text in texts for sentence in long_sentences(text)] == []
    assert long_sentences_of_page(search_file_reference()) == []


def test_sentences_of_the_report_are_short() -> None:
    found = [
        f"{path}:{line}: {sentence}"
        for path, tree in modules().items()
        if path.startswith(PRINTED)
        for line, text in literals(tree)
        for sentence in long_sentences(text)
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
    ("text", "count"),
    [
        ("{long}", 1),
        ("- {short}\n- {long}", 1),
        ("1. {short}\n   {long}", 1),
        ("**{long}** {short}", 1),
        ("{{% if a %}}\n{long}\n{{% endif %}}", 1),
        ("{short} ({long}) {short}", 1),
        ("{short}\n{{{{ a | join(' is ') }}}}.", 0),
        ("```\n{long}\n```\n# {long}\n\n| {long} |\n<!-- {long} -->", 0),
        ("- {short}\n- {half}\n  {half}", 0),
        ("{half}\n\n{short}", 0),
    ],
)
def test_a_long_sentence_of_a_page_is_found(text: str, count: int) -> None:
    words = {"long": " ".join(["word"] * 26) + ".", "short": " ".join(["word"] * 25) + ".", "half": " ".join(["word"] * 12)}
    assert len(long_sentences_of_page(text.format(**words))) == count


def test_help_texts_are_those_of_commands_options_and_commands_below() -> None:
    option = click.Option(["--all"], help="Everything.")
    group = click.Group("top", help="Top.", commands={"one": click.Command("one", help="One.", params=[option])})
    assert list(help_texts(group, "top")) == [("top", "Top."), ("top one", "One."), ("top one --all", "Everything.")]


def test_literals_are_the_text_between_docstrings() -> None:
    tree = ast.parse('"""Doc."""\nx = f"<b>A {1}</b> c" "d"\n\ndef f():\n    """Doc."""\n    return "e"')
    assert sorted(literals(tree)) == [(2, " A value  cd"), (6, "e")]


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
