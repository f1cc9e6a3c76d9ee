"""Agreement of a ranking with results, on tables whose answers are known."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from analysis.statistics.agreement import agreement_of, front_kept, main_effects, regret_within, seed_share

COSTS = np.arange(1.0, 17.0)


def test_a_ranking_that_is_right_agrees_wholly_and_its_reverse_not_at_all() -> None:
    found = agreement_of(range(12), [value**3 for value in range(12)], resamples=50)
    assert found is not None
    assert (found.rho, found.low, found.high) == pytest.approx((1.0, 1.0, 1.0))
    assert str(found) == "ρ = 1.00 (1.00 to 1.00), n = 12"
    reversed_order = agreement_of(range(12), [-value for value in range(12)], resamples=50)
    assert reversed_order is not None
    assert reversed_order.rho == -1.0


def test_an_interval_holds_the_agreement_and_few_or_equal_figures_have_none() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=40)
    found = agreement_of(x, x + generator.normal(size=40), resamples=300)
    assert found is not None
    assert found.low < found.rho < found.high
    assert agreement_of([1, 2, 3], [1, 2, 3]) is None
    assert agreement_of([1, 1, 1, 1, 1], [1, 2, 3, 4, 5]) is None


def test_the_best_within_each_limit_loses_nothing_and_the_worst_all() -> None:
    results = np.sin(COSTS) + COSTS / 8
    assert regret_within(results, results, COSTS, first=1) == 0.0
    losses = [regret_within(-results, results, COSTS, first=first) for first in (1, 3, 16)]
    assert losses[0] > losses[1] > losses[2] == 0.0
    # By hand: limits at costs 1 and 2 of two networks; the second ranks first and is 0.5 worse.
    assert regret_within(np.array([0.0, 1.0]), np.array([0.9, 0.4]), np.array([1.0, 2.0]), first=1, limits=2) == 0.25


def test_a_front_of_the_right_ranking_keeps_everything() -> None:
    results = np.log(COSTS) + 0.1 * np.cos(7 * COSTS)
    assert front_kept(results, results, COSTS) == pytest.approx(1.0)
    assert front_kept(-results, results, COSTS) < 0.5


def test_effects_are_those_that_a_table_was_made_with_and_a_false_one_is_flagged() -> None:
    settings = [{"width": width, "groups": groups} for width, groups in itertools.product((8, 16, 32), (1, 4))] * 4
    generator = np.random.default_rng(1)
    width = np.array([{8: 0.0, 16: 0.2, 32: 0.3}[point["width"]] for point in settings])
    groups = np.array([float(point["groups"] == 4) for point in settings])
    results = width + 0.001 * generator.normal(size=len(settings))
    foretold = width + 0.05 * groups + 0.001 * generator.normal(size=len(settings))
    effects = {(effect.setting, effect.value): effect for effect in main_effects(settings, foretold, results)}
    assert list(effects) == [("width", 16), ("width", 32), ("groups", 4)]
    assert effects["width", 32].trained == pytest.approx(0.3, abs=0.002)
    assert effects["groups", 4].foretold == pytest.approx(0.05, abs=0.002)
    assert [effect.is_apart for effect in effects.values()] == [False, False, True]


def test_the_spread_of_networks_is_told_from_that_of_seeds() -> None:
    generator = np.random.default_rng(2)
    means = generator.normal(0.5, 0.03, 400)
    found = seed_share([mean + generator.normal(0, 0.01, 2 + index % 2) for index, mean in enumerate(means)])
    assert found is not None
    assert found.networks == pytest.approx(0.03, rel=0.1)
    assert found.seeds == pytest.approx(0.01, rel=0.1)
    assert (found.trainings, found.count) == (2.5, 400)
    assert found.reliability == pytest.approx(0.03**2 / (0.03**2 + 0.01**2 / 2.5), abs=0.01)
    assert str(found).startswith("400 networks: standard deviation 0.0")


def test_networks_that_differ_by_their_seeds_alone_have_no_spread() -> None:
    found = seed_share([[0.1, 0.5], [0.5, 0.1], [0.3, 0.3], [0.9]])
    assert found is not None
    assert (found.networks, found.reliability, found.count) == (0.0, 0.0, 3)
    # By hand: squares of 0.2 four times and of 0 twice, over 6 trainings less 3 means.
    assert found.seeds == pytest.approx(math.sqrt(0.16 / 3))
    assert seed_share([[0.1, 0.2], [0.3]]) is None
