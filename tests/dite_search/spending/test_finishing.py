"""Which stopped network promises most."""

from __future__ import annotations

import numpy as np

from dite_search.spending.finishing import Curve, expected_gains

WHOLE = [
    Curve(scores={2: 0.1, 6: 0.3}, costs=(5.0,)),
    Curve(scores={2: 0.2, 6: 0.42}, costs=(8.0,)),
    Curve(scores={2: 0.15, 6: 0.33}, costs=(9.0,)),
]


def test_a_better_score_a_lower_cost_and_fewer_epochs_promise_more() -> None:
    usual = Curve(scores={2: 0.18}, costs=(6.0,), epochs_left=4)
    others = [
        Curve(scores={2: 0.25}, costs=(6.0,), epochs_left=4),
        Curve(scores={2: 0.18}, costs=(4.0,), epochs_left=4),
        Curve(scores={2: 0.18}, costs=(6.0,), epochs_left=2),
    ]
    first, *rest = expected_gains([usual, *others], WHOLE)
    assert all(gain > first > 0 for gain in rest)


def test_nothing_whole_is_known_yet_or_there_are_errors_and_no_costs() -> None:
    gains = expected_gains([Curve(scores={2: 0.1}, costs=(5.0,), epochs_left=4), Curve(scores={2: 0.3}, costs=(5.0,))], [])
    assert gains[1] > gains[0] >= 0
    errors = [Curve(scores={2: -0.4, 6: -0.2}, costs=())]
    gains = expected_gains([Curve(scores={2: score}, costs=(), epochs_left=4) for score in (-0.5, -0.3)], errors)
    assert np.isfinite(gains).all()
    assert gains[1] > gains[0]
