"""The measurers of an objective before a training."""

from __future__ import annotations

from dite_search.driver.measurers import MEASURERS
from search_spaces.common.objectives import LEARNED, MEASURED, named
from trainers.data.formats.data_format import ACCURACIES


def test_what_is_measured_has_a_measurer() -> None:
    assert set(MEASURERS) == set(named(source=MEASURED))


def test_what_is_learned_is_an_accuracy_of_some_data() -> None:
    assert set(named(source=LEARNED)) == set(ACCURACIES)
