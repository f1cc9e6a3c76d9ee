"""The reference of the surface for Python, written from its docstrings: Markdown, a page of docs/reference."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

HEAD = """\
# Python

`import dite_search` hands out what the command line uses, as objects. It takes no time: each name is imported when it is
asked for. A mistake raises `InvalidInput` with the sentence that the command line prints.

```python
from dite_search import Search, predict

if __name__ == "__main__":
    study = Search.from_file("search.yaml").run()
    print(study.front)
    study.export(mmacs=200)
    people = predict(study.directory, "photos/")
```

The same works in a notebook, where progress is plain text: `examples/notebook.ipynb` is one that was run. Where Ray runs in
the process already, the search uses it and leaves it running.
"""
SECTION = re.compile(r"^(Args|Returns|Raises):$", re.MULTILINE)
QUOTED_TYPE = re.compile(r"(: |-> )'([^']*)'")
ORDER = ("Search", "Study", "build_network", "load_network", "predict", "objective", "InvalidInput")
"""The names of the package in the order of the page."""
ENTRY = re.compile(r"^(\w+): ")


def python_reference(package: ModuleType) -> str:
    """Return Markdown with every name that the ``package`` hands out: its signature, its docstring, and its methods."""
    lines = [HEAD]
    for name in ORDER:
        found = getattr(package, name)
        lines += [f"## {name}", ""]
        if inspect.isclass(found) and not issubclass(found, Exception):
            lines += [*_described(name, found), *_members(name, found)]
        elif inspect.isclass(found):
            lines += [*_prose(inspect.cleandoc(found.__doc__ or "")), ""]
        else:
            lines += _described(name, found)
    return "\n".join(lines).rstrip("\n") + "\n"


def _members(owner: str, cls: type) -> Iterator[str]:
    """Yield the public properties and methods of a class, in the order in which they are written."""
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        yield f"### {owner}.{name}"
        yield ""
        if isinstance(member, property):
            yield from (*_prose(inspect.cleandoc(member.__doc__ or "")), "")
        else:
            yield from _described(f"{owner}.{name}", getattr(cls, name))


def _described(name: str, found: Any) -> list[str]:
    """Return the signature of a function or a class, and its docstring with a table of the arguments."""
    lines = ["```py", _signature(name, found), "```", ""]
    parts = SECTION.split(inspect.cleandoc(found.__doc__ or ""))
    lines += [*_prose(parts[0]), ""]
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        lines += [*(_table(text) if title == "Args" else [f"{title}: {_joined(text)}"]), ""]
    return lines


def _signature(name: str, found: Any) -> str:
    text = QUOTED_TYPE.sub(r"\1\2", str(inspect.signature(found))).replace("(self, ", "(").replace("(self)", "()")
    return name + (text.removesuffix(" -> None") if inspect.isclass(found) else text)


def _table(text: str) -> list[str]:
    """Return a row for each argument; lines that go on with a meaning belong to the row before."""
    rows: list[list[str]] = []
    for line in inspect.cleandoc(text).splitlines():
        match = ENTRY.match(line)
        if match and not line.startswith(" "):
            rows.append([match[1], line[match.end() :]])
        else:
            rows[-1][1] += f" {line.strip()}"
    return [
        "| argument | meaning |",
        "| --- | --- |",
        *(f"| `{name}` | {_marked(meaning).replace('|', chr(92) + '|')} |" for name, meaning in rows),
    ]


def _prose(text: str) -> list[str]:
    return _marked(text.strip()).splitlines()


def _joined(text: str) -> str:
    return _marked(" ".join(inspect.cleandoc(text).split()))


def _marked(text: str) -> str:
    """Return text with double backticks of docstrings made single."""
    return text.replace("``", "`")
