"""Where the latency of a network goes: the times of its parts, measured or out of a calibrated table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.onnx.family import LatencyParts, Part, Place
from analysis.onnx.writers import latency_parts_of
from analysis.profiling.latency_store import LatencyStore, latency_of
from analysis.profiling.latency_table import NETWORK, REFERENCE, measured, measured_part, predict, times_of_parts
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture


@dataclass(frozen=True, kw_only=True)
class Share:
    """The milliseconds of one part, all its occurrences together; ``stage`` and ``branch`` (from 0) where it has one."""

    kind: str
    stage: int | None = None
    branch: int | None = None
    ms: float


@dataclass(frozen=True, kw_only=True)
class LatencyShares:
    """A network's latency and its parts.

    Args:
        latency_ms: The latency of the network.
        is_measured: Whether it is measured, and not predicted.
        rest_ms: The difference between the latency and the sum of the parts; it may be negative.
        shares: The latency of each part.
        source: The conditions of the figures, and how far such predictions were off.
    """

    latency_ms: float
    is_measured: bool
    rest_ms: float
    shares: tuple[Share, ...]
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; a prediction has another name than a measurement."""
        name = "latency_ms" if self.is_measured else "latency_ms_predicted"
        return {
            name: self.latency_ms,
            "rest_ms": self.rest_ms,
            "parts": [asdict(share) for share in self.shares],
            "source": self.source,
        }


def measured_shares(
    store: LatencyStore, arch: Architecture, *, progress: Callable[[int, int], None] = lambda *_: None
) -> LatencyShares:
    """The latency of a network and of its parts; only what the store lacks is measured.

    The parts are scaled to the speed that the machine had when the network was measured. ``progress`` is told how many of
    how many measurements are done.
    """
    known = latency_parts_of(arch)
    parts = known.parts_of(arch) if known else {}
    latency, _ = measured(store, arch)
    relative = {}
    for index, part in enumerate(parts, start=1):
        progress(index, len(parts) + 1)
        assert known is not None, "there are parts"
        relative[part] = measured_part(store, part, known)
    progress(len(parts) + 1, len(parts) + 1)
    record = store.find(NETWORK, arch.arch_id)
    assert record is not None, "it has just been measured"
    return _shares(
        _times(arch, known, relative, record[REFERENCE]),
        total=latency.median_ms,
        is_measured=True,
        source=f"measured: {store.conditions}",
    )


def known_shares(store: LatencyStore, arch: Architecture) -> LatencyShares | None:
    """Return the shares that the store knows without measuring: measured, else predicted; None where it knows neither.

    A network that was measured has parts only where the table knows them all.
    """
    if not store.path.is_file():
        return None
    relative = times_of_parts(store)
    known = latency_parts_of(arch)
    whole = known is not None and all(part in relative for part in known.parts_of(arch))
    record = store.find(NETWORK, arch.arch_id)
    if record is not None:
        times = _times(arch, known, relative, record[REFERENCE]) if whole else ()
        source = f"measured: {store.conditions}"
        return _shares(times, total=latency_of(record).median_ms, is_measured=True, source=source)
    try:
        found = predict(store, arch)
    except InvalidInput:
        return None
    return _shares(
        _times(arch, known, relative, found.fit.reference_ms * found.fit.slope),
        total=found.latency_ms_predicted,
        is_measured=False,
        source=f"predicted: {found.conditions}; {found.fit}",
    )


def _shares(times: tuple[Share, ...], *, total: float, is_measured: bool, source: str) -> LatencyShares:
    rest = total - sum(share.ms for share in times)
    return LatencyShares(latency_ms=total, is_measured=is_measured, rest_ms=rest, shares=times, source=source)


def _times(
    arch: Architecture, known: LatencyParts | None, relative: Mapping[Part, float], factor: float
) -> tuple[Share, ...]:
    """Return the parts in the order of the network, in milliseconds; none where the family has no parts."""
    if known is None:
        return ()
    found: dict[Place, float] = {}
    for part, count in known.parts_of(arch).items():
        place = known.place_of(part)
        found[place] = found.get(place, 0.0) + count * relative[part] * factor
    order = sorted(found, key=lambda place: (place.order, place.branch or 0))
    return tuple(Share(kind=place.kind, stage=place.stage, branch=place.branch, ms=found[place]) for place in order)
