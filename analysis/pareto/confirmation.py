"""The next network to train again, so that the answer of a search does not rest on one lucky training."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.pareto.front import Array, non_dominated
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import INTERRUPTED, TrialStatus
from search_spaces.common.objectives import DIRECTIONS, costs_and_scores, gain, minimised
from search_spaces.space.candidate import training_key

DRAWS = 2000
"""Draws of true scores; a probability is then known to about 0.01."""
LEAST_PROBABILITY = 0.05
"""The probability of being an answer from which on a network is worth another training."""
MOST_NETWORKS = 8
"""Networks that are confirmed at most."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training of a study.

    Args:
        number: The number of its trial.
        network: The identity of its network and hyper-parameters.
        score: The score, larger is better; None where the training has none.
        cost: The cost by which users limit networks, smaller is better.
        confirms: Whether it trains a network again.
    """

    number: int
    network: str
    score: float | None
    cost: float = 0.0
    confirms: bool = False


@dataclass(frozen=True, kw_only=True)
class MeasuredNetwork:
    """The trainings of one network.

    Args:
        scores: The score of each complete training; larger is better.
        cost: The cost by which users limit networks, smaller is better.
        trainings: The trainings that ended or run, however they ended.
    """

    scores: tuple[float, ...]
    cost: float
    trainings: int


def answer_probabilities(networks: Sequence[MeasuredNetwork]) -> Array:
    """Return for each network (n,) the probability that it is the answer under a limit on cost, averaged over limits.

    The limits are the costs of the networks on the front. Under a limit the answer is the network of the highest true score
    that does not cost more. True scores are drawn around the means, with the standard deviation that all repeats share.
    Before there is a repeat the deviation is unknown, and the networks on the front are the answers for certain.
    """
    means = np.array([np.mean(network.scores) for network in networks])
    costs = np.array([network.cost for network in networks])
    limits = np.unique(costs[non_dominated(np.column_stack([costs, means]), ("minimize", "maximize"))])
    deviation = _shared_deviation(networks)
    counts = np.array([len(network.scores) for network in networks])
    # The same draws at each call: the next network must not depend on chance.
    noise = np.random.default_rng(0).standard_normal((DRAWS if deviation else 1, len(networks)))
    drawn = means + deviation / np.sqrt(counts) * noise
    found = np.zeros(len(networks))
    for limit in limits:
        allowed = np.where(costs <= limit, drawn, -math.inf)
        found += np.bincount(allowed.argmax(axis=1), minlength=len(networks)) / len(drawn)
    return found / max(len(limits), 1)


def next_to_confirm(networks: Sequence[MeasuredNetwork], trainings: int) -> int | None:
    """Return the place of the network whose next training most probably changes the answer; None where the answer stands.

    Args:
        networks: All networks with a complete training.
        trainings: The trainings that each network of the answer is to have.
    """
    if not networks:
        return None
    probabilities = answer_probabilities(networks)
    begun = [network.trainings > 1 for network in networks]
    full = sum(begun) >= MOST_NETWORKS
    lacking = [
        place
        for place, network in enumerate(networks)
        if network.trainings < trainings and probabilities[place] >= LEAST_PROBABILITY and (begun[place] or not full)
    ]
    return max(lacking, key=lambda place: (probabilities[place], -place), default=None)


def first_to_confirm(trainings: Iterable[Training], wanted: int) -> int | None:
    """Return the number of the first trial of the network that is to be trained again; None where the answer stands.

    Args:
        trainings: The trainings of a study in order of number, but those that came to nothing by no fault of their own.
        wanted: The trainings that each network of the answer is to have.
    """
    groups: dict[str, list[Training]] = {}
    for training in trainings:
        groups.setdefault(training.network, []).append(training)
    networks, firsts = [], []
    for group in groups.values():
        known = [training for training in group if training.score is not None]
        if known:
            scores = tuple(training.score for training in known if training.score is not None)
            again = sum(training.confirms for training in group)
            networks.append(MeasuredNetwork(scores=scores, cost=known[0].cost, trainings=1 + again))
            firsts.append(known[0].number)
    place = next_to_confirm(networks, wanted)
    return None if place is None else firsts[place]


def unconfirmed(study: StudyRecord, wanted: int) -> int | None:
    """Return what `first_to_confirm` does for a study: its first accuracy is confirmed, under limits on its first cost."""
    costs, scores = costs_and_scores(study.objectives)
    if wanted == 1 or not scores:
        return None
    return first_to_confirm(
        (
            Training(
                number=record.number,
                network=training_key(record.arch, record.parameters),
                score=_score_of(record, scores[0]),
                cost=_cost_of(record, costs[0]) if costs else 0.0,
                confirms=record.confirms is not None,
            )
            for record in study.trials
            if record.reason != INTERRUPTED
        ),
        wanted,
    )


def _cost_of(record: TrialRecord, name: str) -> float:
    return minimised(record.values[name], DIRECTIONS[name]) if name in record.values else 0.0


def _score_of(record: TrialRecord, name: str) -> float | None:
    is_scored = record.status is TrialStatus.COMPLETE and name in record.values
    return gain(name, record.values[name]) if is_scored else None


def _shared_deviation(networks: Sequence[MeasuredNetwork]) -> float:
    """Return the pooled standard deviation of repeats; 0 where there is none."""
    degrees = sum(len(network.scores) - 1 for network in networks)
    squares = sum(float(np.var(network.scores)) * len(network.scores) for network in networks)
    return math.sqrt(squares / degrees) if degrees else 0.0
