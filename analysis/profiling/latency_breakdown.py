"""Where the latency of a network goes: the times of its parts, measured or out of a calibrated table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from analysis.onnx.dite_hrnet.latency_parts import Part, parts_of
from analysis.profiling.latency_store import LatencyStore, latency_of
from analysis.profiling.latency_table import NETWORK, REFERENCE, measured, measured_part, predict, times_of_parts
from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig

BLOCKS, BRANCH = "blocks", "G and N"
"""A part's kind: all blocks of a stage as if G = N = 1, and what the G and N of one branch take beyond that."""
_STAGE_FIELD = {"transition": "after", "fusion": "widths", "block": "widths"}


@dataclass(frozen=True, kw_only=True)
class Share:
    """The milliseconds of one part, all its occurrences together; ``stage`` and ``branch`` (from 0) where it has one."""

    kind: str
    stage: int | None = None
    branch: int | None = None
    ms: float


@dataclass(frozen=True, kw_only=True)
class LatencyShares:
    """A network's latency and its parts; ``rest_ms`` is what the parts do not add up to, and may be negative.

    ``latency_ms`` is measured where ``is_measured``, and otherwise predicted. ``source`` says under which conditions, and
    how far such predictions were off.
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
    store: LatencyStore, arch: ArchConfig, *, progress: Callable[[int, int], None] = lambda *_: None
) -> LatencyShares:
    """The latency of a network and of its parts; only what the store lacks is measured.

    The parts are scaled to the speed that the machine had when the network was measured. ``progress`` is told how many of
    how many measurements are done.
    """
    parts = parts_of(arch)
    latency, _ = measured(store, arch)
    relative = {}
    for index, part in enumerate(parts, start=1):
        progress(index, len(parts) + 1)
        relative[part] = measured_part(store, part)
    progress(len(parts) + 1, len(parts) + 1)
    record = store.find(NETWORK, arch.arch_id)
    assert record is not None, "it has just been measured"
    return _shares(
        _times(arch, relative, record[REFERENCE]),
        total=latency.median_ms,
        is_measured=True,
        source=f"measured: {store.conditions}",
    )


def known_shares(store: LatencyStore, arch: ArchConfig) -> LatencyShares | None:
    """What the store knows without measuring: a measured network, else a predicted one; None where it knows neither.

    A network that was measured has parts only where the table knows them all.
    """
    if not store.path.is_file():
        return None
    relative = times_of_parts(store)
    whole = all(part in relative for part in parts_of(arch))
    record = store.find(NETWORK, arch.arch_id)
    if record is not None:
        times = _times(arch, relative, record[REFERENCE]) if whole else ()
        source = f"measured: {store.conditions}"
        return _shares(times, total=latency_of(record).median_ms, is_measured=True, source=source)
    try:
        found = predict(store, arch)
    except InvalidInput:
        return None
    return _shares(
        _times(arch, relative, found.fit.reference_ms * found.fit.slope),
        total=found.latency_ms_predicted,
        is_measured=False,
        source=f"predicted: {found.conditions}; {found.fit}",
    )


def _shares(times: tuple[Share, ...], *, total: float, is_measured: bool, source: str) -> LatencyShares:
    rest = total - sum(share.ms for share in times)
    return LatencyShares(latency_ms=total, is_measured=is_measured, rest_ms=rest, shares=times, source=source)


def _times(arch: ArchConfig, relative: Mapping[Part, float], factor: float) -> tuple[Share, ...]:
    """The parts in the order of the network, in milliseconds; what a branch's G and N take stands after the stages."""
    found: dict[tuple[int, str, int | None], float] = {}
    for part, count in parts_of(arch).items():
        fields = json.loads(part)
        kind = fields["kind"]
        place: tuple[int, str, int | None]
        if kind == "branch":
            place = (_AFTER_STAGES, BRANCH, int(fields["branch"]))
        elif kind in _STAGE_FIELD:
            place = (len(fields[_STAGE_FIELD[kind]]), BLOCKS if kind == "block" else kind, None)
        else:
            place = (0 if kind == "stem" else _AFTER_STAGES + 1, kind, None)
        found[place] = found.get(place, 0.0) + count * relative[part] * factor
    order = sorted(found, key=lambda place: (place[0], _ORDER.index(place[1]), place[2] or 0))
    return tuple(
        Share(kind=kind, stage=stage if 0 < stage < _AFTER_STAGES else None, branch=branch, ms=found[stage, kind, branch])
        for stage, kind, branch in order
    )


_AFTER_STAGES = 100
_ORDER = ("stem", "transition", BLOCKS, "fusion", BRANCH, "head")
