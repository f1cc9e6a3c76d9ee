"""Person boxes: x, y, width, height in pixels of the image."""

from __future__ import annotations

Box = tuple[float, float, float, float]
SMALLEST_EXTENT = 1e-6
"""Pixels of width or height below which a box shows nothing."""


def clip_box(box: Box, image_size: tuple[int, int]) -> Box | None:
    """Return the part of a box on the pixels of an image (height, width), or None where that part has no extent."""
    x, y, width, height = box
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + width, image_size[1] - 1.0), min(y + height, image_size[0] - 1.0)
    width, height = right - left, bottom - top
    return (left, top, width, height) if min(width, height) >= SMALLEST_EXTENT else None
