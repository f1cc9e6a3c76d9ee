"""A recorded training that a simulation goes through, epoch by epoch, and its trial as a scheduler sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from dite_search.simulation.recorded_curves import Curve
from dite_search.study.attributes import EPOCH_KEY
from search_spaces.space.network_space import Network


@dataclass(kw_only=True)
class ReplayedTrial:
    """A trial as a scheduler sees it, with the field names of Ray Tune's own ``Trial``."""

    trial_id: str
    config: Mapping[str, Any]
    status: str = "RUNNING"
    last_result: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class ReplayedTraining:
    """A training on its worker: ``done`` entries of its curve lie behind it, the last of them at epoch ``reached``."""

    trial: ReplayedTrial
    arch: Network
    curve: Curve
    began: float
    done: int = 0
    reached: float = 0.0

    @cached_property
    def _upcoming(self) -> Mapping[str, float]:
        """The next entry of the curve, which some curves make when they are asked for it."""
        return self.curve[self.done]

    @property
    def due(self) -> float:
        """When its next epoch ends."""
        return self.began + self._upcoming.get("seconds", self._upcoming[EPOCH_KEY])

    @property
    def span(self) -> int:
        """The epochs from the last entry of the curve to the next."""
        return int(self._upcoming[EPOCH_KEY] - self.reached)

    @property
    def goes_on(self) -> bool:
        """Whether there are epochs left."""
        return self.done < len(self.curve)

    def skip(self, epoch: int) -> None:
        """Begin after an epoch that was trained before."""
        self.done = sum(metrics[EPOCH_KEY] <= epoch for metrics in self.curve)
        before = self.curve[self.done - 1]
        self.reached = before[EPOCH_KEY]
        self.began -= before.get("seconds", before[EPOCH_KEY])

    def advance(self) -> dict[str, Any]:
        """The result of the next epoch, flat as Tune hands it on."""
        metrics = self._upcoming
        del self._upcoming
        self.done += 1
        self.reached = metrics[EPOCH_KEY]
        about = {
            "trial_id": self.trial.trial_id,
            "training_iteration": self.done,
            "config/number": self.trial.config["number"],
        }
        return {**metrics, **about}
