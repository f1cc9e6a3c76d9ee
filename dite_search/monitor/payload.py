"""A snapshot of a study as plain JSON types, for the dashboard's page and for scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from analysis.pareto.front import front_of
from analysis.study.labels import quantity
from analysis.study.records import TrialRecord
from analysis.study.stopping import StopReasons
from analysis.study.trial_status import TrialStatus
from dite_search.monitor.snapshot import (
    StudySnapshot,
    advice,
    budget_words,
    clean,
    curve_metric,
    curve_points,
    eta,
    eta_words,
    state_of,
    state_words,
    tally_words,
    throughput,
)
from dite_search.study.places import REPORT_PAGE
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores, format_value

LOSS = "loss"
"""The figure of an epoch that every training has."""
MAX_CURVES, MAX_POINTS = 40, 2000
"""Curves and points that a page is sent."""


def shown_curves(moment: StudySnapshot, front: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the trials whose curves are shown: running ones, the front, then the newest of the others."""
    first = {record.number: record for record in (*moment.running, *front)}
    rest = [record for record in reversed(moment.own) if record.number not in first]
    return [*first.values(), *rest][:MAX_CURVES]


def as_plain(moment: StudySnapshot) -> dict[str, Any]:
    """The moment as plain JSON types, every name and value in words as well."""
    front, metric, speed = front_of(moment.study), curve_metric(moment), throughput(moment)
    numbers, stops = {record.number for record in front}, StopReasons(moment.study)
    highest = OBJECTIVES[moment.score].highest
    columns = list(moment.study.objectives)
    complete = [record for record in moment.study.trials if record.status is TrialStatus.COMPLETE]
    kept = [record for record in complete if record.number not in numbers][-MAX_POINTS:]
    return {
        "name": moment.study.name,
        # Where nothing happens, a later reading is no news.
        "now": moment.now if moment.is_driven else None,
        "state": state_of(moment),
        "state_words": clean(state_words(moment)),
        "advice": clean(advice(moment)),
        "tally": tally_words(moment),
        "spent": moment.spent,
        "asked": moment.asked,
        "share": moment.share,
        "budget": moment.budget.plain if moment.budget else None,
        "budget_words": budget_words(moment),
        "shared_weights": clean(moment.shared_weights),
        "epochs": moment.epochs,
        "throughput": str(speed) if speed else "",
        "epochs_per_hour": speed.epochs_per_hour if speed else None,
        "trials_per_hour": speed.trials_per_hour if speed else None,
        "eta_seconds": eta(moment),
        "eta": eta_words(moment),
        "limits": {limit.cost: limit.limit for limit in moment.limits.constraints},
        "limit_words": _limit_words(moment),
        "report": (moment.study.directory / REPORT_PAGE).is_file(),
        "columns": columns,
        "words": {name: quantity(name) for name in (*columns, metric, LOSS)},
        "highest": highest if math.isfinite(highest) else None,
        "score": moment.score,
        "costs": costs_and_scores(columns)[0],
        "front": [_row(record, columns) for record in front],
        "others": [_row(record, columns) for record in kept],
        "running": [
            _begun(record, columns, metric) | {"where": moment.where.get(record.number, "")} for record in moment.running
        ],
        "stopped": [
            _begun(record, columns, metric) | {"reason": clean(stops.of(record)), "score": _last(record, moment.score)}
            for record in moment.own
            if record.status is TrialStatus.STOPPED
        ][-MAX_POINTS:],
        "curves": {
            "metric": metric,
            "trials": [
                {
                    "trial": record.number,
                    "status": record.status,
                    "on_front": record.number in numbers,
                    "points": curve_points(record, metric),
                    "loss": curve_points(record, LOSS),
                }
                for record in shown_curves(moment, front)
            ],
        },
        "failures": [
            {"trial": record.number, "reason": clean(record.reason)}
            for record in moment.own
            if record.status is TrialStatus.FAILED
        ][-5:],
    }


def _row(record: TrialRecord, columns: Sequence[str]) -> dict[str, Any]:
    values = {name: value for name in columns if (value := record.values.get(name)) is not None and math.isfinite(value)}
    return {
        "trial": record.number,
        "network": record.arch.arch_id,
        "epochs": len(record.curve),
        "values": values,
        "words": {name: format_value(name, values.get(name)) for name in columns},
    }


def _begun(record: TrialRecord, columns: Sequence[str], metric: str) -> dict[str, Any]:
    """Return the row of a trial that has not ended its training, with its latest figures in words."""
    loss = _last(record, LOSS)
    latest = {"latest": format_value(metric, _last(record, metric)), "loss": "–" if loss is None else f"{loss:.3g}"}
    return _row(record, columns) | latest


def _limit_words(moment: StudySnapshot) -> str:
    """Return the limits on the costs of a network; nothing without one."""
    limits = [
        f"{quantity(limit.cost)} {limit.bound} {format_value(limit.cost, limit.limit)}"
        for limit in moment.limits.constraints
    ]
    return f"Budget of a network: {' and '.join(limits)}" if limits else ""


def _last(record: TrialRecord, metric: str) -> float | None:
    points = curve_points(record, metric)
    return points[-1][1] if points else None
