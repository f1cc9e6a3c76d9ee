"""Amounts of time, GPU time and epochs: what a search spent, what it may spend, and both in words. Arithmetic only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from analysis.study.labels import format_seconds
from dite_search.config.sections import SpendSection

FINISHING_SHARE = 0.9
"""The share of a limit from which on a search ends what it has begun, where a new network cannot reach its end."""
HOUR = 3600.0
"""Seconds of an hour."""
TIMES = ("hours", "until")
"""Limits on the time that passes, which trials side by side share."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """The amounts that a search has spent: seconds of its own, seconds of GPUs, and epochs."""

    seconds: float = 0.0
    gpu_seconds: float = 0.0
    epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The amounts that a search may spend, by the fields of ``spend``; None where there is no limit.

    Args:
        hours: The seconds of the search's own time.
        gpu_hours: The seconds of GPUs.
        epochs: The epochs.
        until: The time, in seconds since 1970, at which the search ends.
    """

    hours: float | None = None
    gpu_hours: float | None = None
    epochs: float | None = None
    until: float | None = None

    @classmethod
    def of(cls, section: SpendSection | None) -> Limits:
        """Return the limits of a search file; none where it has no ``spend``."""
        if section is None:
            return cls()
        return cls(
            hours=None if section.hours is None else section.hours * HOUR,
            gpu_hours=None if section.gpu_hours is None else section.gpu_hours * HOUR,
            epochs=section.epochs,
            until=None if section.until is None else section.until.timestamp(),
        )

    @property
    def known(self) -> dict[str, float]:
        """The limits that there are, by field."""
        found = {"hours": self.hours, "gpu_hours": self.gpu_hours, "epochs": self.epochs, "until": self.until}
        return {name: limit for name, limit in found.items() if limit is not None}

    def left(self, spent: Spent, now: float) -> dict[str, float]:
        """Return what is left of each limit: seconds, seconds of GPUs, epochs, and seconds to ``until``."""
        used = {"hours": spent.seconds, "gpu_hours": spent.gpu_seconds, "epochs": float(spent.epochs), "until": now}
        return {name: limit - used[name] for name, limit in self.known.items()}

    def share(self, spent: Spent, now: float, began: float) -> float:
        """Return the largest share that is spent of a limit; ``began`` is the time at which the search first started."""
        left = self.left(spent, now)
        whole = {name: limit - began if name == "until" else limit for name, limit in self.known.items()}
        return max((1.0 - left[name] / whole[name] if whole[name] > 0 else 1.0 for name in whole), default=0.0)

    def reached(self, spent: Spent, now: float, ended: Mapping[str, float]) -> list[str]:
        """Return the fields of the limits that are reached.

        ``ended`` are the limits at which the search ended before, since what was left could begin nothing.
        """
        known = self.known
        return [name for name, left in self.left(spent, now).items() if left <= 0 or ended.get(name) == known[name]]


def amount_words(name: str, amount: float) -> str:
    """Return an amount of a limit in words, such as ``8 h``, ``500 GPU hours`` or ``4,000 epochs``."""
    if name == "hours":
        return format_seconds(amount)
    if name == "gpu_hours":
        return f"{amount / HOUR:.3g} GPU hours"
    if name == "epochs":
        return f"{amount:,.0f} epoch{'' if amount == 1 else 's'}"
    return datetime.fromtimestamp(amount).astimezone().isoformat(timespec="minutes")


def spent_words(limits: Limits, spent: Spent, now: float) -> str:
    """Return what is spent of each limit in words; nothing where there is no limit."""
    used = {"hours": spent.seconds, "gpu_hours": spent.gpu_seconds, "epochs": float(spent.epochs)}
    parts = [
        f"{amount_words(name, used[name])} of {amount_words(name, limit)}"
        for name, limit in limits.known.items()
        if name in used
    ]
    if limits.until is not None:
        rest = limits.until - now
        parts.append(f"until {amount_words('until', limits.until)}{f', in {format_seconds(rest)}' if rest > 0 else ''}")
    return " and ".join(parts)
