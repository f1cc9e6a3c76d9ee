"""The decision on a suggestion before any compute is spent on it: trained, over the budget, or known already."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from dite_search.config.problem import SearchProblem
from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import COST_AWARE
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Scalar
from search_spaces.families.parameter import Point
from search_spaces.space.candidate import Candidate, CandidateCache

DRAWS = 100
"""Random points looked at before a fresh one is looked for among all points of the space."""
STEPS = 50
"""Steps from a random point over the budget towards cheaper ones."""
MAX_SCANNED_POINTS = 50_000
"""Points up to which all of a space are looked through for a fresh one, in seconds."""

Outcome = Literal["train", "invalid", "over_budget", "known"]


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A training that was stopped early: the trial that began it, the one that holds its last checkpoint, its epochs."""

    first: int
    last: int
    epoch: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The decision on one suggestion.

    Args:
        outcome: What becomes of the suggestion.
        problem: The reason why it is not trained.
        candidate: The network with its costs, which goes with the suggestion from here on.
        excess: The fraction by which each limited cost is over its limit.
        trial: The number of the first trial that trained it.
        seed: The seed of the coming training.
        continues: The stopped training that the coming one continues; None where it begins.
    """

    outcome: Outcome
    problem: str = ""
    candidate: Candidate | None = None
    excess: Mapping[str, float] = field(default_factory=dict)
    trial: int | None = None
    seed: int = 0
    continues: Stopped | None = None

    @property
    def key(self) -> str:
        """The identity of the training; empty for a point that is no valid network."""
        return self.candidate.key if self.candidate else ""


class Admission:
    """Judges suggestions, and knows which trainings there were.

    Args:
        config: The search.
        latency: Predicts milliseconds, where they are asked for before a training.
        allowed: Narrows the space further, as a replay can only show what was recorded.
        candidates: The networks of the space that were built before, with their costs.
    """

    def __init__(
        self,
        config: SearchProblem,
        *,
        latency: Callable[[Any], float] | None = None,
        allowed: Callable[[Any], bool] | None = None,
        candidates: CandidateCache | None = None,
    ) -> None:
        self._config, self._latency, self._allowed = config, latency, allowed
        self.candidate = candidates or CandidateCache(config.search_space)
        self._continue_stopped = config.sampler.name == COST_AWARE
        self._trained: dict[str, dict[int, int]] = {}
        self._stopped: dict[str, Stopped] = {}
        self._ended: set[str] = set()

    def judge(self, point: Mapping[str, Scalar], *, continuing: bool = False, confirming: bool = False) -> Decision:
        """Judge a point without remembering it.

        Args:
            point: The point.
            continuing: Whether it is that of a trial that was cut off while it continued a stopped one.
            confirming: Whether its network is trained again on purpose, with a seed of its own.
        """
        config = self._config
        try:
            candidate = self.candidate(point)
        except InvalidInput as error:
            return Decision(outcome="invalid", problem=f"not a valid network: {error}")
        if self._allowed and not self._allowed(candidate.arch):
            return Decision(outcome="invalid", problem=f"network {candidate.arch.arch_id} is not among the recorded ones")
        costs, key = self.costs(candidate), candidate.key
        judged = partial(Decision, candidate=candidate, excess=config.network_budget.excess(costs))
        problem = config.network_budget.problem(costs)
        if problem:
            return judged(outcome="over_budget", problem=f"over budget: {problem}")
        stopped = self._stopped.get(key)
        if stopped and (self._continue_stopped or continuing):
            return judged(outcome="train", seed=stopped.seed, continues=stopped)
        earlier = self._trained.get(key, {})
        seeds = set(earlier.values())
        if config.reuse and earlier and not confirming and (len(seeds) >= config.repeats or key in self._ended):
            return judged(outcome="known", trial=min(earlier))
        repeated = confirming or config.repeats > 1
        seed = next(seed for seed in itertools.count(config.seed) if not repeated or seed not in seeds)
        return judged(outcome="train", seed=seed)

    def costs(self, candidate: Candidate) -> dict[str, float]:
        """Return the costs of a network that are known before its training; latency is predicted where it is asked for."""
        predicted = {"latency_ms": self._latency(candidate.arch)} if self._latency else {}
        return {**candidate.cost.objectives, **predicted}

    def allows(self, candidate: Candidate) -> bool:
        """Whether the network is within the budget, and among those that may be tried."""
        known = not self._allowed or self._allowed(candidate.arch)
        return known and self._config.network_budget.allows(self.costs(candidate))

    def begin(self, key: str, number: int, seed: int) -> None:
        """Remember that a trial trains, or has trained, what ``key`` names, with a seed."""
        self._trained.setdefault(key, {})[number] = seed
        self._stopped.pop(key, None)

    def forget(self, key: str, number: int) -> None:
        """A trial came to nothing through no fault of its own: what it trained may be trained anew."""
        del self._trained[key][number]

    def end(self, key: str, stopped: Stopped | None = None) -> None:
        """A trial was stopped or failed for its own reason: its repeats are not worth their compute.

        A trial that the scheduler ``stopped`` may be continued: when a sampler that weighs its curve asks for it, or nothing
        else is left.
        """
        self._ended.add(key)
        if stopped:
            self._stopped[key] = stopped

    @property
    def stopped(self) -> list[Stopped]:
        """The trainings that the scheduler stopped and that no other trial has continued."""
        return list(self._stopped.values())

    def continue_stopped(self) -> None:
        """From now on, have a suggestion of a stopped training go on with it."""
        self._continue_stopped = True

    def fresh(self, generator: np.random.Generator) -> Point | None:
        """A point that would be trained, by chance; None where there is none left (or none was found in a huge space)."""
        space = self._config.search_space
        for _ in range(DRAWS):
            point, verdict = self._within_budget(space.sample(generator), generator)
            if verdict.outcome == "train":
                return point
        if space.training_parameters or space.count() > MAX_SCANNED_POINTS:
            return None
        found = [point for point in space.points() if self.judge(point).outcome == "train"]
        if not found and self._stopped and not self._continue_stopped:
            # Nothing new is left: from now on what was stopped may go on.
            self._continue_stopped = True
            return self.fresh(generator)
        return found[int(generator.integers(len(found)))] if found else None

    def _within_budget(self, point: Point, generator: np.random.Generator) -> tuple[Point, Decision]:
        """A point, or one that a walk from it towards the budget comes to."""
        verdict = self.judge(point)
        for _ in range(STEPS):
            if verdict.outcome != "over_budget":
                break
            nearby = self._config.search_space.mutate(point, generator)
            found = self.judge(nearby)
            if found.outcome == "train" or max(found.excess.values(), default=math.inf) < max(verdict.excess.values()):
                point, verdict = nearby, found
        return point, verdict


def gate_of(
    config: SearchProblem,
    *,
    allowed: Callable[[Any], bool] | None = None,
    candidates: CandidateCache | None = None,
) -> Admission:
    """The gate of a search; with the fitted table of the device where the latency has to be known before a training.

    A recorded table knows every cost, so that nothing is predicted for it.
    """
    asked = (*config.network_budget.costs, *(config.objectives if config.sampler.name == COST_AWARE else ()))
    if "latency_ms" not in asked or not isinstance(config, SearchConfig):
        return Admission(config, allowed=allowed, candidates=candidates)
    # This import takes seconds, and few searches need it.
    from dite_search.algorithms.latency_prediction import predicted_latency

    return Admission(config, latency=predicted_latency(config), allowed=allowed, candidates=candidates)
