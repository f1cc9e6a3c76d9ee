"""Published networks, the protocol of each, and when they may stand in one figure with a study's own.

Costs on an axis are ours, counted on the same architecture under the convention of that axis, since most printed ones have
one significant digit.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from analysis.study.records import StudyRecord
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import format_size
from search_spaces.families.cost import Cost
from search_spaces.families.published import PAPER, PublishedFigure
from search_spaces.registry import DEFAULT_FAMILY, FAMILIES, cost_of, family_of
from search_spaces.training_config import COMPUTATION, FINE_TUNING, TrainConfig
from trainers.data.formats.data_format import FORMATS

COCO, MPII = "coco_val2017", "mpii_val"
"""Names of the data sets as a search file has to give them for the published figures to be of the same data."""
AP, PCKH = "ap_det", "pckh50"
DETECTOR = "of a detector with person AP 56.4"
"""The detector behind the published boxes on COCO val2017."""


class PublishedNetwork(PublishedFigure):
    """A published figure with its protocol, and with our count of its costs."""

    @property
    def label(self) -> str:
        """The name and where it is printed."""
        return f"{self.name} ({PAPER}, Table {self.table})"

    @property
    def printed_cost(self) -> str:
        """The cost with the digits that are printed, as in ``205.2 M``."""
        return f"{self.printed_flops} {self.flops_unit}"

    def counted_cost(self, cost: Cost) -> str:
        """Return a cost by the count of the printed one, in its unit, which is left out, and with more digits."""
        mflops = cost.mflops_published
        return f"{mflops:.1f}" if self.flops_unit == "M" else f"{mflops / family_of(self.arch).published_giga:.4f}"

    @property
    def dataset(self) -> str:
        """The name of the data set that was scored."""
        return self.scored_on or (MPII if self.metric == PCKH else COCO)

    @property
    def protocol(self) -> dict[str, Any]:
        """How it was trained and scored, under the names of a study's protocol, as far as it is stated."""
        known = {
            "dataset": self.dataset,
            "train_split": "train",
            "val_split": "val",
            "boxes": "gt" if self.metric == PCKH else "det",
            "input_size": format_size(self.arch.input_size),
        }
        length = {"epochs": self.epochs, "batch_size": self.recipe.batch_size} if self.epochs else {}
        return {**known, **length, "flip_test": True}

    @cached_property
    def recipe(self) -> TrainConfig:
        """Its hyper-parameters; those of the data where they are not stated."""
        of_data = FORMATS["mpii" if self.metric == PCKH else "coco"].training
        epochs = self.epochs or TrainConfig().epochs
        own = {"epochs": epochs, "milestones": tuple(epoch / epochs for epoch in self.decay_epochs)}
        return TrainConfig.from_dict({"batch_size": 256, **of_data, **own, **dict(self.training)})

    @cached_property
    def cost(self) -> Cost:
        """Our count for the same architecture and input size."""
        return cost_of(self.arch)

    @property
    def values(self) -> dict[str, float]:
        """Quantities by the names of objectives, as in a trial record; no latency was published."""
        return {self.metric: self.score, **self.cost.objectives}


PUBLISHED = tuple(
    PublishedNetwork(**{field.name: getattr(row, field.name) for field in dataclasses.fields(row)})
    for family in FAMILIES.values()
    for row in family.published
)
"""Every published network that a family brings."""
PUBLISHED_TABLES = {
    table: tuple(row for row in PUBLISHED if row.table_name == table)
    for table in dict.fromkeys(row.table_name for row in PUBLISHED)
}
"""Published networks by the names that search files give to whole tables."""


def rows_by_family(table: str) -> dict[str, list[PublishedNetwork]]:
    """Return the rows of a table by the family of their networks, for families whose rows differ in their scores."""
    rows: dict[str, list[PublishedNetwork]] = {}
    for row in PUBLISHED_TABLES[table]:
        rows.setdefault(row.arch.FAMILY, []).append(row)
    return {family: found for family, found in rows.items() if len({row.score for row in found}) > 1}


def check_families_of_tables(tables: Iterable[str], families: Iterable[str]) -> None:
    """Refuse, with `InvalidInput`, tables that say nothing of the networks of a family."""
    for family in families:
        for table in tables:
            known = rows_by_family(table)
            if family not in known:
                raise InvalidInput(
                    f"published {table} says nothing of networks of the family {family}, only of {', '.join(known)}"
                )


NAMED_TABLES = (2, 4)
"""Tables whose networks have their names beside them in a figure: few, and apart from each other."""


BEGINNINGS = {"start_from": "trained from the weights", "distill": "trained with"}
"""Words before the weights and the teacher of a training that is none from scratch, by the field of its protocol."""


def published_for(study: StudyRecord) -> list[PublishedNetwork]:
    """Return the published networks of the study's families, scored the way the study scores its own, most often none.

    Data set and split, metric (``ap_det`` or ``pckh50``) and input size are the same. So is the flip test, unless the
    protocol does not say. The training may differ, but it begins from scratch and has no teacher. A network that two
    tables print appears once.
    """
    protocol = study.protocol
    if protocol.get("flip_test", True) is not True or protocol.get("val_split", "val") != "val":
        return []
    if any(name in protocol for name in BEGINNINGS):
        return []
    size = _size_text(protocol.get("input_size"))
    families = {record.arch.FAMILY for record in study.trials} or {DEFAULT_FAMILY.name}
    rows: dict[str, PublishedNetwork] = {}
    for network in PUBLISHED:
        if (
            network.arch.FAMILY not in families
            or network.metric not in study.objectives
            or network.dataset != protocol.get("dataset")
        ):
            continue
        if format_size(network.arch.input_size) == size:
            rows.setdefault(network.arch.arch_id, network)
    return list(rows.values())


RECIPE_FIELDS = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if field.name not in ("epochs", "batch_size", "flip_test", "validate_every", "seed", *COMPUTATION, *FINE_TUNING)
)
"""Hyper-parameters that change what is learned and have no field of their own in a protocol."""


def recipe_changes(config: TrainConfig) -> dict[str, Any]:
    """Hyper-parameters that differ from the paper's for COCO, as plain values: the rest of a protocol."""
    ours, paper = config.to_dict(), TrainConfig().to_dict()
    return {name: ours[name] for name in RECIPE_FIELDS if ours[name] != paper[name]}


def _size_text(size: Any) -> str:
    """``256x192`` for either spelling of an input size that a protocol may hold, else an empty text."""
    if isinstance(size, str):
        return size.lower().strip()
    return format_size(size) if isinstance(size, (list, tuple)) and len(size) == 2 else ""
