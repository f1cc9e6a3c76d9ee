"""A comparison as one HTML page: small, without scripts, for light and dark, whose pictures are drawn in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.comparison.pairwise import Comparison, curve_rows
from analysis.comparison.sides import Figure
from analysis.study.labels import quantity
from analysis.templates import template_environment
from search_spaces.common.files import write_text
from search_spaces.common.objectives import format_value

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 14, 32
ROW = 22
"""Height of one keypoint in pixels of the picture."""
NAMES = 130
"""Width of the keypoints' names."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A mark on an axis: where, and its text."""

    place: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The learning curves as points of a picture: ``lines`` of A and B, each the text of an SVG polyline."""

    title: str
    lines: tuple[str, str]
    columns: Sequence[Tick]
    rows: Sequence[Tick]


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A keypoint's two AP as places on a line, None where there is none."""

    name: str
    y: float
    first: float | None
    second: float | None


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text(path, page(comparison))


def page(comparison: Comparison) -> str:
    """The page as text; everything that came from outside is escaped, and nothing is loaded."""
    environment = template_environment("analysis")
    environment.globals.update(quantity=quantity, value=format_value, apart=_apart)
    return environment.get_template("comparing.html").render(
        found=comparison,
        curves=curves_of(comparison),
        bars=bars_of(comparison.keypoints),
        bar_ticks=[Tick(place=_bar_place(value / 4), text=f"{value / 4:.2f}") for value in range(5)],
        bars_height=ROW * (len(comparison.keypoints) + 1) + TOP,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=HEIGHT - BOTTOM,
        top=TOP,
    )


def curves_of(comparison: Comparison) -> Curves | None:
    """The curves of the accuracy that both have, from 0 to a little above the best; None where there are none."""
    score, rows = curve_rows(comparison, most=10_000)
    known = [value for _, *values in rows for value in values if value is not None]
    if not known:
        return None
    top = max(0.01, 1.05 * max(known))
    first, last = rows[0][0], rows[-1][0]

    def place(epoch: float, value: float) -> tuple[float, float]:
        across = (epoch - first) / (last - first) if last > first else 0.5
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    def line(index: int) -> str:
        points = [(epoch, values[index]) for epoch, *values in rows]
        return " ".join("{:.1f},{:.1f}".format(*place(epoch, value)) for epoch, value in points if value is not None)

    epochs = sorted({round(first + part * (last - first) / 4) for part in range(5)})
    return Curves(
        title=quantity(score),
        lines=(line(0), line(1)),
        columns=[Tick(place=place(epoch, 0)[0], text=str(epoch)) for epoch in epochs],
        rows=[Tick(place=place(first, part * top / 4)[1], text=f"{part * top / 4:.2f}") for part in range(5)],
    )


def bars_of(keypoints: Sequence[Figure]) -> list[Bar]:
    """Each keypoint's line in the picture, from AP 0 to 1."""
    return [
        Bar(
            name=figure.name.replace("_", " "),
            y=TOP + ROW * (index + 0.5),
            first=None if figure.first is None else _bar_place(figure.first),
            second=None if figure.second is None else _bar_place(figure.second),
        )
        for index, figure in enumerate(keypoints)
    ]


def _bar_place(value: float) -> float:
    return NAMES + value * (WIDTH - NAMES - 2 * RIGHT)


def _apart(figure: Figure) -> str:
    return "–" if figure.difference is None else f"{figure.difference:+.3f}".replace("-", "−")
