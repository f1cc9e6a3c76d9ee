"""The references to the two sides of a comparison: a trial, a study, an export or a network, with its predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from analysis.comparison.sides import ComparedNetwork
from analysis.errors.predictions import ScoredPredictions, predictions_of, predictions_with
from dite_search.config.search_config import SearchConfig
from dite_search.tasks.network_reference import CHECKPOINT, EXPORT, MODEL, TRIAL, NetworkReference, find_network
from search_spaces.common.errors import InvalidInput
from search_spaces.common.follow import UNSEEN, Follow
from trainers.data.config import DataConfig

NETWORK = "network"
"""The kind of a side that has costs alone."""


@dataclass(frozen=True, kw_only=True)
class ModelReference:
    """A side without predictions, and the network that it can be predicted with."""

    side: ComparedNetwork
    network: NetworkReference

    @property
    def config(self) -> SearchConfig | None:
        """The search of a trial or a study."""
        return self.network.config

    @property
    def can_predict(self) -> bool:
        """Whether there are weights."""
        return self.network.has_weights


def named(text: str, *, directory: str | Path = "runs") -> ModelReference:
    """Find the side that ``text`` names, as `dite_search.tasks.network_reference.find_network` does.

    Raises:
        InvalidInput: it names nothing, the study has no such trial, or none with a score.
    """
    found = find_network(text, directory=directory)
    return ModelReference(side=_side(found), network=found)


def predicted(
    first: ModelReference,
    second: ModelReference,
    *,
    data: DataConfig | None,
    flip_test: bool | None,
    say: Callable[[str], None] = lambda sentence: None,
    follow: Follow = UNSEEN,
) -> tuple[ComparedNetwork, ComparedNetwork, str]:
    """Return both sides with the predictions of the same people in the same way, or a reason why they have none.

    Args:
        first: The one side.
        second: The other side.
        data: The people to find; by default those of the studies, and none where they cannot be read.
        flip_test: Whether mirrored images are predicted too; as in the studies by default.
        say: Takes a sentence on what is done.
        follow: Yields the sides again, and may show how far the work is.

    Raises:
        InvalidInput: a checkpoint is broken, or ``data`` was given and cannot be read.
    """
    sides = (first, second)
    for item in sides:
        if not item.can_predict:
            return first.side, second.side, f"{item.side.label} has no weights to predict with"
    configs = [item.config for item in sides if item.config]
    if data is None and not configs:
        return first.side, second.side, "networks without a study need --data, the people to find"
    if flip_test is None:
        flip_test = configs[0].train_config.flip_test if configs else True
    try:
        found = []
        for item in follow(sides):
            say(f"Predicting with {item.side.label}")
            config = item.config or (configs[0] if configs else None)
            own = data
            if own is None:
                assert config is not None, "without data there is a study"
                from dite_search.config.search_data import data_of

                own = data_of(config)
            found.append(_predictions(item, own, flip_test=flip_test, follow=follow))
    except InvalidInput as error:
        if data is not None:
            raise
        return first.side, second.side, str(error)
    return (
        dataclasses.replace(first.side, predictions=found[0]),
        dataclasses.replace(second.side, predictions=found[1]),
        "",
    )


def _predictions(item: ModelReference, data: DataConfig, *, flip_test: bool, follow: Follow) -> ScoredPredictions:
    study, record = item.side.study, item.side.record
    if study is not None and record is not None:
        return predictions_of(study, record, data, flip_test=flip_test, follow=follow.within)
    trained = item.network.load()
    return predictions_with(trained.arch, trained.network, trained.train, data, flip_test=flip_test, follow=follow.within)


def _side(found: NetworkReference) -> ComparedNetwork:
    study, record = found.study, found.record
    if study is None or record is None:
        kind = EXPORT if found.kind in (EXPORT, MODEL) else CHECKPOINT if found.kind == CHECKPOINT else NETWORK
        return ComparedNetwork(label=f"{kind} {found.text}", kind=kind, arch=found.arch)
    name = f"{study.name}:{record.number}"
    return ComparedNetwork(
        label=name if found.kind == TRIAL else f"{study.name} (most accurate: trial {record.number})",
        kind=found.kind,
        arch=record.arch,
        curve=record.curve,
        metrics=record.metrics,
        parameters=record.parameters,
        protocol=study.protocol,
        study=study,
        record=record,
    )
