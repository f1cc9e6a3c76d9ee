"""`TableSearch`: the search that is replayed on a table which brings its own space, objectives and length of trainings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import Field, ValidationError

from dite_search.algorithms.cost_aware.listed_candidates import ListedCandidates
from dite_search.config.mistakes.sentences import file_error, sentences_of
from dite_search.config.rungs import rung_epochs
from dite_search.config.sections import COST_AWARE, SamplerSection, SchedulerSection, Section
from dite_search.config.validation import merged
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import MAXIMIZE, MINIMIZE
from search_spaces.space.budget import Budget
from search_spaces.space.listed_space import ListedSpace


class ReplaySettings(Section):
    """The fields that options of a replay replace."""

    sampler: SamplerSection = Field(default_factory=lambda: SamplerSection(name=COST_AWARE))
    scheduler: SchedulerSection = Field(default_factory=SchedulerSection)
    budget: tuple[str, ...] = ()
    reuse: bool = True
    repeats: int = Field(1, ge=1, le=100)
    confirm: int = Field(1, ge=1, le=20)
    seed: int = Field(0, ge=0, le=2**32 - 1)


@dataclass(frozen=True, kw_only=True)
class RecordedLength:
    """The length of every recorded training, and the epochs after which it has a score, the last one among them."""

    epochs: int
    validated: tuple[int, ...]

    @property
    def validate_every(self) -> int:
        """Epochs up to the first score."""
        return self.validated[0]


@dataclass(frozen=True, kw_only=True)
class TableSearch:
    """A search over the networks of a table.

    Args:
        name: the name of the study.
        search_space: the networks.
        objectives: the score, then costs that every listed network has.
        score_direction: ``minimize`` or ``maximize``, for the score; costs are minimised.
        train_config: the length of every training.
        least: the score that a trial at a rung must have reached before the rung stops trials; None asks for nothing.
        settings: the fields that options replace.

    Raises:
        InvalidInput: a setting asks for something that a table does not have.
    """

    name: str
    search_space: ListedSpace
    objectives: tuple[str, ...]
    score_direction: str
    train_config: RecordedLength
    least: float | None = None
    settings: ReplaySettings = field(default_factory=ReplaySettings)

    def __post_init__(self) -> None:
        if self.sampler.proxies:
            raise InvalidInput(f"sampler.proxies must be empty for a table, got {list(self.sampler.proxies)}")
        if self.repeats > 1 and not self.reuse:
            raise InvalidInput(f"repeats must be 1 where reuse is false, got {self.repeats}")
        _ = self.network_budget, self.rungs

    @property
    def accuracy(self) -> str:
        """The objective that is learned about: the first."""
        return self.objectives[0]

    @property
    def directions(self) -> list[str]:
        """``minimize`` or ``maximize`` for each objective."""
        return [self.score_direction] + [MINIMIZE] * (len(self.objectives) - 1)

    @property
    def least_score(self) -> float:
        """The score that a trial at a rung must have reached before the rung stops trials."""
        if self.least is None:
            return -math.inf if self.score_direction == MAXIMIZE else math.inf
        return self.least

    @property
    def sampler(self) -> SamplerSection:
        """The settings of the sampler."""
        return self.settings.sampler

    @property
    def scheduler(self) -> SchedulerSection:
        """The settings of early stopping."""
        return self.settings.scheduler

    @property
    def budget(self) -> tuple[str, ...]:
        """The limits on costs, as they are written."""
        return self.settings.budget

    @property
    def reuse(self) -> bool:
        """Whether a network that was trained already is not trained again."""
        return self.settings.reuse

    @property
    def repeats(self) -> int:
        """Trainings of each network that reached its last epoch."""
        return self.settings.repeats

    @property
    def confirm(self) -> int:
        """Trainings that each network of the answer has in the end."""
        return self.settings.confirm

    @property
    def seed(self) -> int:
        """The seed of the sampler."""
        return self.settings.seed

    @cached_property
    def network_budget(self) -> Budget:
        """The limits on what a network may cost: on any cost of the table, objective or not."""
        return Budget.parse(self.budget, self.search_space.networks[0].costs)

    @cached_property
    def rungs(self) -> tuple[int, ...]:
        """The epochs at which a trial may be stopped; none without a scheduler."""
        if self.scheduler.name == "none":
            return ()
        return rung_epochs(
            self.train_config.epochs,
            validate_every=self.train_config.validate_every,
            grace_period=self.scheduler.grace_period,
            reduction_factor=self.scheduler.reduction_factor,
            validated=self.train_config.validated,
        )

    def candidates(self) -> ListedCandidates | None:
        """Return the networks within the budget, for a sampler that compares candidates; None for any other."""
        if self.sampler.name != COST_AWARE:
            return None
        return ListedCandidates(
            self.search_space,
            cost_objectives=self.objectives[1:],
            allowed=lambda network: self.network_budget.allows(network.costs),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the facts and settings as plain values, which tell one search from another."""
        return {
            "name": self.name,
            "objectives": list(self.objectives),
            "directions": self.directions,
            "epochs": list(self.train_config.validated),
            **self.settings.model_dump(mode="json"),
        }

    def replaced(self, changes: Mapping[str, Any], source: str) -> TableSearch:
        """Return this search with some settings replaced; of a section, only what is given of it.

        Raises:
            InvalidInput: a setting is unknown or its value is not allowed; ``source`` names the search in the message.
        """
        try:
            settings = ReplaySettings.model_validate(merged(self.settings.model_dump(mode="json"), changes))
            return dataclasses.replace(self, settings=settings)
        except ValidationError as error:
            raise file_error(source, sentences_of(error, ReplaySettings, "a replay")) from None
        except InvalidInput as error:
            raise InvalidInput(f"{source}: {error}") from None
