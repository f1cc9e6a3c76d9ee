"""The purchases of a budget, in words."""

from __future__ import annotations

from dite_search.spending.limits import Limits
from dite_search.spending.pace import Pace
from dite_search.spending.purchase import bought_words, networks_at_most


def test_epochs_buy_networks_and_hours_what_was_measured() -> None:
    limits, pace = Limits(epochs=4000, hours=7200.0), Pace()
    said = bought_words(limits, goals=[7, 20, 60], gpus=0.0, now=0.0, pace=pace)
    assert said == (
        "2 h 0 min for as many epochs as they take: none was measured yet; 4,000 epochs buy at most 571 networks to their"
        " first rung of 7 epochs, or 66 whole trainings of 60 epochs"
    )
    assert networks_at_most(limits, [7, 60]) == 571
    assert networks_at_most(Limits(hours=5.0), [7]) is None
    pace.observe(1.0, 60.0)
    assert bought_words(Limits(gpu_hours=28800.0), goals=[60], gpus=4.0, now=0.0, pace=pace) == (
        "8 GPU hours are one trial of 4 GPU for 2 h 0 min, buy 2 whole trainings of 60 epochs one after the other, at 60 s"
        " an epoch as measured"
    )
