"""The protocol of a study: the fields of its search file that stay as they were when it was made, and its data.

The study's database holds a record of both, made with the study. Whoever opens a study compares its search file with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from analysis.study.published_results import recipe_changes
from dite_search.config.changeable import CHANGEABLE
from dite_search.config.search_config import SearchConfig
from dite_search.study.directory import SEARCH_FILE
from dite_search.study.places import PROVENANCE_FILE, WORKING_DIRECTORY
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import format_size
from search_spaces.families.parameter import Parameter, Range
from search_spaces.registry import DEFAULT_FAMILY
from search_spaces.training_config import TrainConfig

COUNTED = (
    "space",
    "objectives",
    "own_objectives",
    "budget",
    "repeats",
    "confirm",
    "seed",
    "start_with",
    "warm_start",
    "sampler",
)
"""Fields and sections in which a new study may differ from one whose results it takes over."""
MAX_SHOWN_DIFFERENCES = 3
"""Differences that one sentence names."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A field by its name in the search file, with its value when the study was made and now; None for none."""

    field: str
    before: Any
    now: Any


def protocol_of(config: SearchConfig) -> dict[str, Any]:
    """Return the settings that must be equal for the scores of two trials to be comparable."""
    space = config.search_space
    return {
        "dataset": "synthetic" if config.data.synthetic else config.data.name,
        "train_split": config.data.train_split,
        "val_split": config.data.val_split,
        "data": provenance_of(config).get("data", "not recorded"),
        "format": config.data.format,
        "boxes": config.data.boxes,
        "category": config.data.category or "found by name",
        "on_orientation": config.data.on_orientation,
        "input_size": "x".join(map(str, space.base.input_size)) if "input_size" not in space.parameters else "varied",
        "epochs": config.train_config.epochs,
        "batch_size": config.train_config.batch_size,
        # Keypoints without sides are not mirrored, whatever the hyper-parameters say.
        "flip_test": config.train_config.flip_test and config.data.keypoint_set.mirrors,
        "recipe_changes": recipe_changes(config.train_config),
        "seed": config.seed,
        **_own_protocol(config),
        **{field: value for field, value in latency_settings(config).items() if value is not None},
        **{own.field: own.statement for own in config.own_objectives},
    }


def _own_protocol(config: SearchConfig) -> dict[str, Any]:
    """Keypoints, metric and split of a user's own, and weights that trainings begin from; nothing where there are none."""
    data, found = config.data, dict(config.train_config.fine_tuning)
    known = data.keypoint_set
    if known != data.data_format.keypoint_set:
        found["keypoints"] = f"{known.name} ({', '.join(known.names)})"
    if "keypoints" in found or data.metric is not None:
        found["metric"] = data.metric_words
    if data.val_share is not None:
        found["split"] = f"{data.val_share:g} of the images to score on, by {data.group_by}"
    return found


def latency_settings(config: SearchConfig) -> dict[str, Any]:
    """Return what makes latencies comparable, by the fields of the search file; nothing where they do not count."""
    if "latency_ms" not in (*config.objectives, *config.network_budget.costs):
        return {}
    section = config.latency
    threads = section.threads or config.resources.cpus_per_worker
    return {"latency.device": section.device, "latency.threads": threads, "latency.runtime": section.runtime}


def provenance_of(config: SearchConfig) -> dict[str, Any]:
    """Where a search came from, as it is shown; nothing where that was not written yet."""
    file = config.study_directory / PROVENANCE_FILE
    found = json.loads(file.read_text()) if file.is_file() else {}
    if not isinstance(found, dict):
        raise InvalidInput(f"{file} must hold a mapping, got {type(found).__name__}")
    return {name: value for name, value in found.items() if name != WORKING_DIRECTORY}


def settings_of(config: SearchConfig) -> dict[str, Any]:
    """The fields of a search that must stay, by their names in the search file, as plain JSON values.

    The space and the hyper-parameters are whole, whatever the file leaves to defaults and named spaces.
    """
    plain: dict[str, Any] = json.loads(
        config.model_dump_json(exclude={"name", "space", "input_size", "training", "own_objectives"})
    )
    found = _flat(plain)
    found["warm_start.studies"] = [name.rpartition("/")[2] for name in config.warm_start.studies]
    kept: dict[str, Any] = {"sampler.name": config.sampler.name, **latency_settings(config)}
    for own in config.own_objectives:
        # Where the module lies, and the words for its values, may change.
        kept[f"own_objectives.{own.name}"] = f"{own.source}, code {own.digest}"
    found |= {f"training.{name}": value for name, value in config.train_config.identity().items() if name != "seed"}
    found |= base_settings(config.search_space.base.to_dict())
    found |= parameter_settings(config.search_space.parameters)
    # Below a section that may change, a field may have to stay under a condition.
    return {field: value for field, value in found.items() if not may_change(field)} | kept


def base_settings(arch: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the base architecture by their names in the search file."""
    found = {f"space.base.{name}": value for name, value in arch.items() if name != "input_size"}
    return found | ({"input_size": format_size(arch["input_size"])} if "input_size" in arch else {})


def parameter_settings(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """The parameters of a space by their names in the search file."""
    return {
        f"space.parameters.{name}": {"low": parameter.low, "high": parameter.high, "log": parameter.log}
        if isinstance(parameter, Range)
        else list(parameter.values)
        for name, parameter in parameters.items()
    }


def may_change(field: str) -> bool:
    """Whether `CHANGEABLE` names a field or its section."""
    return any(field == known or field.startswith(f"{known}.") for known in CHANGEABLE)


def differences(
    recorded: Mapping[str, Any], present: Mapping[str, Any], tried: Mapping[str, Sequence[Any]]
) -> list[Difference]:
    """Return the differences between two results of `settings_of` that keep earlier trials from standing beside later ones.

    Args:
        recorded: when the study was made; a field that is missing was not known then, and had its default.
        present: now.
        tried: the values that earlier trials have of each parameter of the space.
    """
    found = []
    for field in dict.fromkeys([*recorded, *present]):
        before, now = recorded.get(field, _default(field)), present.get(field)
        if before != now and not _fits(field, before, now, tried):
            found.append(Difference(field=field, before=before, now=now))
    return found


def refuse_changes(config: SearchConfig, found: Sequence[Difference]) -> None:
    """Raise InvalidInput where there are differences; the sentence names them, and what can be done."""
    if not found:
        return
    others = len(found) - MAX_SHOWN_DIFFERENCES
    more = f" and {others} more field{'s' if others > 1 else ''}" if others > 0 else ""
    before = " and ".join(f"{each.field} {_shown(each.before)}" for each in found[:MAX_SHOWN_DIFFERENCES])
    now = " and ".join(_shown(each.now) for each in found[:MAX_SHOWN_DIFFERENCES])
    start = f", with warm_start: {{studies: [{config.study_directory}]}}"
    counted = all(each.field.partition(".")[0] in COUNTED for each in found)
    raise InvalidInput(
        f"study {config.name} was made with {before}{more}, but {config.study_directory / SEARCH_FILE} has {now}:"
        f" put {'it' if len(found) == 1 else 'them'} back, or make a new study under another name{start if counted else ''}"
    )


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Sections as dotted names; a section that is left out is one name."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return found


def _default(field: str) -> Any:
    """The default of a field of the search file; None for what has none."""
    if field.startswith("training."):
        return TrainConfig().to_dict().get(field.removeprefix("training."))
    if field.startswith("space.base."):
        return DEFAULT_FAMILY.architecture().to_dict().get(field.removeprefix("space.base."))
    section: Any = SearchConfig
    *sections, name = field.split(".")
    for part in sections:
        known = section.model_fields.get(part) if isinstance(section, type) and issubclass(section, BaseModel) else None
        section = known.annotation if known else None
    known = section.model_fields.get(name) if isinstance(section, type) and issubclass(section, BaseModel) else None
    if known is None or known.is_required():
        return None
    value = known.get_default(call_default_factory=True)
    return list(value) if isinstance(value, tuple) else value


def _fits(field: str, before: Any, now: Any, tried: Mapping[str, Sequence[Any]]) -> bool:
    """Whether a field may have changed in this way."""
    if field == "sampler.name":
        return "grid" not in (before, now)
    ranges = all(isinstance(value, Mapping) and "low" in value for value in (before, now))
    if not field.startswith("space.parameters.") or not ranges or before["log"] != now["log"]:
        return False
    return all(now["low"] <= value <= now["high"] for value in tried.get(field.removeprefix("space.parameters."), ()))


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "none"
    return value if isinstance(value, str) and value.isprintable() else json.dumps(value)
