"""`InheritedScores`: the table of networks that inherit shared weights, kept line by line while it grows.

The scores rank the networks of one store. They are no results: nothing here stands in a study, or on a front.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_text
from search_spaces.common.objectives import gain
from search_spaces.families.architecture import Architecture
from search_spaces.families.parameter import Point
from search_spaces.registry import architecture_from, cost_of
from search_spaces.supernet_config import INHERITED

SCORES_FILE = "inherited.jsonl"
"""The file of the scores: a line about the store they are of, and a line for each network."""
TABLE_FILE = "inherited.csv"
"""The same as a table."""
FORMAT = 1
FIGURE, PROTOCOL, SETTINGS, WEIGHTS = "figure", "protocol", "supernet", "weights"
"""Fields of the first line: the figure that ranks, data and recipe, space and training, and the digest of the weights."""


@dataclass(frozen=True, kw_only=True)
class ScoredNetwork:
    """A network with the figures it has when it inherits.

    Args:
        arch: The network.
        figures: Its figures, whose names begin with ``inherited_``.
        seconds: The time that its scoring took.
    """

    arch: Architecture
    figures: Mapping[str, float]
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "arch_id": self.arch.arch_id,
            "arch": self.arch.to_dict(),
            "figures": dict(self.figures),
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ScoredNetwork:
        """Return the inverse of `to_dict`."""
        arch = architecture_from(values["arch"])
        return cls(arch=arch, figures=values["figures"], seconds=values["seconds"])


@dataclass(frozen=True, kw_only=True)
class InheritedScores:
    """The scored networks of one store, none twice.

    Args:
        identity: The store, its data and its recipe, as plain values.
        networks: The networks in the order in which they were scored.
    """

    identity: Mapping[str, Any]
    networks: tuple[ScoredNetwork, ...] = field(default=())

    @property
    def figure(self) -> str:
        """The figure that ranks the networks, such as ``inherited_ap_gt``."""
        return str(self.identity[FIGURE])

    def values(self) -> dict[str, float]:
        """Return the ranking figure by the id of each network that has it; larger is better, whatever the figure."""
        name, objective = self.figure, self.figure.removeprefix(INHERITED)
        return {each.arch.arch_id: gain(objective, each.figures[name]) for each in self.networks if name in each.figures}

    def best(self) -> ScoredNetwork:
        """Return the network that ranks first; there must be one with the ranking figure."""
        values = self.values()
        return max(self.networks, key=lambda each: values.get(each.arch.arch_id, -math.inf))

    def table(self, point_of: Callable[[Architecture], Point | None]) -> pd.DataFrame:
        """Return a row for each network: its id, its point in the space, what it costs, and its inherited figures.

        Args:
            point_of: Returns the point of a network in the space, None where it has none.
        """
        return pd.DataFrame([self._row(each, point_of(each.arch)) for each in self.networks])

    @staticmethod
    def _row(each: ScoredNetwork, point: Point | None) -> dict[str, Any]:
        cost = cost_of(each.arch).objectives
        costs = {name: cost[name] for name in ("mmacs", "params")}
        plain = {name: value if np.isscalar(value) else json.dumps(value) for name, value in (point or {}).items()}
        return {"arch_id": each.arch.arch_id, **plain, **costs, **each.figures, "seconds": each.seconds}


class ScoresFile:
    """The file of scores in a folder, which grows by whole lines: a process that dies leaves what it has scored.

    Args:
        folder: The folder of the shared weights.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / SCORES_FILE

    def read(self) -> InheritedScores | None:
        """Return the scores; None where there are none.

        Raises:
            InvalidInput: the file is no file of scores.
        """
        if not self.path.is_file():
            return None
        # A line without an end was being written when its process died.
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1]
        try:
            identity, *rows = [json.loads(line) for line in lines] or [None]
            if identity is None:
                return None
            if identity["format"] != FORMAT:
                rows = []
            networks = {row["arch_id"]: ScoredNetwork.from_dict(row) for row in reversed(rows)}
            found = InheritedScores(identity=identity, networks=tuple(reversed(networks.values())))
            _ = found.figure
        except (ValueError, LookupError, TypeError, AttributeError):
            raise InvalidInput(f"scores of inherited networks must be lines of JSON, but {self.path} has others") from None
        if identity["format"] != FORMAT:
            raise InvalidInput(f"scores in {self.path} must have format {FORMAT}, got {identity['format']!r}")
        return found

    def begin(self, identity: Mapping[str, Any], *, again: str) -> InheritedScores:
        """Return the scores so far of a store, and write the first line where there are none.

        Args:
            identity: The store that networks are scored of.
            again: What to do where the file holds the scores of another.

        Raises:
            InvalidInput: the file holds the scores of another store.
        """
        wanted = {"format": FORMAT, **identity}
        found = self.read()
        if found is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, json.dumps(wanted) + "\n")
            return InheritedScores(identity=wanted)
        for name, value in json.loads(json.dumps(wanted)).items():
            if found.identity.get(name) != value:
                raise InvalidInput(
                    f"scores in {self.path} must be of the same {name} to go on with them,"
                    f" {_brief(value)}, got {_brief(found.identity.get(name))}: {again}"
                )
        self._cut()
        return found

    def append(self, networks: Sequence[ScoredNetwork]) -> None:
        """Add networks at the end of the file, so that they are on the disk when this returns."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("".join(json.dumps(each.to_dict()) + "\n" for each in networks))
            stream.flush()
            os.fsync(stream.fileno())

    def _cut(self) -> None:
        """Take a line away that was being written when its process died."""
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_text(self.path, whole.decode())


def weights_digest(weights: Mapping[str, Any]) -> str:
    """Return a digest of tensors by their names: the same for the same weights, wherever they lie."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _brief(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
