"""The picture of docs/architecture.md, drawn from the imports: the rooms, and the way of one architecture through them.

Rooms are folders. Within a package a room stands above every room that it imports, and packages stand above those that they
import, so that every import goes down. The way is the numbered list of the page, whose steps link to modules. A room that is
new, gone or moved changes the picture when the site is built; ``python mkdocs_architecture.py`` prints it.
"""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
MARK = "<!-- the rooms and the way of one architecture, drawn from the imports -->"
PAGE = ROOT / "docs/architecture.md"
STEP = re.compile(r"^\d+\. \*\*(?P<name>[\w ]+)\*\* \(\[[^]]*\]\(\.\./(?P<module>[\w/]+\.py)", re.MULTILINE)
"""A step of the way in the page: its name, and the module that the architecture passes."""
PACKAGES = ("dite_search", "analysis", "trainers", "search_spaces")
WIDTH, MARGIN, COLUMNS = 360, 6, 3
"""Units of the picture, which are pixels on a telephone; the boxes that stand beside each other."""
BOX, GAP, TITLE = 24, 6, 22
"""Heights of a box, of the space between boxes, and of a package's name."""


@dataclass(frozen=True)
class Step:
    """One place on the way of an architecture, and the module that it passes there."""

    name: str
    module: str

    @property
    def room(self) -> str:
        """The folder of the module."""
        return self.module.rpartition("/")[0]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the picture in the place of the mark."""
    if MARK not in markdown:
        return markdown
    return markdown.replace(MARK, f'<figure class="architecture">{picture(sources(), way_of(markdown))}</figure>')


def way_of(page: str) -> list[Step]:
    """Return the steps of the numbered list in the text of a page."""
    return [Step(match["name"], match["module"]) for match in STEP.finditer(page)]


def sources() -> dict[str, str]:
    """Return the text of every module of the packages, by its path from the root."""
    paths = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def room_imports(texts: Mapping[str, str]) -> dict[str, dict[str, set[str]]]:
    """Return the rooms that each room imports, and the modules that import them, from the sources by their paths.

    A room is a folder without the folders in it: `trainers/data` and `trainers/data/formats` are two.
    """
    room_of = {
        path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path.rpartition("/")[0] for path in texts
    }
    found: dict[str, dict[str, set[str]]] = {room: {} for room in room_of.values()}
    for path, text in texts.items():
        own = path.rpartition("/")[0]
        for module, name in imported_names(path, text):
            target = f"{module}.{name}" if f"{module}.{name}" in room_of else module
            if room_of.get(target, own) != own:
                found[own].setdefault(room_of[target], set()).add(path)
    return found


@cache
def imported_names(path: str, text: str) -> tuple[tuple[str, str], ...]:
    """Return the modules that a source imports, and the name that it takes from each; empty for a module itself."""
    found: list[tuple[str, str]] = []
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: an import of our own is absolute"
            found += [(str(node.module), alias.name) for alias in node.names]
    return tuple(found)


def rows_of(package: str, imports: Mapping[str, Mapping[str, object]]) -> list[list[str]]:
    """Return the rooms of a package in rows from the top: a room stands in a row above every room that it imports."""
    rooms = {room: {other for other in imports[room] if _package(other) == package} for room in imports}
    rooms = {room: others for room, others in rooms.items() if _package(room) == package}
    levels: dict[str, int] = {}
    for room in TopologicalSorter(rooms).static_order():
        levels[room] = 1 + max((levels[other] for other in rooms[room]), default=-1)
    rows = [sorted(room for room in levels if levels[room] == level) for level in range(max(levels.values()), -1, -1)]
    return [row[start : start + COLUMNS] for row in rows for start in range(0, len(row), COLUMNS)]


def picture(texts: Mapping[str, str], way: Sequence[Step]) -> str:
    """Return the picture as SVG, on lines without blank ones between them, as Markdown takes it."""
    imports = room_imports(texts)
    bands: list[str] = []
    ends: dict[str, tuple[float, float]] = {}
    passed = {step.room for step in way}
    top = 0.0
    for package in PACKAGES:
        rows = rows_of(package, imports)
        height = TITLE + len(rows) * (BOX + GAP) + GAP
        bands.append(f'<rect class="package" x="1" y="{top + 1:g}" width="{WIDTH - 2}" height="{height - 2:g}" rx="6"/>')
        below = ", ".join(other for other in PACKAGES if other in _imported(package, imports)) or "nothing of ours"
        bands.append(f'<text class="name" x="{MARGIN + 2}" y="{top + 16:g}">{package}</text>')
        bands.append(f'<text class="imports" x="{WIDTH - MARGIN - 2}" y="{top + 16:g}">imports {below}</text>')
        for number, row in enumerate(rows):
            y = top + TITLE + number * (BOX + GAP)
            width = (WIDTH - 2 * MARGIN - (len(row) - 1) * GAP) / len(row)
            for column, room in enumerate(row):
                x = MARGIN + column * (width + GAP)
                ends[room] = (x, y + BOX / 2)
                bands += _box(room, x, y, width, passed=room in passed)
        top += height + GAP
    missing = [step.module for step in way if step.module not in texts]
    assert not missing, f"the way passes modules that do not exist: {missing}"
    stops = _stops([step.room for step in way], ends)
    places = ", then ".join(f"{step.name} in {step.room}" for step in way)
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {top - GAP:g}" role="img" aria-labelledby="rooms-title rooms-way">',
            '<title id="rooms-title">The rooms of the four packages; every import goes down</title>',
            f'<desc id="rooms-way">The way of one architecture: {html.escape(places)}</desc>',
            *bands,
            f'<path class="way" d="{_curve(stops)}"/>',
            *(_stop(number, *stop) for number, stop in enumerate(stops, 1)),
            "</svg>",
        ]
    )


def _package(room: str) -> str:
    return room.partition("/")[0]


def _imported(package: str, imports: Mapping[str, Mapping[str, object]]) -> set[str]:
    """Return the other packages that the rooms of a package import."""
    return {_package(other) for room in imports if _package(room) == package for other in imports[room]} - {package}


def _box(room: str, x: float, y: float, width: float, *, passed: bool) -> list[str]:
    label = html.escape(room.partition("/")[2] or "(its own files)")
    return [
        f'<rect class="room{" passed" if passed else ""}" x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX}" rx="4"/>',
        f'<text class="room" x="{x + width / 2:g}" y="{y + BOX / 2 + 3.5:g}">{label}</text>',
    ]


def _stops(rooms: Sequence[str], ends: Mapping[str, tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the place of each step at the left end of its room's box; steps of one room stand beside each other."""
    stops = []
    for number, room in enumerate(rooms):
        x, y = ends[room]
        stops.append((x + 11 + 18 * rooms[:number].count(room), y))
    return stops


def _curve(stops: Sequence[tuple[float, float]]) -> str:
    """Return a smooth path through the stops."""
    parts = [f"M{stops[0][0]:g} {stops[0][1]:g}"]
    for (x0, y0), (x1, y1) in pairwise(stops):
        bend = (y1 - y0) / 2
        parts.append(f"C{x0:g} {y0 + bend:g} {x1:g} {y1 - bend:g} {x1:g} {y1:g}")
    return " ".join(parts)


def _stop(number: int, x: float, y: float) -> str:
    return f'<g class="stop"><circle cx="{x:g}" cy="{y:g}" r="8"/><text x="{x:g}" y="{y + 3.5:g}">{number}</text></g>'


if __name__ == "__main__":
    print(picture(sources(), way_of(PAGE.read_text(encoding="utf-8"))))
