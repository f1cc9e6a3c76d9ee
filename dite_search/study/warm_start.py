"""Results of earlier studies, as trials that a new search knows from the start."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from analysis.study.records import TrialRecord
from analysis.study.trial_status import TrialStatus
from dite_search.algorithms.cost_aware.candidates import distributions_of
from dite_search.config.search_config import SearchConfig
from dite_search.study.attributes import METRICS, ORIGIN
from dite_search.study.directory import checkpoint_location, load_config
from dite_search.study.protocol import latency_settings, protocol_of
from dite_search.study.reader import STATUSES, epoch_name, network_attributes, read_study
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Scalar

CHANCE = ("seed",)
"""The fields in which two protocols may differ: the results are of the same kind."""

EarlierTrials = list[FrozenTrial]
"""Trials of earlier studies, as those of a new one."""

_STATES = {STATUSES[state]: state for state in (TrialState.COMPLETE, TrialState.PRUNED)}


def earlier_trials(config: SearchConfig, data: str | None = None) -> EarlierTrials:
    """The complete and stopped trials of the studies that a search starts from, as far as its space holds their networks.

    ``data`` is the identity of the search's data; without one that of the earlier studies is not looked at.

    Raises:
        InvalidInput: a study does not exist, or was made under another protocol; the message names what differs.
    """
    found: EarlierTrials = []
    for name in config.warm_start.studies:
        earlier = load_config(name, directory=config.directory)
        theirs = protocol_of(earlier)
        ours = protocol_of(config) | {"data": theirs["data"] if data is None else data}
        _check_protocol(name, theirs, ours, free=(*CHANCE, *_own_objectives(earlier, config), *_latencies(earlier, config)))
        for record in read_study(earlier).trials:
            trial = _trial(config, earlier, record)
            if trial is not None:
                found.append(trial)
    return found


def _own_objectives(earlier: SearchConfig, config: SearchConfig) -> Iterator[str]:
    """Yield fields of objectives of the user's own that may differ: what is counted is counted anew."""
    theirs, ours = ({own.name: own for own in each.own_objectives} for each in (earlier, config))
    for own in (theirs | ours).values():
        if own.is_counted or own.name not in theirs or own.name not in ours:
            yield own.field


def _latencies(earlier: SearchConfig, config: SearchConfig) -> Iterator[str]:
    """Yield the fields of latencies where one of both searches has none."""
    theirs, ours = latency_settings(earlier), latency_settings(config)
    if not theirs or not ours:
        yield from theirs | ours


def _check_protocol(name: str, theirs: Mapping[str, Any], ours: Mapping[str, Any], free: Collection[str]) -> None:
    for field in dict.fromkeys([*ours, *theirs]):
        if field not in free and theirs.get(field) != ours.get(field):
            raise InvalidInput(
                f"warm_start.studies {name} must have the protocol of this search,"
                f" but {field} is {theirs.get(field)!r} there and {ours.get(field)!r} here"
            )


def _trial(config: SearchConfig, earlier: SearchConfig, record: TrialRecord) -> FrozenTrial | None:
    """A trial of an earlier study as one of this; None without a result, or outside the space or the budget."""
    point = config.search_space.point_of(record.arch)
    training = {n: record.parameters.get(n) for n in config.search_space.training_parameters}
    if record.status not in _STATES or point is None or None in training.values():
        return None
    complete = record.status is TrialStatus.COMPLETE
    cost = config.search_space.cost_of(record.arch)
    known = record.values | cost.objectives
    values = [known[name] for name in config.objectives if name in known]
    if not config.network_budget.allows(known) or (complete and len(values) < len(config.objectives)):
        return None
    folder = checkpoint_location(earlier, record.number)
    origin = {"study": earlier.name, "trial": record.number, "folder": str(folder), "seed": record.seed}
    attributes = {**network_attributes(record.arch, cost), METRICS: dict(record.metrics), ORIGIN: origin}
    trial: FrozenTrial = create_trial(
        state=_STATES[record.status],
        values=values if complete else None,
        params={**point, **training},
        distributions=distributions_of(config.search_space),
        user_attrs=attributes | dict(_epochs(record)),
    )
    return trial


def _epochs(record: TrialRecord) -> Iterator[tuple[str, Mapping[str, Scalar]]]:
    for metrics in record.curve:
        yield epoch_name(metrics["epoch"]), dict(metrics)
