"""A network's latency measured, or predicted from the latencies of its parts.

The two never share a name: ``latency_ms`` is measured, and ``latency_ms_predicted`` is not. A prediction carries the error
that it made on networks it was not fitted to.

A processor shared with others runs at half its speed at times. Every measurement is therefore taken between two of a
reference, a block of Dite-HRNet-18. Parts are added in multiples of the reference's time at their own moment.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.onnx.export import INPUT, onnx_bytes
from analysis.onnx.family import LatencyParts, Part
from analysis.onnx.session import open_session
from analysis.onnx.writers import reference_model, required_latency_parts
from analysis.profiling.latency import Latency, random_input, time_calls, time_session
from analysis.profiling.latency_store import Conditions, LatencyStore, latency_of
from analysis.runtimes.registry import runtime_named
from analysis.runtimes.runtime import Runtime, Static, static_form
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import ONNX
from search_spaces.families.architecture import Architecture
from search_spaces.space.search_space import SearchSpace
from trainers.networks.registry import build_network

NETWORK, PART, FIT = "network", "part", "fit"
"""Kinds of records in a store."""
REFERENCE, REFERENCE_RUNS = "reference_ms", 30
MAX_FRUITLESS_NETWORKS = 300
"""The parts of a space are taken to be complete when so many random architectures in a row bring no new one."""
FIT_NETWORKS, TEST_NETWORKS = 12, 12
"""Random networks that a prediction is fitted to, and others that its error is measured on."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted prediction, slope · sum of the parts + overhead, and its error on other networks.

    The errors are absolute, and relative to the measured median of the held-out networks at the same speed of the machine.

    Args:
        space: The space of the networks.
        slope: The factor of the sum of the parts.
        overhead: The constant, in times of the reference.
        reference_ms: The reference's median over the calibration.
        parts: The number of parts.
        fitted: The number of networks of the fit.
        held_out: The number of other networks.
        median_error: The median of the errors.
        p90_error: Their 90th percentile.
        rank_correlation: Spearman's rank correlation of predicted and measured latencies.
    """

    space: str
    slope: float
    overhead: float
    reference_ms: float
    parts: int
    fitted: int
    held_out: int
    median_error: float
    p90_error: float
    rank_correlation: float

    def __str__(self) -> str:
        return (
            f"on {self.held_out} held-out random networks of {self.space}: median error {self.median_error:.1%}, "
            f"90th percentile {self.p90_error:.1%}, rank correlation {self.rank_correlation:.3f} "
            f"({self.parts} parts, fitted to {self.fitted} networks)"
        )


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A latency nobody measured, with the fit it comes from."""

    latency_ms_predicted: float
    fit: Fit
    conditions: Conditions


def measured(store: LatencyStore, arch: Architecture, runtime: str = ONNX) -> tuple[Latency, bool]:
    """The latency of an architecture's exported network, and whether it was measured now; weights do not matter to it.

    ``runtime`` is the name of the runtime that the store's conditions give with its version.

    Raises:
        InvalidInput: the store cannot be used; any other error says why the network cannot be measured.
    """
    record, new = store.find_or_measure(NETWORK, arch.arch_id, partial(_measure, store.conditions, arch, runtime))
    return latency_of(record), new


def measured_part(store: LatencyStore, part: Part, parts: LatencyParts) -> float:
    """How long a part takes, in times of the reference; measured unless the store has it."""
    record, _ = store.find_or_measure(PART, part, partial(_measure_part, store.conditions, part, parts))
    return _relative(record)


def calibrate(
    store: LatencyStore,
    space: SearchSpace,
    *,
    seed: int = 0,
    fitted: int = FIT_NETWORKS,
    held_out: int = TEST_NETWORKS,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Fit:
    """Measure a space's parts and some of its networks, and fit the one to the other.

    What is in the store already is not measured again: a run that was cut off goes on where it stopped. A space with fewer
    networks than asked for is fitted to half of them. ``progress`` is told what is measured, how many are done and how many
    there are.

    Raises:
        InvalidInput: the family of the networks has no table of parts.
    """
    generator = np.random.default_rng(seed)
    known = required_latency_parts(space.base)
    parts = parts_of_space(space, known, generator)
    for index, part in enumerate(parts):
        progress("parts", index, len(parts))
        measured_part(store, part, known)
    archs = _distinct(space, generator, fitted + held_out)
    fitted = min(fitted, len(archs) // 2)
    for index, arch in enumerate(archs):
        progress("networks", index, len(archs))
        measured(store, arch)
    table, networks = times_of_parts(store), store.all(NETWORK)
    times = [_relative(networks[arch.arch_id]) for arch in archs]
    reference = float(np.median([networks[arch.arch_id][REFERENCE] for arch in archs]))
    sums = [_sum(table, arch) for arch in archs]
    fit = fit_of(sums, times, space=space.name, reference_ms=reference, parts=len(parts), fitted=fitted)
    store.put(FIT, space.name, asdict(fit))
    return fit


def predict(store: LatencyStore, arch: Architecture, *, space: str | None = None) -> Prediction:
    """The latency that the parts add up to, by the fit of a space, or else by the last one that knows all the parts.

    Raises:
        InvalidInput: the label has no table for the architecture.
    """
    table, fits = times_of_parts(store), store.all(FIT)
    known = {name: fit for name, fit in fits.items() if space in (None, name)}
    missing = sum(part not in table for part in required_latency_parts(arch).parts_of(arch))
    if not known or missing:
        why = f"{missing} of its parts were not measured" if known else f"there is no table for {space or 'any space'}"
        raise InvalidInput(
            f"latency of {arch.arch_id} cannot be predicted under {store.conditions}, because {why}: "
            "run dite-search latency --calibrate with its space and the same options first"
        )
    fit = Fit(**list(known.values())[-1])
    value = fit.reference_ms * (fit.slope * _sum(table, arch) + fit.overhead)
    return Prediction(latency_ms_predicted=value, fit=fit, conditions=store.conditions)


def parts_of_space(space: SearchSpace, known: LatencyParts, generator: np.random.Generator) -> list[Part]:
    """Return the parts of a space's architectures, drawn at random until nothing new turns up."""
    found: dict[Part, None] = {}
    idle = 0
    while idle < MAX_FRUITLESS_NETWORKS:
        parts = known.parts_of(space.build(space.sample(generator)))
        idle = 0 if parts.keys() - found.keys() else idle + 1
        found |= dict.fromkeys(parts)
    return list(found)


def fit_of(
    sums: Sequence[float], times: Sequence[float], *, space: str, reference_ms: float, parts: int, fitted: int
) -> Fit:
    """Least squares of the relative errors over the first ``fitted`` networks; the errors are those of the others.

    Raises:
        InvalidInput: fewer than 2 networks to fit, or fewer than 2 to hold out.
    """
    if fitted < 2 or len(times) - fitted < 2:
        raise InvalidInput(f"a fit needs 2 networks and 2 held-out ones, got {fitted} and {len(times) - fitted}")
    x, y = np.array(sums), np.array(times)
    rows = np.stack([x, np.ones_like(x)], axis=1) / y[:, None]
    slope, overhead = np.linalg.lstsq(rows[:fitted], np.ones(fitted))[0]
    predicted = (slope * x + overhead)[fitted:]
    errors = np.abs(predicted / y[fitted:] - 1)
    return Fit(
        space=space,
        slope=float(slope),
        overhead=float(overhead),
        reference_ms=reference_ms,
        parts=parts,
        fitted=fitted,
        held_out=len(errors),
        median_error=float(np.median(errors)),
        p90_error=float(np.percentile(errors, 90)),
        rank_correlation=rank_correlation(predicted, y[fitted:]),
    )


def rank_correlation(a: Sequence[float] | np.ndarray[Any, Any], b: Sequence[float] | np.ndarray[Any, Any]) -> float:
    """Spearman's, from -1 to 1; 0 where one of the two does not vary."""
    first, second = (_ranks(np.asarray(values)) for values in (a, b))
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Ranks from 0; equal values share their mean rank."""
    return np.array([((values < value).sum() + (values <= value).sum() - 1) / 2 for value in values])


def _measure(conditions: Conditions, arch: Architecture, runtime: str) -> dict[str, Any]:
    # A training that follows must not start from another state because of a measurement.
    with torch.random.fork_rng(devices=[]):
        network = build_network(arch).eval()
        if runtime != ONNX:
            return _timed_elsewhere(conditions, runtime_named(runtime), static_form(arch, network))
        return _timed(conditions, onnx_bytes(arch, network), {INPUT: (3, *arch.input_size)})


def _measure_part(conditions: Conditions, part: Part, parts: LatencyParts) -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        return _timed(conditions, *parts.model(part))


def _timed_elsewhere(conditions: Conditions, runtime: Runtime, static: Static) -> dict[str, Any]:
    """The record of a network in another runtime, converted for it in a folder that goes away."""
    assert runtime.open is not None, "runtimes.RUNNING"
    with tempfile.TemporaryDirectory(prefix="dite-search-") as folder:
        runtime.convert(static, Path(folder), "model")
        run = runtime.open(runtime.paths(Path(folder), "model")[0], conditions.threads)
        call = partial(run, random_input((3, *static.input_size)))
        timed = partial(time_calls, call, threads=conditions.threads, runtime=runtime.version)
        return _beside_reference(conditions, timed)


def _timed(conditions: Conditions, model: bytes, inputs: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """The record of a model in ONNX Runtime."""
    return _beside_reference(conditions, _Runner(model, inputs, conditions.threads).time)


def _beside_reference(conditions: Conditions, timed: Callable[..., Latency]) -> dict[str, Any]:
    """The record of a measurement, taken between two halves of the reference's runs."""
    reference = _reference(conditions.threads)
    before = reference.time(warmup=conditions.warmup, runs=REFERENCE_RUNS)
    latency = timed(warmup=conditions.warmup, runs=conditions.runs)
    after = reference.time(warmup=0, runs=REFERENCE_RUNS)
    return latency.to_dict() | {REFERENCE: (before.median_ms + after.median_ms) / 2}


class _Runner:
    """An open session with its inputs."""

    def __init__(self, model: bytes, inputs: Mapping[str, tuple[int, ...]], threads: int) -> None:
        self._session = open_session(model, threads=threads)
        self._feed = {name: random_input(shape) for name, shape in inputs.items()}

    def time(self, *, warmup: int, runs: int) -> Latency:
        return time_session(self._session, self._feed, warmup=warmup, runs=runs)


@cache
def _reference(threads: int) -> _Runner:
    return _Runner(*reference_model(), threads)


def _relative(record: Mapping[str, Any]) -> float:
    return float(record["median_ms"] / record[REFERENCE])


def times_of_parts(store: LatencyStore) -> Mapping[Part, float]:
    """How long each part that was measured takes, in times of the reference."""
    return {part: _relative(record) for part, record in store.all(PART).items()}


def _sum(table: Mapping[Part, float], arch: Architecture) -> float:
    return sum(count * table[part] for part, count in required_latency_parts(arch).parts_of(arch).items())


def _distinct(space: SearchSpace, generator: np.random.Generator, count: int) -> list[Architecture]:
    """Different random architectures, fewer where the space has no more."""
    found: dict[str, Architecture] = {}
    for _ in range(100 * count):
        arch = space.build(space.sample(generator))
        found.setdefault(arch.arch_id, arch)
        if len(found) == count:
            break
    return list(found.values())
