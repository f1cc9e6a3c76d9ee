"""Quantities, parameters and conventions in the words and digits a reader sees, the same in every output."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.objectives import OBJECTIVES, is_score
from search_spaces.common.redaction import redacted
from search_spaces.families.architecture import Architecture, Scalar
from search_spaces.families.family import Family
from search_spaces.registry import FAMILIES, family_of

AP = "AP"
_AP_CONVENTION = (
    "Average precision of COCO keypoints by object keypoint similarity, averaged over ten thresholds from 0.50 to 0.95; a"
    " fraction from 0 to 1."
)
_INDEXED = re.compile(r"(.+?)_(branch|stage)_?(\d+)")


def conventions() -> dict[str, str]:
    """Return the convention behind a figure by the name of its quantity, those of a user's own objectives too."""
    return {AP: _AP_CONVENTION} | {row.name: row.convention for row in OBJECTIVES.values()}


def quantity(name: str) -> str:
    """A metric's or objective's name in words."""
    return OBJECTIVES[name].label if name in OBJECTIVES else name.replace("_", " ")


def metric_words(study: StudyRecord, name: str) -> str:
    """All that makes an accuracy of a study comparable, where its data are of a user's own; empty for other quantities."""
    return plain(study.protocol["metric"]) if is_score(name) and "metric" in study.protocol else ""


def learned_and_scored_on(protocol: Mapping[str, Any]) -> str:
    """Return the split that networks were scored on where they learned from it, too; empty where they did not."""
    split = protocol.get("val_split")
    return plain(split) if split is not None and split == protocol.get("train_split") else ""


def short(name: str) -> str:
    """A quantity's name without what is said of it in brackets, for a sentence that has said it already."""
    return quantity(name).split(" (")[0]


def format_seconds(seconds: float) -> str:
    """A duration in the two units that matter."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def coarse_seconds(seconds: float) -> str:
    """Return a duration with no more digits than an estimate is worth."""
    minutes = seconds / 60
    if minutes < 1.5:
        return "a minute"
    if minutes < 10:
        return f"{minutes:.0f} min"
    if minutes < 60:
        return f"{5 * round(minutes / 5)} min"
    hours = minutes / 60
    if hours < 10:
        return f"{hours:.1f} h"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.1f} days"


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


def architecture_words(arch: Architecture) -> list[tuple[str, str]]:
    """Return an architecture as pairs of a name and a text, spelled as in its file."""
    return [(name.replace("_", " "), plain(value)) for name, value in arch.to_dict().items()]


def architecture_outline(arch: Architecture) -> str:
    """Return what sets a network apart from others of its family, in one line."""
    return family_of(arch).outline(arch)


def families_of(study: StudyRecord) -> list[Family[Any]]:
    """Return the families of a study's networks, in the order of the trials."""
    return [FAMILIES[name] for name in dict.fromkeys(record.arch.FAMILY for record in study.trials)]


def differing_words(first: Architecture, second: Architecture) -> list[tuple[str, str, str]]:
    """Return the fields in which two architectures differ, in words; none where they are the same network.

    A field that is only spelled in another way, as reductions of one bottleneck may be, does not differ. Nor does a field
    that only one of two families has: the names of the families stand there.
    """
    ours, theirs = dict(architecture_words(first)), dict(architecture_words(second))
    one, other = dict(architecture_words(first.canonical)), dict(architecture_words(second.canonical))
    acting = [name for name in dict.fromkeys((*ours, *theirs)) if one.get(name) != other.get(name)]
    if first.FAMILY != second.FAMILY:
        acting = [name for name in acting if name in ours and name in theirs and name != "family"]
    pairs = [("family", first.FAMILY, second.FAMILY)]
    pairs += [(name, ours.get(name, "–"), theirs.get(name, "–")) for name in acting]
    return [(name, before, after) for name, before, after in pairs if before != after]


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
