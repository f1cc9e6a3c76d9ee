"""The epochs and networks that a budget buys, as far as they are known before and while a search runs."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.study.labels import format_seconds, number_words
from dite_search.spending.limits import TIMES, Limits, amount_words
from dite_search.spending.pace import Pace


def bought_words(limits: Limits, *, goals: Sequence[int], gpus: float, now: float, pace: Pace | None = None) -> str:
    """Return what the limits of a search buy, in words.

    Args:
        limits: The limits.
        goals: The epochs of the rungs, and of a whole training.
        gpus: The GPUs of a trial.
        now: The time, in seconds since 1970.
        pace: The seconds of an epoch as far as they were measured.
    """
    epoch = pace.mean_seconds if pace else None
    parts = []
    for name, limit in limits.known.items():
        amount = limit - now if name == "until" else limit
        said = f"{amount_words(name, limit)} "
        if name == "epochs":
            parts.append(said + _trainings(limit, goals))
            continue
        seconds = amount if name in TIMES else amount / gpus
        if name == "until":
            said += f"is in {format_seconds(seconds)}, "
        elif name == "gpu_hours":
            said += f"are one trial of {gpus:g} GPU for {format_seconds(seconds)}, "
        if epoch is None:
            parts.append(said + "for as many epochs as they take: none was measured yet")
        else:
            count = seconds / epoch
            parts.append(f"{said}{_trainings(count, goals)} one after the other, at {epoch:.3g} s an epoch as measured")
    return "; ".join(parts)


def networks_at_most(limits: Limits, goals: Sequence[int]) -> int | None:
    """Return how many networks a limit on epochs lets begin at most; None without one."""
    return None if limits.epochs is None else max(1, int(limits.epochs // min(goals)))


def _trainings(epochs: float, goals: Sequence[int]) -> str:
    first, whole = min(goals), max(goals)
    rung = f"at most {epochs // first:,.0f} networks to their first rung of {number_words(first, 'epoch')}, or "
    return f"buy {rung if first < whole else ''}{epochs // whole:,.0f} whole trainings of {number_words(whole, 'epoch')}"
