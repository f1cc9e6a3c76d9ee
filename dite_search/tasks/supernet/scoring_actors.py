"""Ray actors that score networks of shared weights, a few at a time: those of a lost actor go to another."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import ray
import ray.exceptions
import torch
from torch import Tensor

from dite_search.supernet.scores import ScoredNetwork
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.space.elastic_space import ElasticSpace
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.networks.registry import shared_weights
from trainers.processes.distributed import default_device
from trainers.training.inherited_scores import InheritedScorer
from trainers.training.loop import OWN_REASONS

NETWORKS_AT_A_TIME = 4
"""Networks that an actor takes at a time: so many are scored again where it is lost."""


class Scorer(Protocol):
    """Scores networks one by one."""

    def score(self, arch: Architecture) -> dict[str, float]:
        """Return the figures of a network."""


MakeScorer = Callable[[Mapping[str, Tensor]], Scorer]
"""Shared weights by their roles to a scorer; called once in each actor, when its first networks come."""


@dataclass(frozen=True, kw_only=True)
class InheritedScoring:
    """Makes the scorer of an actor.

    Args:
        elastic: The space of the shared weights.
        settings: How networks are scored.
        recipe: The recipe of the shared weights.
        data: The data set.
        threads: The threads that an actor computes with.
    """

    elastic: ElasticSpace
    settings: SupernetConfig
    recipe: TrainConfig
    data: DataConfig
    threads: int = 1

    def __call__(self, weights: Mapping[str, Tensor]) -> Scorer:
        """Return a scorer on the device of this process."""
        torch.set_num_threads(self.threads)
        arch = self.elastic.largest
        store = shared_weights(arch, self.elastic.envelope)
        store.load_state_dict(dict(weights))
        return InheritedScorer(store.to(default_device()), arch, self.settings, self.recipe, self.data)


class _Scoring:
    """The state of an actor."""

    def __init__(self, make: MakeScorer, weights: Mapping[str, Tensor]) -> None:
        self._make, self._weights = make, weights
        self._scorer: Scorer | None = None

    def score(self, networks: Sequence[Architecture]) -> list[ScoredNetwork]:
        """Score some networks."""
        # Not when the actor is made: what is wrong with the data would look like a lost actor.
        scorer = self._scorer = self._scorer or self._make(self._weights)
        scored = []
        for arch in networks:
            began = time.monotonic()
            figures = scorer.score(arch)
            scored.append(ScoredNetwork(arch=arch, figures=figures, seconds=time.monotonic() - began))
        return scored


def actors_at_once(cpus: int, gpus: float, most: int | None) -> int:
    """Return the number of actors that the cluster has room for.

    Args:
        cpus: The cores of each.
        gpus: The GPUs of each.
        most: The most that are wanted; None for as many as fit.

    Raises:
        InvalidInput: there is no room for one.
    """
    fitting = math.inf if most is None else float(most)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    here = sum(int(min(node.get("CPU", 0.0) / cpus, node.get("GPU", 0.0) / gpus if gpus else math.inf)) for node in nodes)
    if here < 1:
        raise InvalidInput(
            f"resources must fit a node of the cluster to score networks, got cpus_per_worker {cpus} and"
            f" gpus_per_worker {gpus:g}"
        )
    return int(min(fitting, here))


def score_on_actors(
    networks: Sequence[Architecture],
    make: MakeScorer,
    weights: Mapping[str, Tensor],
    *,
    actors: int,
    cpus: int,
    gpus: float,
    retries: int,
    done: Callable[[list[ScoredNetwork]], None],
) -> None:
    """Score networks on actors of the Ray that runs; ``done`` takes them as they come.

    Args:
        networks: The networks.
        make: Makes the scorer of an actor.
        weights: The shared weights by their roles, sent once to each node.
        actors: The number of actors.
        cpus: The cores of each.
        gpus: The GPUs of each.
        retries: How often some networks are tried again after their actor was lost.
        done: Takes some scored networks.

    Raises:
        InvalidInput: the scoring ends for a reason of its own, or actors are lost with the same networks again and again.
    """
    starts = range(0, len(networks), NETWORKS_AT_A_TIME)
    waiting = deque((networks[start : start + NETWORKS_AT_A_TIME], 0) for start in starts)
    stored, kind = ray.put(weights), ray.remote(num_cpus=cpus, num_gpus=gpus)(_Scoring)
    idle: list[Any] = [kind.remote(make, stored) for _ in range(min(actors, len(waiting)))]
    running: dict[Any, tuple[Any, Sequence[Architecture], int]] = {}
    try:
        while waiting or running:
            while idle and waiting:
                actor, (some, lost) = idle.pop(), waiting.popleft()
                running[actor.score.remote(some)] = (actor, some, lost)
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            actor, some, lost = running.pop(ready)
            try:
                done(ray.get(ready))
                idle.append(actor)
            # An actor that Ray's memory monitor ended raises an error of its own kind.
            except (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError) as error:
                if lost == retries:
                    raise _lost(some, lost + 1, error) from None
                waiting.appendleft((some, lost + 1))
                idle.append(kind.remote(make, stored))
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, InvalidInput):
                    raise InvalidInput(str(error.cause)) from None
                if isinstance(error.cause, OWN_REASONS):
                    raise InvalidInput(f"networks {_names(some)} could not be scored: {error.cause}") from None
                raise
    finally:
        for actor in (*idle, *(actor for actor, _, _ in running.values())):
            ray.kill(actor)


def _lost(networks: Sequence[Architecture], times: int, error: Exception) -> InvalidInput:
    reason = (str(error).strip().splitlines() or [""])[0]
    return InvalidInput(
        f"networks {_names(networks)} could not be scored, because their process died"
        f" {times} time{'s' if times > 1 else ''}: {reason}; the others are kept, and the same command goes on"
    )


def _names(networks: Sequence[Architecture]) -> str:
    return ", ".join(arch.arch_id for arch in networks)
