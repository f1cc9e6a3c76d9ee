"""The gain of a suggestion: what it is measured in, and what it is divided by."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from dite_search.algorithms.cost_aware.acquisition import Price, Target
from dite_search.algorithms.cost_aware.surrogate import Kernel, Observations, Posterior


def target(costs: list[float], *, price: Price | None = None) -> Target:
    """A target without a front, measured from ten times the largest cost."""
    column = np.array(costs)[:, None]
    logarithmic = (column > 0).all(axis=0)
    corner = column.max(axis=0) * 10.0
    return Target(
        scores=np.zeros(0),
        costs=np.zeros((0, 1)),
        floor=0.0,
        corner=np.log(corner) if logarithmic.all() else corner,
        logarithmic=logarithmic,
        price=price or Price(),
    )


def posterior(scores: list[float]) -> Posterior:
    """A process that knows the score of each of these places."""
    places = np.arange(len(scores), dtype=np.float64)[:, None]
    kernel = Kernel(
        shift=np.zeros(1), scale=np.ones(1), mean=0.5, spread=0.1, lengths=np.full(1, 0.01), signal=1.0, noise=1e-6
    )
    return Posterior(kernel, Observations(features=places, scores=np.array(scores), extra=np.zeros(len(scores))))


def order(scores: list[float], costs: list[float], price: Price | None = None) -> list[int]:
    places = np.arange(len(scores), dtype=np.float64)[:, None]
    chosen = target(costs, price=price).best(posterior(scores), places, np.array(costs)[:, None], len(scores))
    return [int(place) for place in chosen]


def test_without_a_price_the_larger_gain_comes_first() -> None:
    assert order([0.6, 0.61], [10.0, 11.0]) == [0, 1]
    assert order([0.6, 0.8], [10.0, 11.0]) == [1, 0]


def test_a_price_puts_the_cheaper_first() -> None:
    assert order([0.5, 0.75], [10.0, 20.0]) == [1, 0]
    assert order([0.5, 0.75], [10.0, 20.0], Price(exponent=1.0)) == [0, 1]


@given(
    arrays(np.float64, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.floats(0.0, 1e12)),
    st.floats(0.0, 1.0),
)
def test_prices_rise_with_the_cost_and_are_never_zero(costs: np.ndarray, exponent: float) -> None:
    column = costs.shape[1] - 1
    prices = Price(exponent=exponent, column=column).of(costs)
    assert (prices > 0).all()
    ranked = prices[np.argsort(costs[:, column])]
    assert (np.diff(ranked) >= 0).all()


def test_a_cost_of_nothing_is_no_logarithm() -> None:
    assert order([0.6, 0.8], [0.0, 11.0])[0] in (0, 1)
    assert not target([0.0, 1.0]).logarithmic.any()


@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e9])
def test_the_unit_of_a_cost_changes_no_order(factor: float) -> None:
    scores, costs = [0.3, 0.5, 0.6, 0.62, 0.7], [1.0, 3.0, 10.0, 30.0, 100.0]
    assert order(scores, costs) == order(scores, [factor * cost for cost in costs])
