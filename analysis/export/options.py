"""Which files an export makes beside those that every export has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NOT_ASKED = "not asked for"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The forms of an export that take time.

    The program takes seconds to make. The int8 model and the scores need the study's data, and take a validation for each
    form.

    Args:
        released: released.pth.
        program: model.pt2.
        int8: model.int8.onnx, and int8 for the other runtimes.
        accuracy: Whether every form is scored.
        formats: The other runtimes that files are made for, by their names in `search_spaces.common.runtimes`.
        html: The folder of the user's onnxruntime-web, with which demo.html is made.
    """

    released: bool = True
    program: bool = True
    int8: bool = True
    accuracy: bool = True
    formats: tuple[str, ...] = ()
    html: Path | None = None


EVERYTHING = Parts()
ESSENTIAL = Parts(program=False, int8=False, accuracy=False)
"""The parts that take no time."""
