"""`SearchProblem`: the facts that samplers, admission, rungs and the searcher ask of a search.

A search file (`SearchConfig`) states one, and so does a table of recorded trainings, which has no family of networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from dite_search.config.sections import SamplerSection, SchedulerSection
from search_spaces.space.budget import Budget
from search_spaces.space.network_space import NetworkSpace


class TrainingLength(Protocol):
    """How long a training is, and how often it is scored."""

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""

    @property
    def validate_every(self) -> int:
        """Epochs between two scores; the last epoch is always scored."""


class SearchProblem(Protocol):
    """The space, the objectives and the means of a search."""

    @property
    def name(self) -> str:
        """The name of the study."""

    @property
    def seed(self) -> int:
        """The seed of the sampler and of the first training of every network."""

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of the objectives."""

    @property
    def directions(self) -> Sequence[str]:
        """``minimize`` or ``maximize`` for each objective."""

    @property
    def accuracy(self) -> str:
        """The objective that is learned about; all others are known before a training."""

    @property
    def least_score(self) -> float | None:
        """The accuracy that a trial at a rung must have reached before the rung stops trials; None: the scheduler's own."""

    @property
    def search_space(self) -> NetworkSpace:
        """The networks."""

    @property
    def network_budget(self) -> Budget:
        """The limits on what a network may cost."""

    @property
    def train_config(self) -> TrainingLength:
        """The length of every training."""

    @property
    def rungs(self) -> Sequence[int]:
        """The epochs at which a trial may be stopped; none without a scheduler."""

    @property
    def sampler(self) -> SamplerSection:
        """The settings of the sampler."""

    @property
    def scheduler(self) -> SchedulerSection:
        """The settings of early stopping."""

    @property
    def reuse(self) -> bool:
        """Whether a network that was trained already is not trained again."""

    @property
    def repeats(self) -> int:
        """Trainings of each network that reached its last epoch."""

    @property
    def confirm(self) -> int:
        """Trainings that each network of the answer has in the end."""

    def replaced(self, changes: Mapping[str, Any], source: str) -> Self:
        """Return this search with some fields replaced; of a section, only what is given of it.

        Raises:
            InvalidInput: a field is unknown or its value is not allowed; ``source`` names the search in the message.
        """
