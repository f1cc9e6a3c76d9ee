"""The summary of shared weights: what they were trained for, how far, and which networks their scores rank first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dite_search.supernet.scores import SETTINGS, InheritedScores, ScoredNetwork, ScoresFile
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from trainers.checkpoints.location import LAST

LIMITS = 8
"""Limits on MMACs for which the network that ranks first is shown."""


def summary_of(folder: Path) -> dict[str, Any]:
    """Return what there is to say of shared weights: plain values by their names.

    Args:
        folder: The folder of the shared weights.

    Raises:
        InvalidInput: a file is broken, or there is neither a training nor a score.
    """
    scores = ScoresFile(folder).read()
    found: dict[str, Any] = {"supernet": str(folder)}
    if (folder / LAST).is_file():
        found |= _training(folder / LAST)
    elif scores is None:
        raise InvalidInput(f"shared weights in {folder} must have a checkpoint or scores, found neither")
    if scores is None:
        return found | {"scored": 0}
    return found | {"scored": len(scores.networks), "figure": scores.figure, **_calibration(scores), **_ranking(scores)}


def best_within(scores: InheritedScores, limits: int = LIMITS) -> list[tuple[float, ScoredNetwork]]:
    """Return limits on MMACs, in equal steps of their logarithm, each with the network that ranks first within it.

    Args:
        scores: The scores.
        limits: The number of limits; one that changes nothing is left out.
    """
    values = scores.values()
    costs = ((cost_of(each.arch).macs / 1e6, each) for each in scores.networks if each.arch.arch_id in values)
    known = sorted(costs, key=lambda pair: pair[0])
    if not known:
        return []
    low, high = known[0][0], known[-1][0]
    found: list[tuple[float, ScoredNetwork]] = []
    for number in range(1, limits + 1):
        limit = low * (high / low) ** (number / limits) * (1 + 1e-9)
        best = max((each for macs, each in known if macs <= limit), key=lambda each: values[each.arch.arch_id])
        if not found or found[-1][1] is not best:
            found.append((limit, best))
    return found


def _training(path: Path) -> dict[str, Any]:
    # It imports torch, which takes a second that a search has no use for.
    from trainers.checkpoints.checkpoint import load_shared_checkpoint

    checkpoint = load_shared_checkpoint(path)
    settings, curve = dict(checkpoint.supernet or {}), checkpoint.curve
    last: dict[str, Any] = curve[-1] if curve else {}
    return {
        "family": settings.get("family", ""),
        "parameters": ", ".join(settings.get("parameters", {})),
        "budget": ", ".join(settings.get("budget", [])) or "none",
        "epochs": f"{len(curve)} of {settings.get('epochs', '?')}",
        **{name: last[name] for name in ("loss_largest", "loss_smallest") if name in last},
    }


def _calibration(scores: InheritedScores) -> dict[str, Any]:
    settings = scores.identity.get(SETTINGS, {})
    return {"calibration_images": scores.identity.get("calibration_images"), "held_out": settings.get("held_out")}


def _ranking(scores: InheritedScores) -> dict[str, Any]:
    """Return the network that ranks first within each limit; the values stand beside no network's own results."""
    return {
        f"first_within_{limit:.3g}_mmacs": f"{each.arch.arch_id}  {scores.figure} {each.figures[scores.figure]:.4g}"
        for limit, each in best_within(scores)
    }
