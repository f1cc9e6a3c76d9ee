"""Quantities, parameters and conventions in the words and digits a reader sees, the same in every output."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.study.records import TrialRecord
from search_spaces.common.redaction import redacted
from search_spaces.families.dite_hrnet.config import ArchConfig, Scalar

QUANTITIES = {
    "ap_gt": "AP (ground-truth boxes)",
    "ap_det": "AP (detected boxes)",
    "pckh50": "PCKh@0.5",
    "mmacs": "MMACs",
    "mmacs_paper": "MMACs (paper's convention)",
    "params": "parameters",
    "latency_ms": "latency (ms)",
}

CONVENTIONS = {
    "AP": "Average precision of COCO keypoints by object keypoint similarity, averaged over ten thresholds from 0.50 to "
    "0.95; a fraction from 0 to 1.",
    "ap_gt": "AP with the annotated (ground-truth) boxes of people. About 0.02 higher than with a detector's; never "
    "compared with it.",
    "ap_det": "AP with the boxes of a person detector, as published figures are.",
    "pckh50": "Share of joints that lie within half the head's length of the truth: the measure of MPII.",
    "mmacs": "Millions of multiply-accumulates that our network executes on one image: every convolution, one "
    "multiply-add counted once, additions of a bias not counted.",
    "mmacs_paper": "The convention behind the figures of the Dite-HRNet paper, which calls them FLOPs: every convolution "
    "once, additions of a bias counted as well.",
    "params": "All parameters of the network.",
    "latency_ms": "Median time of one image through the exported network in ONNX Runtime on a CPU, without reading the "
    "image and without flip test, measured before training; its spread, device, threads, warm-up and number of runs stand "
    "in latency.json of each trial's folder.",
}

_INDEXED = re.compile(r"(.+?)_(branch|stage)_?(\d+)")


def quantity(name: str) -> str:
    """A metric's or objective's name in words."""
    return QUANTITIES.get(name, name.replace("_", " "))


def short(name: str) -> str:
    """A quantity's name without what is said of it in brackets, for a sentence that has said it already."""
    return quantity(name).split(" (")[0]


def format_value(name: str, value: float | None) -> str:
    """A quantity with the digits that mean something; a dash where it is missing."""
    if value is None or not math.isfinite(value):
        return "–"
    if name == "params":
        return f"{value / 1e6:.3f} M" if value >= 1e6 else f"{value / 1e3:.1f} k"
    if name in ("mmacs", "mmacs_paper", "latency_ms"):
        return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{value:.3f}"


def format_seconds(seconds: float) -> str:
    """A duration in the two units that matter."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def number_words(count: int, noun: str) -> str:
    """``1 trial``, ``3 trials``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def varied_parameters(trials: Sequence[TrialRecord]) -> list[str]:
    """The names of parameters that take more than one value in the study, in the order they first appear."""
    seen: dict[str, set[Scalar]] = {}
    for record in trials:
        for name, value in record.parameters.items():
            seen.setdefault(name, set()).add(value)
    return [name for name, values in seen.items() if len(values) > 1]


def parameter_words(parameters: Mapping[str, Scalar], varied: Sequence[str]) -> str:
    """Parameters as one line: ``groups_branch3`` and ``groups_branch4`` become ``groups 2, 4 (branches 3, 4)``.

    Only those in ``varied``, all where it is empty.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    kinds: dict[str, str] = {}
    for name, value in parameters.items():
        if varied and name not in varied:
            continue
        match = _INDEXED.fullmatch(name)
        stem = match[1] if match else name
        kinds[stem] = match[2] if match else ""
        groups.setdefault(stem, []).append((match[3] if match else "", _scalar(value)))
    parts = []
    for stem, entries in groups.items():
        where = ""
        if kinds[stem]:
            plural = {"branch": "branches", "stage": "stages"}[kinds[stem]] if len(entries) > 1 else kinds[stem]
            where = f" ({plural} {', '.join(index for index, _ in entries)})"
        parts.append(f"{stem.replace('_', ' ')} {', '.join(value for _, value in entries)}{where}")
    return "; ".join(parts)


def architecture_words(arch: ArchConfig) -> list[tuple[str, str]]:
    """Return an architecture as pairs of a name and a text, spelled as in its file."""
    return [(name.replace("_", " "), plain(value)) for name, value in arch.to_dict().items()]


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested plain values as pairs of a name in words and a text."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        label = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            pairs += flattened(value, f"{label}: ")
        else:
            pairs.append((label, plain(value)))
    return pairs


def plain(value: Any) -> str:
    """Any plain value as text, without passwords that a URL may carry: reports are passed around."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(entry) for entry in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {plain(entry)}" for name, entry in value.items())
    return redacted(_scalar(value))


def _scalar(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
