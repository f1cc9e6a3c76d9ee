"""Candidates: one build, one count and one key for each point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.common.errors import InvalidInput
from search_spaces.families.parameter import Choice, Range
from search_spaces.registry import cost_of, preset
from search_spaces.space.candidate import CandidateCache, candidate_of, training_key
from search_spaces.space.search_space import SearchSpace
from search_spaces.space.space_file import named_space
from search_spaces.training_config import TRAIN_PARAMETERS, training_values

TINY = named_space("tiny_128")
TRAINED = SearchSpace(
    name="trained",
    base=TINY.base,
    parameters=dict(TINY.parameters)
    | {"learning_rate": Range(low=1e-4, high=1e-2, log=True), "batch_size": Choice(values=(8, 16))},
)


@given(st.integers(0, 2**32 - 1))
def test_a_candidate_is_what_building_and_counting_give(seed):
    point = TRAINED.sample(np.random.default_rng(seed))
    candidate = candidate_of(TRAINED, point)
    assert candidate.arch == TRAINED.build(point)
    assert candidate.cost == cost_of(candidate.arch)
    assert candidate.key == training_key(candidate.arch, point)


@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
def test_a_key_depends_on_the_network_and_the_hyper_parameters_alone(seed, random):
    generator = np.random.default_rng(seed)
    point, other = TRAINED.sample(generator), TRAINED.sample(generator)
    items = list(point.items())
    random.shuffle(items)
    first, second = candidate_of(TRAINED, point), candidate_of(TRAINED, other)
    assert candidate_of(TRAINED, dict(items)).key == first.key
    same = (first.arch.arch_id, training_values(point)) == (second.arch.arch_id, training_values(other))
    assert (first.key == second.key) == same


def test_a_network_without_hyper_parameters_is_its_own_key():
    """Studies that were begun before compare their trials by these spellings."""
    arch = preset("dite_hrnet_18")
    assert training_key(arch, {"width_branch1": 32}) == arch.arch_id
    assert training_key(arch, {"learning_rate": 0.002, "batch_size": 32}) == (
        f'{arch.arch_id} {{"batch_size": 32, "learning_rate": 0.002}}'
    )
    assert set(training_values(dict.fromkeys((*TRAIN_PARAMETERS, "width_branch1", "network"), 1))) == set(TRAIN_PARAMETERS)


def test_a_cache_makes_each_candidate_once_in_any_spelling_of_the_point():
    cache = CandidateCache(TINY)
    point = next(TINY.points())
    assert cache(point) is cache(dict(reversed(point.items())))
    with pytest.raises(InvalidInput, match="must have a value for"):
        cache({})
