"""Whether a study may go on: its settings and its data are those that it was made with, told before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dite_search.config.search_config import SearchConfig
from dite_search.study.attributes import ARCH, EPOCH_KEY, ORIGIN, PROTOCOL, REUSED, SEED
from dite_search.study.directory import checkpoint_location
from dite_search.study.protocol import (
    base_settings,
    differences,
    may_change,
    provenance_of,
    refuse_changes,
    settings_of,
)
from dite_search.study.reader import curve_of, is_complete
from dite_search.study.study import found_study, readable, tried_values
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import architecture_from
from search_spaces.training_config import TRAIN_PARAMETERS
from trainers.checkpoints.checkpoint import load_checkpoint
from trainers.checkpoints.location import LAST
from trainers.data.config import DataConfig
from trainers.data.identity import CONTENTS, files_of, identity_of

FROM_DATA = ("format", "name", "train_split", "val_split", "boxes")
"""Fields of the data that a checkpoint holds under the names of the search file."""


def check_study(config: SearchConfig) -> None:
    """Refuse to go on with a study by other settings than it was made with.

    Of a study of an earlier version, which kept none, its trials and a checkpoint tell some.

    Raises:
        InvalidInput: the message names the fields, both values of each, and what to do.
    """
    study = found_study(config)
    with readable(config):
        if study is None or PROTOCOL in study.user_attrs:
            return
        present = settings_of(config)
        refuse_changes(config, differences(known_settings(config, study, present), present, tried_values(study)))


def check_same_data(config: SearchConfig, data: DataConfig, contents: Mapping[str, str]) -> None:
    """Refuse to go on with a study on data that hold something else than when it was made.

    ``contents`` are the digests of the files of ``data``, as of `data_contents`. An earlier version kept one identity of
    all of them in the provenance.

    Raises:
        InvalidInput: the message names the file that holds something else, and what to do.
    """
    study = found_study(config)
    if study is None:
        return
    with readable(config):
        kept = study.user_attrs.get(PROTOCOL, {}).get("contents")
        recorded = kept or provenance_of(config).get("data")
    remedy = "put back what was there, or make a new study under another name"
    if isinstance(recorded, str) and recorded != identity_of(contents):
        raise InvalidInput(
            f"study {config.name} was made with annotations of {recorded}, but those in {data.root} have"
            f" {identity_of(contents)} now: {remedy}"
        )
    files = files_of(data)
    for part, digest in kept.items() if kept else ():
        if contents.get(part) != digest:
            now = f"{files[part]} has sha256 {contents[part][:16]}" if part in files else "there are none"
            raise InvalidInput(
                f"study {config.name} was made with {CONTENTS[part]} of sha256 {digest[:16]}, but {now} now: {remedy}"
            )


def keep_record(config: SearchConfig, contents: Mapping[str, str]) -> None:
    """Give a study of an earlier version the record that a new one is made with; `check_study` has looked at it."""
    study = found_study(config)
    if study is not None and not study.user_attrs.get(PROTOCOL, {}).get("contents"):
        settings = study.user_attrs.get(PROTOCOL, {}).get("settings") or settings_of(config)
        study.set_user_attr(PROTOCOL, {"settings": settings, "contents": dict(contents)})


def known_settings(config: SearchConfig, study: Any, present: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a study without a record: what its trials and a checkpoint tell, and else those at ``present``."""
    trials = study.get_trials(deepcopy=False)
    own = [trial for trial in trials if ARCH in trial.user_attrs and ORIGIN not in trial.user_attrs]
    found = dict(present)
    if study.metric_names:
        found["objectives"] = list(study.metric_names)
    distributions = {name: found for trial in trials for name, found in trial.distributions.items()}
    if distributions:
        found = {field: value for field, value in found.items() if not field.startswith("space.parameters.")}
        found |= {f"space.parameters.{name}": _values(each) for name, each in distributions.items()}
    if own:
        found |= base_settings(_other_base(config, own[0]))
        found["seed"] = min(trial.user_attrs.get(SEED, config.seed) for trial in own)
    ends = [_last_epoch(trial) for trial in own if is_complete(trial) and REUSED not in trial.user_attrs]
    # An earlier version could lose the last row of a curve: one epoch less tells nothing.
    if ends and max(ends) != config.train_config.epochs - 1:
        found["training.epochs"] = max(ends)
    return found | {field: value for field, value in _of_checkpoint(config, own, distributions) if field in present}


def _values(distribution: Any) -> Any:
    """The values of an Optuna distribution, as `settings_of` writes those of a parameter."""
    if hasattr(distribution, "choices"):
        return list(distribution.choices)
    return {"low": distribution.low, "high": distribution.high, "log": distribution.log}


def _other_base(config: SearchConfig, trial: Any) -> dict[str, Any]:
    """The fields of a trial's architecture that the search's base gives in another way."""
    recorded = architecture_from(trial.user_attrs[ARCH])
    try:
        built = config.search_space.build({n: value for n, value in trial.params.items() if n not in TRAIN_PARAMETERS})
    except InvalidInput:
        # The parameters have changed, which is told anyway.
        return {}
    theirs, ours = recorded.to_dict(), built.to_dict()
    return {} if built == recorded else {name: theirs[name] for name in theirs if theirs[name] != ours[name]}


def _last_epoch(trial: Any) -> int:
    return max((int(metrics[EPOCH_KEY]) for metrics in curve_of(trial)), default=0)


def _of_checkpoint(config: SearchConfig, trials: Sequence[Any], varied: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Recipe and data of the first trial with a checkpoint in a folder, by the names of the search file."""
    for trial in trials:
        place = checkpoint_location(config, trial.number)
        if not isinstance(place, Path) or not (place / LAST).is_file():
            continue
        try:
            checkpoint = load_checkpoint(place / LAST)
        except InvalidInput:
            continue
        for name, value in checkpoint.train.identity().items():
            if name not in varied and name != "seed" and not may_change(f"training.{name}"):
                yield f"training.{name}", value
        if config.data.synthetic is None:
            yield from ((f"data.{name}", checkpoint.data[name]) for name in FROM_DATA if name in checkpoint.data)
        return
