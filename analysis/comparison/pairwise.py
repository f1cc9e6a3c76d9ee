"""Two networks, or two studies, side by side: what sets them apart, what each costs and scores, and what is only noise.

`analysis.comparison.published_baselines` compares a study with the published figures; here both sides are our own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.comparison.protocol import check_protocols, notes_of
from analysis.comparison.sides import ComparedNetwork, ComparisonRow, Figure, shown_costs
from analysis.comparison.significance import verdict
from analysis.pareto.front import front_of, hypervolume, matrix_of, non_dominated, reference_point, scored
from analysis.statistics.bootstrap import (
    Difference,
    SeedNoise,
    image_difference,
    pooled,
    seed_noise,
    with_seed_noise,
)
from analysis.study.labels import differing_words, plain
from analysis.study.records import StudyRecord
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import PUBLISHED_FLOPS, SCORES, costs_and_scores, directions_of, is_score
from search_spaces.families.architecture import Architecture
from search_spaces.registry import counted_alike
from search_spaces.training_config import training_values

SCORE_FIGURES = ("ap", "ar", *(f"{name}_" for name in SCORES))
"""Beginnings of the names of scores, those of single keypoints and parts of the data among them."""


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

    Args:
        sides: The two networks.
        architecture: The fields of both networks.
        costs: The costs of both.
        scores: The scores of both.
        keypoints: The AP of both by keypoint.
        difference: The difference of the accuracy over images; None where it could not be had, as ``verdict`` says.
        with_seeds: The same difference with seed noise in it, or None likewise.
        noise: The noise of seeds.
        fronts: The comparison of both fronts.
        verdict: Whether the difference is noise, in words.
        notes: Sentences on what is not alike.
    """

    sides: tuple[ComparedNetwork, ComparedNetwork]
    architecture: Sequence[ComparisonRow]
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
    first: ComparedNetwork,
    second: ComparedNetwork,
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
    figure = first.predictions.data.accuracy if first.predictions else ""
    return Comparison(
        sides=sides,
        architecture=architecture_differences(first.arch, second.arch) + _parameter_differences(first, second),
        costs=_figures(_shared_costs(first, second), first.values, second.values),
        scores=compared,
        keypoints=_keypoints(first, second) if scores else [],
        difference=difference,
        with_seeds=with_seeds,
        noise=noise,
        fronts=_fronts(first, second) if scores else None,
        verdict=verdict(difference, with_seeds, noise, figure=figure, scored=both_scored, missing=missing) if scores else "",
        notes=notes_of(sides, difference) if scores else [],
    )


def architecture_differences(first: Architecture, second: Architecture) -> list[ComparisonRow]:
    """The fields of two architectures that differ, in words; none where they are the same network."""
    return [ComparisonRow(name=name, first=ours, second=other) for name, ours, other in differing_words(first, second)]


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


def _difference(
    first: ComparedNetwork, second: ComparedNetwork, generator: np.random.Generator, resamples: int
) -> Difference | None:
    ours, other = first.predictions, second.predictions
    if ours is None or other is None:
        return None
    return image_difference(ours.image_figures(), other.image_figures(), generator=generator, resamples=resamples)


def _noises(sides: tuple[ComparedNetwork, ComparedNetwork]) -> list[SeedNoise]:
    """The seed noise of each study that is in it, once."""
    studies = {side.study.directory: side.study for side in sides if side.study is not None}
    return [seed_noise(study) for study in studies.values() if costs_and_scores(study.objectives)[1]]


def _fronts(first: ComparedNetwork, second: ComparedNetwork) -> Fronts | None:
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


def _shared_costs(first: ComparedNetwork, second: ComparedNetwork) -> list[str]:
    """Return the costs that mean the same for both: published figures may be counted in another way."""
    alike = counted_alike((first.arch, second.arch))
    return [name for name in shown_costs() if alike or name != PUBLISHED_FLOPS]


def _scores(first: ComparedNetwork, second: ComparedNetwork) -> list[Figure]:
    costs = {*shown_costs(), "macs"}
    names = [name for name in (*first.values, *second.values) if name not in costs]
    ranked = [name for name in names if is_score(name)]
    shown = [name for name in names if name.startswith(SCORE_FIGURES)]
    return _figures(list(dict.fromkeys([*ranked, *shown])), first.values, second.values)


def _keypoints(first: ComparedNetwork, second: ComparedNetwork) -> list[Figure]:
    ours, other = (
        side.predictions.keypoint_aps() if side.predictions and side.predictions.is_scored_by_ap else {}
        for side in (first, second)
    )
    return _figures(list(dict.fromkeys([*ours, *other])), ours, other)


def _parameter_differences(first: ComparedNetwork, second: ComparedNetwork) -> list[ComparisonRow]:
    """Hyper-parameters that differ; those of the architecture are told by `architecture_differences`."""
    ours, other = (training_values(side.parameters) for side in (first, second))
    return [
        ComparisonRow(name=name.replace("_", " "), first=plain(ours.get(name)), second=plain(other.get(name)))
        for name in dict.fromkeys([*ours, *other])
        if ours.get(name) != other.get(name)
    ]


def _plain(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return dataclasses.asdict(difference) | {"more_than_noise": difference.more_than_noise}


def curve_rows(comparison: Comparison, most: int) -> tuple[str, list[tuple[int, float | None, float | None]]]:
    """The accuracy both have learning curves of, and its values at up to ``most`` epochs that at least one was scored in.

    Without a common accuracy, or curves, the rows are empty.
    """
    ours, other = ({name for epoch in side.curve for name in epoch if is_score(name)} for side in comparison.sides)
    common = sorted(ours & other)
    if not common:
        return "", []
    score = common[0]
    curves = [{int(epoch["epoch"]): epoch[score] for epoch in side.curve if score in epoch} for side in comparison.sides]
    epochs = sorted(curves[0].keys() | curves[1].keys())
    if len(epochs) > most:
        epochs = [epochs[index] for index in np.linspace(0, len(epochs) - 1, most).round().astype(int)]
    return score, [(epoch, curves[0].get(epoch), curves[1].get(epoch)) for epoch in epochs]
