"""Remarks on a data set that was read: what was left out, corrected or looks wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a remark matters: a note tells what was done, a warning what makes figures wrong or not comparable."""

    NOTE = "note"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class DataNote:
    """One remark on an annotation file, a detections file or the images of a split.

    Args:
        topic: A short name of its kind, such as ``area`` or ``categories``; one kind has one topic.
        severity: Whether figures stay right (a note) or may not (a warning).
        sentence: The remark as a person reads it; it names the file, the numbers and what to do.
        count: The number of annotations, people or images it is about, at least 1.
    """

    topic: str
    severity: Severity
    sentence: str
    count: int = 1
