"""Which files an export makes beside those that every export has."""

from __future__ import annotations

from dataclasses import dataclass

NOT_ASKED = "not asked for"


@dataclass(frozen=True, kw_only=True)
class Parts:
    """``program``: model.pt2; ``released``: released.pth; ``int8``: model.int8.onnx; ``accuracy``: score every form.

    The program takes seconds to make; the other two need the study's data, and take a validation for each form.
    """

    released: bool = True
    program: bool = True
    int8: bool = True
    accuracy: bool = True


EVERYTHING = Parts()
ESSENTIAL = Parts(program=False, int8=False, accuracy=False)
"""The parts that take no time."""
