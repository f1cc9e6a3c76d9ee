from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.config.rungs import rung_epochs
from search_spaces.common.errors import InvalidInput


@pytest.mark.parametrize(
    ("epochs", "validate_every", "grace_period", "factor", "expected"),
    [
        (9, 1, 1, 3, (1, 3)),
        (10, 1, 1, 3, (1, 3, 9)),
        (243, 1, 1, 3, (1, 3, 9, 27, 81)),
        (210, 10, 10, 3, (10, 30, 90)),
        (210, 10, 4, 3, (10, 20, 40, 110)),
        (16, 1, 1, 1.5, (1, 2, 3, 4, 6, 8, 12)),
        (10, 3, 5, 2, (6,)),
        (210, 10, None, 3, (30, 80)),
        (27, 1, None, 3, (3, 9)),
        (2, 1, None, 3, (1,)),
        (20, 10, None, 1.2, (10,)),
        (1, 1, None, 3, ()),
        (5, 5, None, 3, ()),
    ],
)
def test_rung_epochs(
    epochs: int, validate_every: int, grace_period: int | None, factor: float, expected: tuple[int, ...]
) -> None:
    found = rung_epochs(epochs, validate_every=validate_every, grace_period=grace_period, reduction_factor=factor)
    assert found == expected


@given(
    st.integers(2, 400),
    st.integers(1, 12),
    st.integers(1, 50),
    st.sampled_from([Fraction(n, 10) for n in (11, 15, 20, 30, 45)]),
)
def test_rung_epochs_are_the_powers_rounded_up_to_validated_epochs(
    epochs: int, validate_every: int, grace_period: int, factor: Fraction
) -> None:
    expected, power = set(), Fraction(grace_period)
    while power < epochs:
        expected.add(math.ceil(power / validate_every) * validate_every)
        power *= factor
    expected = {epoch for epoch in expected if epoch < epochs}
    if expected:
        found = rung_epochs(epochs, validate_every=validate_every, grace_period=grace_period, reduction_factor=float(factor))
        assert found == tuple(sorted(expected))


@given(st.integers(1, 500), st.integers(1, 60), st.floats(1.01, 10))
def test_without_a_grace_period_there_is_a_rung_wherever_there_can_be_one(epochs: int, every: int, factor: float) -> None:
    found = rung_epochs(epochs, validate_every=every, grace_period=None, reduction_factor=factor)
    assert all(epoch % every == 0 and epoch < epochs for epoch in found)
    assert bool(found) == (every < epochs)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"validate_every": 0}, "validate_every must be at least 1, got 0"),
        ({"grace_period": 0}, "grace_period must be at least 1 epoch, got 0"),
        (
            {"grace_period": 9},
            "at most 8, the last epoch to be validated before the end (epochs=9, validate_every=1), got 9",
        ),
        ({"grace_period": 6, "validate_every": 5}, "grace_period must be at most 5, the last epoch to be validated"),
        ({"grace_period": 2, "validate_every": 9}, "must be left out where no epoch before the last is validated"),
        ({"reduction_factor": 1}, "reduction_factor must be a number above 1, got 1"),
        ({"reduction_factor": math.nan}, "reduction_factor must be a number above 1, got nan"),
    ],
)
def test_refused_rungs(changes: dict[str, float], message: str) -> None:
    fields = {"epochs": 9, "validate_every": 1, "grace_period": 1, "reduction_factor": 3} | changes
    with pytest.raises(InvalidInput) as error:
        rung_epochs(fields.pop("epochs"), **fields)  # type: ignore[arg-type]
    assert message in str(error.value)
