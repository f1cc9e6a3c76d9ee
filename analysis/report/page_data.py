"""The trials as the page's script reads them: columns, with what repeats written once."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.pareto.recommendations import axis_costs
from analysis.report.elements.figures import curve_metrics, curve_of
from analysis.report.elements.options import Setup
from analysis.report.sections.recommendations import UNKNOWN
from analysis.study.labels import architecture_outline, families_of, quantity, short
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.stopping import StopReasons
from analysis.study.trial_status import TrialStatus
from search_spaces.common.objectives import DIRECTIONS, MEASURED, OBJECTIVES, is_score, named
from search_spaces.common.redaction import without_user
from search_spaces.common.shell import shell_command
from search_spaces.families.architecture import Architecture
from search_spaces.families.cost import NOTHING, Cost
from search_spaces.registry import family_of

CURVE_POINTS = 80_000
"""Points of all learning curves together: past it each is thinned."""
FEWEST_POINTS = 6


def page_data(study: StudyRecord, setup: Setup, uncertainty: Mapping[int, str]) -> dict[str, Any]:
    """Everything that the script of the page needs to know of the trials; ``uncertainty`` is in words, by number."""
    trials = sorted(study.trials, key=lambda record: record.number)
    seen = [last_values(record) for record in trials]
    limited = {constraint.cost for constraint in setup.budget.constraints}
    names = [name for name in DIRECTIONS if name in limited or any(name in values for values in seen)]
    costs = axis_costs(study)
    parts, cost_parts = _cost_parts(trials)
    largest = max((record.cost.params for record in trials), default=0)
    return {
        "study": study.name,
        "objectives": study.objectives,
        "directions": {name: DIRECTIONS[name] for name in names},
        "words": {name: quantity(name) for name in names},
        "useless": {row.name: row.useless for row in OBJECTIVES.values() if row.useless is not None},
        "least": {row.name: row.least for row in OBJECTIVES.values() if row.least},
        "forms": {
            row.name: {"digits": row.digits, "significant": row.significant, "scaled": row.scaled}
            for row in OBJECTIVES.values()
        },
        "measured": named(source=MEASURED),
        "short": {name: short(name) for name in names},
        "costs": costs,
        "limits": {constraint.cost: constraint.limit for constraint in setup.budget.constraints},
        "million": largest >= 1e6,
        "numbers": [record.number for record in trials],
        "statuses": list(TrialStatus),
        "marks": [status.mark for status in TrialStatus],
        "status": [list(TrialStatus).index(record.status) for record in trials],
        "reason": encoded(map(StopReasons(study).beside_status, trials)),
        "origin": encoded(record.origin for record in trials),
        "values": {name: [finite(values.get(name)) for values in seen] for name in names},
        "scores": [name for name in names if is_score(name)],
        "seconds": [rounded(record.seconds) for record in trials],
        "epochs": [len(record.curve) for record in trials],
        "taken": weights_taken(trials),
        "seed": [record.seed for record in trials],
        "before": [record.epochs_before for record in trials],
        "run": [record.mlflow_run_id or "" for record in trials],
        "mlflow": mlflow_place(study.provenance, setup.run_page),
        "arch_id": [record.arch.arch_id for record in trials],
        "outline": encoded(architecture_outline(record.arch) for record in trials),
        "branch_fields": {field: head for family in families_of(study) for field, head in family.branch_fields.items()},
        "arch": _fields([record.arch.to_dict() for record in trials]),
        "parameters": _fields([dict(record.parameters) for record in trials]),
        "parts": parts,
        "cost_parts": cost_parts,
        "curves": curves(trials, curve_metrics(study)),
        "unknown": UNKNOWN,
        "uncertainty": {str(number): text for number, text in uncertainty.items()},
    }


def weights_taken(trials: Sequence[TrialRecord]) -> list[float | None] | None:
    """Return the share of other weights in each trial; None for a study whose trials all begin from scratch."""
    found = [record.weights_taken for record in trials]
    return None if set(found) <= {None} else found


def last_values(record: TrialRecord) -> dict[str, float]:
    """The values of a trial and, of one that is not complete, the last accuracies of its curve."""
    if record.status is TrialStatus.COMPLETE:
        return record.values
    ends = {name: value for point in record.curve for name, value in point.items() if is_score(name)}
    return ends | record.values


def encoded(values: Iterable[Hashable]) -> dict[str, Any]:
    """A column as its distinct values and, for each row, the place of its own."""
    places: dict[Hashable, int] = {}
    rows = [places.setdefault(value, len(places)) for value in values]
    return {"values": list(places), "rows": rows}


def finite(value: float | None) -> float | None:
    """The value, or None where JSON has no word for it."""
    return value if value is not None and math.isfinite(value) else None


def rounded(value: float) -> float | None:
    """Four significant digits."""
    return float(f"{value:.4g}") if math.isfinite(value) else None


def curves(trials: Sequence[TrialRecord], metrics: Sequence[str]) -> dict[str, Any]:
    """Epochs and values of each metric: rounded, and thinned to the ends and points between where there are many."""
    most = max(FEWEST_POINTS, CURVE_POINTS // max(1, len(trials) * len(metrics)))
    columns = {}
    for metric in metrics:
        points = [_thinned(curve_of(record, metric), most) for record in trials]
        columns[metric] = {
            "epochs": encoded(tuple(int(epoch) for epoch, _ in each) for each in points),
            "values": [[rounded(value) for _, value in each] for each in points],
        }
    return columns


def cost_groups(arch: Architecture) -> dict[str, Cost]:
    """Return the costs of the rows of the page's cost table; they add up to the network's."""
    family, found = family_of(arch), dict[str, Cost]()
    for part in family.parts(arch):
        group = family.part_group(part)
        found[group] = found.get(group, NOTHING) + part.cost
    return found


def mlflow_place(provenance: Mapping[str, Any], run_page: str) -> dict[str, str]:
    """Return where the runs are.

    ``link`` is the address of a run, ``{run}`` in the place of its id, empty where it is not known. ``command`` serves the
    page of a database, which no server has.
    """
    uri = without_user(str(provenance.get("mlflow_uri", "")))
    web = ("http://", "https://")
    command = shell_command("mlflow", "ui", "--backend-store-uri", uri) if uri and not uri.startswith(web) else ""
    return {"link": run_page if run_page.startswith(web) else "", "command": command}


def _cost_parts(trials: Sequence[TrialRecord]) -> tuple[list[str], dict[str, Any]]:
    """Return the rows of the cost table, and parameters and MACs of each architecture once, in the order of the rows."""
    column = encoded(record.arch for record in trials)
    costs = [cost_groups(arch) for arch in column["values"]]
    rows = list(dict.fromkeys(name for found in costs for name in found))
    pairs = [[(found.get(name, NOTHING).params, found.get(name, NOTHING).macs) for name in rows] for found in costs]
    return rows, {"values": pairs, "rows": column["rows"]}


def _fields(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: encoded(_plain(row.get(name)) for row in rows) for name in names}


def _plain(value: Any) -> Hashable:
    if isinstance(value, float):
        return rounded(value)
    return tuple(value) if isinstance(value, list) else value


def _thinned(points: list[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    if len(points) <= most:
        return points
    return [points[int(place)] for place in np.linspace(0, len(points) - 1, most).round()]
