"""A curve in one line of a terminal."""

from __future__ import annotations

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], *, low: float, high: float, width: int) -> str:
    """A curve in at most ``width`` bars between ``low`` and ``high``; the first and the last value are always among them."""
    if len(values) > width:
        values = [values[round(index * (len(values) - 1) / max(1, width - 1))] for index in range(width)]
    span = high - low
    top = len(BARS) - 1
    return "".join(
        BARS[min(top, max(0, round((value - low) / span * top)))] if span > 0 else BARS[top // 2] for value in values
    )
