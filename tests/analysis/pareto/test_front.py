"""Dominance, hypervolume, and the front of a study."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.pareto.front import (
    front_of,
    hypervolume,
    hypervolume_curve,
    non_dominated,
    reference_point,
    score_floor,
    scored,
)
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import study, trial
from tests.profiles import examples

# Small whole numbers, so that ties and copies are common.
GRIDS = st.integers(1, 4).flatmap(
    lambda columns: arrays(
        np.float64, st.tuples(st.integers(0, 12), st.just(columns)), elements=st.integers(0, 5).map(float)
    )
)
SIDES = ("minimize", "maximize", "minimize", "maximize")

# cost, score (to be maximised) -> on the front?
#
#  score
#    4 |            d     e      d is as good as e, and cheaper
#    3 |
#    2 |      b b'    c          two copies of b; c is worse than d and dearer than b
#    1 |  a   f                  f costs as much as b for less
#      +-------------------
#         1   2    3  4   5  cost
TABLE = (
    ("a", 1, 1, True),
    ("b", 2, 2, True),
    ("b'", 2, 2, True),
    ("c", 3.5, 2, False),
    ("d", 3, 4, True),
    ("e", 5, 4, False),
    ("f", 2, 1, False),
)


def test_dominance_table() -> None:
    mask = non_dominated([[cost, score] for _, cost, score, _ in TABLE], ("minimize", "maximize"))
    assert {name for (name, *_), kept in zip(TABLE, mask, strict=True) if kept} == {"a", "b", "b'", "d"}
    assert mask.tolist() == [kept for *_, kept in TABLE]


@given(GRIDS)
def test_non_dominated_is_the_definition(values: np.ndarray) -> None:
    sides = SIDES[: values.shape[1]]
    signed = values * np.where(np.array(sides) == "maximize", -1, 1)
    expected = [not any((other <= row).all() and (other < row).any() for other in signed) for row in signed]
    assert non_dominated(values, sides).tolist() == expected


@given(GRIDS, st.randoms(use_true_random=False))
def test_front_depends_on_neither_order_nor_scale(values: np.ndarray, random: object) -> None:
    sides = SIDES[: values.shape[1]]
    mask = non_dominated(values, sides)
    order = np.arange(len(values))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert non_dominated(values[order], sides).tolist() == mask[order].tolist()
    assert non_dominated(values * 1000 - 7, sides).tolist() == mask.tolist()
    assert non_dominated(values[mask], sides).all()


def inclusion_exclusion(points: np.ndarray, corner: np.ndarray) -> float:
    """Volume of the union of boxes between each point and the corner: the slow definition, all minimised."""
    points = points[(points < corner).all(axis=1)]
    total = 0.0
    for count in range(1, len(points) + 1):
        for chosen in itertools.combinations(points, count):
            total += (-1) ** (count + 1) * float((corner - np.max(chosen, axis=0)).prod())
    return total


@examples(60)
@given(
    st.integers(1, 4).flatmap(
        lambda m: arrays(np.float64, st.tuples(st.integers(0, 7), st.just(m)), elements=st.integers(0, 6).map(float))
    )
)
def test_hypervolume_is_the_volume_of_the_union(points: np.ndarray) -> None:
    corner = np.full(points.shape[1], 5.0)
    sides = ("minimize",) * points.shape[1]
    assert hypervolume(points, corner, sides) == pytest.approx(inclusion_exclusion(points, corner))


@pytest.mark.parametrize("columns", [2, 3, 4])
def test_hypervolume_against_monte_carlo(columns: int) -> None:
    generator = np.random.default_rng(columns)
    points = generator.random((40, columns))
    samples = generator.random((40_000, columns))
    share = np.mean([(points <= sample).all(axis=1).any() for sample in samples])
    volume = hypervolume(points, np.ones(columns), ("minimize",) * columns)
    assert volume == pytest.approx(share, abs=4 * math.sqrt(0.25 / len(samples)))


@given(GRIDS)
def test_hypervolume_grows_with_points_and_ignores_dominated_ones(values: np.ndarray) -> None:
    sides = SIDES[: values.shape[1]]
    corner = np.where(np.array(sides) == "maximize", -1.0, 6.0)
    volume = hypervolume(values, corner, sides)
    assert hypervolume(values[:-1], corner, sides) <= volume + 1e-9
    assert hypervolume(values[non_dominated(values, sides)], corner, sides) == pytest.approx(volume)
    better = np.where(np.array(sides) == "maximize", 6.0, -1.0)
    assert hypervolume(np.vstack([values, better]), corner, sides) > volume


def test_points_that_do_not_beat_the_reference_add_nothing() -> None:
    assert hypervolume([[0.0, 2.0], [3.0, 0.5], [1.0, 1.0]], [2.0, 2.0], ("minimize", "minimize")) == 1.0
    assert hypervolume(np.empty((0, 2)), [2.0, 2.0], ("minimize", "minimize")) == 0.0


@pytest.mark.parametrize(("scores", "floor"), [([0.0, 0.9], 0.0), ([-1.0, 1.0], -1.2), ([-4.0, -2.0], -4.2), ([-3.0], -3.0)])
def test_scores_below_zero_are_measured_from_a_little_below_the_worst(scores: list[float], floor: float) -> None:
    assert score_floor(scores) == pytest.approx(floor)


def test_reference_point_is_zero_accuracy_and_a_tenth_past_the_dearest() -> None:
    corner = reference_point([[0.5, 10.0], [0.2, 20.0]], ("maximize", "minimize"))
    assert corner == pytest.approx([0.0, 22.0])


@pytest.mark.parametrize(
    ("values", "sides", "message"),
    [
        ([[1.0, math.nan]], ("minimize", "minimize"), "values must be finite"),
        ([[1.0, 2.0]], ("minimize",), "one column for each of 1 directions"),
        ([[1.0]], ("minimise",), "unknown direction 'minimise': did you mean 'minimize'"),
    ],
)
def test_refused_values(values: list[list[float]], sides: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        non_dominated(values, sides)


def test_hypervolume_of_too_many_objectives_is_refused() -> None:
    with pytest.raises(InvalidInput, match="at most 4 objectives, got 5"):
        hypervolume(np.ones((1, 5)), np.ones(5), ("minimize",) * 5)


def test_front_holds_complete_trials_only_cheapest_first() -> None:
    found = study(objectives=("ap_gt", "mmacs"))
    assert [record.number for record in front_of(found)] == [8, 0, 1, 2, 6, 7]
    ideal = trial(20, ap=0.99, status="stopped")
    unmeasured = trial(21, ap=0.9, metrics={"ap_gt": math.nan})
    worse = [*found.trials, ideal, unmeasured]
    assert [record.number for record in front_of(dataclasses.replace(found, trials=worse))] == [8, 0, 1, 2, 6, 7]
    assert unmeasured.number not in [record.number for record in scored(dataclasses.replace(found, trials=worse))]


def test_hypervolume_curve_counts_every_trial_and_every_second() -> None:
    found = study()
    curve = hypervolume_curve(found)
    assert curve["trials"].tolist() == list(range(1, 13))
    assert curve["seconds"].iloc[-1] == pytest.approx(sum(record.seconds for record in found.trials))
    assert curve["hypervolume"].is_monotonic_increasing
    assert curve["hypervolume"].iloc[4] == curve["hypervolume"].iloc[3], "the failed trial 4 adds time but no volume"
    assert 0 < curve["hypervolume"].iloc[-1] < 1


def test_hypervolume_curve_of_two_known_trials() -> None:
    first, second = trial(0, ap=0.5), trial(3, ap=0.8)
    found = study([second, first], objectives=("ap_gt", "params"))
    corner = 1.1 * second.cost.params
    alone = 0.5 * (corner - first.cost.params)
    both = alone + 0.3 * (corner - second.cost.params)
    assert hypervolume_curve(found)["hypervolume"].tolist() == pytest.approx([alone / corner, both / corner])


def test_hypervolume_curve_has_the_mean_of_a_network_of_several_seeds() -> None:
    first = trial(3, ap=0.50, seed=0)
    again = dataclasses.replace(trial(3, ap=0.60, seed=1), number=8)
    found = study([first, again], objectives=("ap_gt", "params"))
    # The corner is a tenth past the only cost.
    assert hypervolume_curve(found)["hypervolume"].tolist() == pytest.approx([0.55 * 0.1 / 1.1] * 2)


def test_a_study_without_scores_has_an_empty_front_and_no_volume() -> None:
    found = study([trial(0, status="failed", reason="out of memory")])
    assert front_of(found) == []
    assert hypervolume_curve(found)["hypervolume"].tolist() == [0.0]


def test_an_unknown_objective_is_named() -> None:
    with pytest.raises(InvalidInput, match="unknown objective 'mmac': did you mean 'mmacs'"):
        front_of(study(objectives=("ap_gt", "mmac")))


def test_a_network_of_several_seeds_counts_once_with_the_mean_of_its_scores() -> None:
    first = trial(3, ap=0.50, seed=0)
    other = dataclasses.replace(trial(3, ap=0.53, seed=1), number=8)
    alone = trial(4, ap=0.41, seed=0)
    (mean, single) = scored(study([other, alone, first]))
    assert (mean.number, mean.trainings, mean.checkpoint) == (3, 2, first.checkpoint)
    assert mean.values["ap_gt"] == pytest.approx(0.515)
    assert mean.values["latency_ms"] == first.values["latency_ms"], "a figure of the network is no score"
    assert single == alone


def test_hyper_parameters_make_another_network_and_a_seed_that_returns_none() -> None:
    first = trial(3, ap=0.50, seed=0)
    slower = dataclasses.replace(first, number=5, seed=1, parameters={**first.parameters, "learning_rate": 0.01})
    again = dataclasses.replace(first, number=6, metrics={**first.metrics, "ap_gt": 0.6})
    assert [record.number for record in scored(study([first, slower, again]))] == [3, 5, 6]
