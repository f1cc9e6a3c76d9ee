"""The network that is trained again next."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.confirmation import (
    MOST_NETWORKS,
    MeasuredNetwork,
    answer_probabilities,
    next_to_confirm,
    unconfirmed,
)
from analysis.study.trial_status import INTERRUPTED, TrialStatus
from tests.analysis.studies import study, trial
from tests.profiles import examples


def network(cost: float, *scores: float) -> MeasuredNetwork:
    return MeasuredNetwork(scores=scores, cost=cost, trainings=len(scores))


def test_before_a_repeat_the_answers_are_the_networks_on_the_front() -> None:
    networks = [network(1, 0.3), network(2, 0.2), network(2, 0.5), network(3, 0.6)]
    assert answer_probabilities(networks) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3])
    assert next_to_confirm(networks, 2) == 0


def test_repeats_tell_how_near_a_rival_is() -> None:
    # Repeats of the first differ by 0.02: their deviation is 0.01 times the root of 2.
    sure = answer_probabilities([network(1, 0.50, 0.52), network(1, 0.40)])
    near = answer_probabilities([network(1, 0.50, 0.52), network(1, 0.50)])
    assert sure == pytest.approx([1, 0])
    # Means 0.51 and 0.50; the deviation of their difference is sqrt(0.0002 / 2 + 0.0002) = 0.0173.
    assert near == pytest.approx([0.718, 0.282], abs=0.03)
    assert next_to_confirm([network(1, 0.50, 0.52), network(1, 0.40)], 2) is None
    assert next_to_confirm([network(1, 0.50, 0.52), network(1, 0.50)], 2) == 1


def test_a_training_that_failed_is_not_asked_for_again() -> None:
    failed = MeasuredNetwork(scores=(0.5,), cost=1.0, trainings=2)
    assert next_to_confirm([failed], 2) is None
    assert next_to_confirm([failed], 3) == 0
    assert next_to_confirm([], 3) is None


@examples(30)
@given(
    costs=st.lists(st.integers(1, 5), min_size=1, max_size=30),
    trainings=st.integers(2, 4),
    noise=st.floats(0.0, 0.5),
    seed=st.integers(0, 99),
)
def test_it_ends_with_an_answer_of_so_many_trainings(costs: list[int], trainings: int, noise: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    truth = [float(generator.normal(cost, 1.0)) for cost in costs]
    networks = [network(cost, true + noise * generator.normal()) for cost, true in zip(costs, truth, strict=True)]
    for _ in range(MOST_NETWORKS * (trainings - 1) + 1):
        place = next_to_confirm(networks, trainings)
        if place is None:
            break
        score = truth[place] + noise * float(generator.normal())
        networks[place] = network(costs[place], *networks[place].scores, score)
    assert place is None
    again = [each for each in networks if each.trainings > 1]
    assert 1 <= len(again) <= MOST_NETWORKS
    assert max(each.trainings for each in networks) <= trainings
    best = int(np.argmax(answer_probabilities(networks)))
    assert networks[best].trainings == trainings or len(again) == MOST_NETWORKS


def test_a_study_is_confirmed_by_the_trials_that_say_so() -> None:
    first, rival = trial(1, ap=0.50, seed=0), trial(2, ap=0.40, seed=0)
    again = [trial(1, ap=ap, seed=seed, confirms=1) for seed, ap in ((1, 0.52), (2, 0.51))]
    again = [dataclasses.replace(record, number=3 + place) for place, record in enumerate(again)]
    assert unconfirmed(study([first, rival]), 1) is None
    assert unconfirmed(study([first, rival], objectives=("mmacs",)), 3) is None
    assert unconfirmed(study([first, rival], objectives=("ap_gt",)), 3) == 1
    assert unconfirmed(study([first, rival, *again], objectives=("ap_gt",)), 3) is None
    interrupted = dataclasses.replace(again[1], status=TrialStatus.FAILED, reason=INTERRUPTED)
    assert unconfirmed(study([first, rival, again[0], interrupted], objectives=("ap_gt",)), 3) == 1
