"""Two networks, or two studies, side by side: what sets them apart, what each costs and scores, and what is only noise.

`analysis.comparison.published_baselines` compares a study with the published figures; here both sides are our own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from analysis.comparison.published_baselines import BOXES, UNRECORDED
from analysis.comparison.significance import verdict
from analysis.errors.predictions import ScoredPredictions, data_digest
from analysis.pareto.front import front_of, hypervolume, matrix_of, non_dominated, reference_point, scored
from analysis.statistics.bootstrap import (
    Difference,
    SeedNoise,
    ap_difference,
    pooled,
    seed_noise,
    training_values,
    with_seed_noise,
)
from analysis.study.labels import differing_words, number_words, plain, quantity
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.families.cost import Cost
from search_spaces.objectives import DIRECTIONS, MAXIMIZE, MINIMIZE, costs_and_scores, directions_of, format_value
from search_spaces.registry import cost_of

MUST_AGREE = {
    "dataset": "data set",
    "val_split": "validation split",
    "format": "format",
    "boxes": "boxes",
    "category": "category of people",
    "on_orientation": "rule on the orientation of images",
    "flip_test": "flip test",
}
"""What two scores must have in common to be compared, by the names of a protocol."""
MAY_DIFFER = {
    "input_size": "input size",
    "epochs": "epochs",
    "batch_size": "batch size",
    "train_split": "training split",
    "recipe_changes": "hyper-parameters",
    "seed": "seed",
}
"""What is part of what is compared, and is said where it differs."""
COSTS = ("params", *(name for name, side in DIRECTIONS.items() if side == MINIMIZE and name != "params"))
FEW_IMAGES = 100
"""With fewer images than this an interval is a rough guide: see the coverage in docs/comparing.md."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """One of the two: a network and all that is known of it.

    ``kind`` is ``trial``, ``study`` (its most accurate trial), ``export`` or ``network`` (costs only). ``curve``,
    ``metrics`` and ``protocol`` are as in a trial's and a study's record.
    """

    label: str
    kind: str
    arch: Architecture
    curve: Sequence[Mapping[str, float]] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    study: StudyRecord | None = None
    record: TrialRecord | None = None
    predictions: ScoredPredictions | None = None

    @property
    def cost(self) -> Cost:
        """What the network costs."""
        return cost_of(self.arch)

    @property
    def values(self) -> dict[str, float]:
        """Costs, and every score that is known; those of the predictions where there are some."""
        own = self.predictions.metrics if self.predictions else {}
        return self.cost.objectives | dict(self.metrics) | own


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row: a name and both values, as text."""

    name: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One quantity of both, None where it is not known."""

    name: str
    first: float | None
    second: float | None

    @property
    def difference(self) -> float | None:
        """The first less the second."""
        return None if self.first is None or self.second is None else self.first - self.second


@dataclass(frozen=True, kw_only=True)
class Fronts:
    """Two studies' fronts under one reference point (m,), in the objectives' own units.

    ``dominated`` counts the networks of each front that some network of the other study is better than.
    """

    objectives: tuple[str, ...]
    reference: tuple[float, ...]
    hypervolumes: tuple[float, float]
    sizes: tuple[int, int]
    dominated: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that is known of two sides together.

    ``difference`` is of AP over images, ``with_seeds`` the same with seed noise in it; None where they could not be had, and
    ``verdict`` says so. ``notes`` are sentences on what is not alike.
    """

    sides: tuple[Side, Side]
    architecture: Sequence[Line]
    costs: Sequence[Figure]
    scores: Sequence[Figure]
    keypoints: Sequence[Figure]
    difference: Difference | None
    with_seeds: Difference | None
    noise: SeedNoise | None
    fronts: Fronts | None
    verdict: str
    notes: Sequence[str]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            name: {
                "label": side.label,
                "kind": side.kind,
                "arch_id": side.arch.arch_id,
                "curve": [dict(epoch) for epoch in side.curve],
            }
            for name, side in zip(("a", "b"), self.sides, strict=True)
        } | {
            "architecture": {line.name: [line.first, line.second] for line in self.architecture},
            "costs": {figure.name: [figure.first, figure.second] for figure in self.costs},
            "scores": {figure.name: [figure.first, figure.second] for figure in self.scores},
            "keypoints": {figure.name: [figure.first, figure.second] for figure in self.keypoints},
            "difference": _plain(self.difference),
            "difference_with_seeds": _plain(self.with_seeds),
            "seed_noise": dataclasses.asdict(self.noise) if self.noise else None,
            "fronts": dataclasses.asdict(self.fronts) if self.fronts else None,
            "verdict": self.verdict,
            "notes": list(self.notes),
        }


def compare(
    first: Side,
    second: Side,
    *,
    generator: np.random.Generator,
    scores: bool = True,
    resamples: int = 1000,
    missing: str = "",
) -> Comparison:
    """Put two sides together.

    Without ``scores`` only architectures and costs are compared. ``missing`` says why a side has no predictions.

    Raises:
        InvalidInput: scores are to be compared and were not had under the same protocol.
    """
    if scores:
        check_protocols(first, second)
    else:
        first, second = (dataclasses.replace(side, curve=()) for side in (first, second))
    sides = (first, second)
    difference = _difference(first, second, generator, resamples) if scores else None
    noise = pooled(_noises(sides)) if scores else None
    with_seeds = with_seed_noise(difference, noise) if difference and noise else None
    compared = _scores(first, second) if scores else []
    both_scored = any(figure.difference is not None for figure in compared)
    return Comparison(
        sides=sides,
        architecture=architecture_differences(first.arch, second.arch) + _parameter_differences(first, second),
        costs=_figures(COSTS, first.values, second.values),
        scores=compared,
        keypoints=_keypoints(first, second) if scores else [],
        difference=difference,
        with_seeds=with_seeds,
        noise=noise,
        fronts=_fronts(first, second) if scores else None,
        verdict=verdict(difference, with_seeds, noise, scored=both_scored, missing=missing) if scores else "",
        notes=_notes(sides, difference) if scores else [],
    )


def check_protocols(first: Side, second: Side) -> None:
    """Refuse two sides whose scores are of different things.

    Raises:
        InvalidInput: the first field that differs, and both its values.
    """
    if first.protocol and second.protocol:
        for name, label in MUST_AGREE.items():
            ours, other = (side.protocol.get(name, UNRECORDED) for side in (first, second))
            if ours != other:
                shown = [BOXES.get(value, plain(value)) if name == "boxes" else plain(value) for value in (ours, other)]
                raise _not_comparable(first, second, f"{label} must be the same, got {shown[0]} and {shown[1]}")
    predicted = [side.predictions for side in (first, second) if side.predictions]
    if len({data_digest(predictions.data) for predictions in predicted}) > 1:
        raise _not_comparable(first, second, "the people to find must be the same, got different annotations or boxes")


def architecture_differences(first: Architecture, second: Architecture) -> list[Line]:
    """The fields of two architectures that differ, in words; none where they are the same network."""
    return [Line(name=name, first=ours, second=other) for name, ours, other in differing_words(first, second)]


def fronts_of(first: StudyRecord, second: StudyRecord) -> Fronts:
    """The fronts and hypervolumes of two studies under one reference point, that of all their trials together.

    Raises:
        InvalidInput: the two have different objectives.
    """
    if first.objectives != second.objectives:
        raise InvalidInput(
            f"objectives of two studies must be the same to compare their fronts, got {', '.join(first.objectives)} in"
            f" {first.name} and {', '.join(second.objectives)} in {second.name}"
        )
    objectives, directions = first.objectives, directions_of(first.objectives)
    values = [matrix_of(scored(study), objectives) for study in (first, second)]
    corner = reference_point(np.concatenate(values), directions)
    fronts = [matrix_of(front_of(study), objectives) for study in (first, second)]
    return Fronts(
        objectives=objectives,
        reference=tuple(corner.tolist()),
        hypervolumes=(hypervolume(values[0], corner, directions), hypervolume(values[1], corner, directions)),
        sizes=(len(fronts[0]), len(fronts[1])),
        dominated=(_dominated(fronts[0], fronts[1], directions), _dominated(fronts[1], fronts[0], directions)),
    )


def _dominated(front: np.ndarray, other: np.ndarray, directions: Sequence[str]) -> int:
    mask = non_dominated(np.concatenate([front, other]), directions)
    return int((~mask[: len(front)]).sum())


def _difference(first: Side, second: Side, generator: np.random.Generator, resamples: int) -> Difference | None:
    ours, other = first.predictions, second.predictions
    if ours is None or other is None or not (ours.has_similarity and other.has_similarity):
        return None
    return ap_difference(ours.image_scores(), other.image_scores(), generator=generator, resamples=resamples)


def _noises(sides: tuple[Side, Side]) -> list[SeedNoise]:
    """The seed noise of each study that is in it, once."""
    studies = {side.study.directory: side.study for side in sides if side.study is not None}
    return [seed_noise(study) for study in studies.values() if costs_and_scores(study.objectives)[1]]


def _fronts(first: Side, second: Side) -> Fronts | None:
    if first.kind != "study" or second.kind != "study" or first.study is None or second.study is None:
        return None
    same = first.study.objectives == second.study.objectives
    return fronts_of(first.study, second.study) if same and scored(first.study) and scored(second.study) else None


def _figures(names: Sequence[str], first: Mapping[str, float], second: Mapping[str, float]) -> list[Figure]:
    """The quantities that at least one of them has."""
    return [
        Figure(name=name, first=first.get(name), second=second.get(name))
        for name in names
        if name in first or name in second
    ]


def _scores(first: Side, second: Side) -> list[Figure]:
    names = [name for name in (*first.values, *second.values) if name not in COSTS and name != "macs"]
    ranked = [name for name in names if DIRECTIONS.get(name) == MAXIMIZE]
    shown = [name for name in names if _is_score(name)]
    return _figures(list(dict.fromkeys([*ranked, *shown])), first.values, second.values)


def _is_score(name: str) -> bool:
    return name.startswith(("ap", "ar", "pckh"))


def _keypoints(first: Side, second: Side) -> list[Figure]:
    ours, other = (
        side.predictions.keypoint_aps() if side.predictions and side.predictions.has_similarity else {}
        for side in (first, second)
    )
    return _figures(list(dict.fromkeys([*ours, *other])), ours, other)


def _parameter_differences(first: Side, second: Side) -> list[Line]:
    """Hyper-parameters that differ; those of the architecture are told by `architecture_differences`."""
    ours, other = (training_values(side.parameters) for side in (first, second))
    return [
        Line(name=name.replace("_", " "), first=plain(ours.get(name)), second=plain(other.get(name)))
        for name in dict.fromkeys([*ours, *other])
        if ours.get(name) != other.get(name)
    ]


def _notes(sides: tuple[Side, Side], difference: Difference | None) -> list[str]:
    notes = []
    for name, label in MAY_DIFFER.items():
        if not all(side.protocol for side in sides):
            break
        ours, other = (_of_protocol(side, name) for side in sides)
        if ours != other:
            notes.append(
                f"{label[0].upper()}{label[1:]} {plain(ours) or 'unchanged'} in A, {plain(other) or 'unchanged'} in B."
            )
    for name, side in zip("AB", sides, strict=True):
        if side.record is not None and side.record.status != "complete":
            epochs = number_words(len(side.curve), "epoch")
            notes.append(f"{name} is {side.record.status} after {epochs}: its scores are of a lower fidelity.")
        notes += _reproduced(name, side)
    if difference is not None and difference.images < FEW_IMAGES:
        notes.append(f"{difference.images} images are few: the interval is a rough guide.")
    return notes


def _of_protocol(side: Side, name: str) -> Any:
    size = side.arch.input_size
    return f"{size[0]}x{size[1]}" if name == "input_size" else side.protocol.get(name, UNRECORDED)


def _reproduced(name: str, side: Side) -> list[str]:
    """A sentence where the checkpoint scores otherwise than its trial did."""
    if side.predictions is None:
        return []
    return [
        f"The checkpoint of {name} scores {format_value(score, side.predictions.metrics[score])} in {quantity(score)} here,"
        f" the trial {format_value(score, value)}."
        for score, value in side.metrics.items()
        if DIRECTIONS.get(score) == MAXIMIZE
        and score in side.predictions.metrics
        and not math.isclose(value, side.predictions.metrics[score], abs_tol=5e-4)
    ]


def _plain(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return dataclasses.asdict(difference) | {"more_than_noise": difference.more_than_noise}


def _not_comparable(first: Side, second: Side, rule: str) -> InvalidInput:
    return InvalidInput(
        f"{first.label} and {second.label} cannot be compared by accuracy, since {rule}; --costs-only leaves accuracies out"
    )


def curve_rows(comparison: Comparison, most: int) -> tuple[str, list[tuple[int, float | None, float | None]]]:
    """The accuracy both have learning curves of, and its values at up to ``most`` epochs that at least one was scored in.

    Without a common accuracy, or curves, the rows are empty.
    """
    ours, other = (
        {name for epoch in side.curve for name in epoch if DIRECTIONS.get(name) == MAXIMIZE} for side in comparison.sides
    )
    common = sorted(ours & other)
    if not common:
        return "", []
    score = common[0]
    curves = [{int(epoch["epoch"]): epoch[score] for epoch in side.curve if score in epoch} for side in comparison.sides]
    epochs = sorted(curves[0].keys() | curves[1].keys())
    if len(epochs) > most:
        epochs = [epochs[index] for index in np.linspace(0, len(epochs) - 1, most).round().astype(int)]
    return score, [(epoch, curves[0].get(epoch), curves[1].get(epoch)) for epoch in epochs]
