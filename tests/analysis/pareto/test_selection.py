"""Choosing a trial, and the messages where none can be chosen."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from analysis.export import choose
from search_spaces.common.errors import InvalidInput
from tests.analysis.studies import study, trial


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ({}, 7),
        ({"best": "ap"}, 7),
        ({"best": "ap_gt", "limits": {"mmacs": 5.6}}, 6),
        ({"limits": {"params": 100_000}}, 0),
        ({"limits": {"latency_ms": 5.0, "mmacs": 5.0}}, 1),
        ({"best": "mmacs"}, 8),
        ({"best": "latency_ms"}, 0),
        ({"trial": 2}, 2),
        ({"trial": 9}, 9),
    ],
)
def test_the_rule_picks(rule: dict[str, Any], number: int) -> None:
    assert choose(study(), **rule).number == number


def test_limits_are_inclusive_and_equals_go_to_the_cheaper_then_the_earlier() -> None:
    small, large, copy = trial(4, ap=0.5), trial(3, ap=0.5), trial(8, ap=0.5)
    assert choose(study([large, copy, small])).number == 4
    assert choose(study([large, small]), limits={"mmacs": small.cost.mmacs}).number == 4


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"trial": 99}, "trial 99 is not one of the 12 trials of this study: they run from 0 to 11"),
        ({"trial": 4}, "trial 4 must be complete to be exported, but is failed: loss became nan in epoch 3"),
        ({"trial": 11}, "trial 11 must be complete to be exported, but is running"),
        ({"trial": 2, "limits": {"mmacs": 10}}, "trial 2 is asked for by number, which leaves nothing to best or to limits"),
        ({"best": "accuracy"}, "unknown objective 'accuracy': known: ap, ap_det"),
        ({"best": "ap_det"}, "no complete trial of study tiny synthetic search has a value of ap_det"),
        ({"limits": {"mmacs": 1}}, r"no complete trial is within max_mmacs 1: the lowest mmacs is 2\.\d+ \(trial 8\)"),
        (
            {"limits": {"mmacs": 2, "latency_ms": 1}},
            r"within max_mmacs 2 and max_latency_ms 1: the lowest mmacs is .* \(trial 8\), "
            r"the lowest latency_ms is 3.5 \(trial 0\)",
        ),
        ({"limits": {"params": 0}}, "max_params must be a positive number, got 0"),
        ({"limits": {"latency_ms": float("nan")}}, "max_latency_ms must be a positive number, got nan"),
    ],
)
def test_messages(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        choose(study(), **rule)


def test_no_complete_trial() -> None:
    with pytest.raises(InvalidInput, match=r"no complete trial to choose from \(1 trials in all\)"):
        choose(study([trial(0, status="failed")]))
    with pytest.raises(InvalidInput, match="trial 0 is not one of the 0 trials of this study: it has none"):
        choose(study([]), trial=0)


def test_latency_that_nobody_measured() -> None:
    unmeasured = trial(0, ap=0.5, metrics={"ap_gt": 0.5})
    with pytest.raises(InvalidInput, match="within max_latency_ms 3: latency_ms was measured in none"):
        choose(study([unmeasured]), limits={"latency_ms": 3})


def test_a_trial_without_checkpoint_is_not_replaced_by_the_second_best() -> None:
    trials = [dataclasses.replace(record, checkpoint=None) if record.number == 7 else record for record in study().trials]
    with pytest.raises(InvalidInput, match="trial 7 has no checkpoint to export"):
        choose(study(trials))
    with pytest.raises(InvalidInput, match="trial 7 has no checkpoint to export"):
        choose(study(trials), trial=7)


def test_a_network_of_several_seeds_is_judged_by_their_mean() -> None:
    lucky, again = trial(3, ap=0.60), dataclasses.replace(trial(3, ap=0.50), number=8, seed=1)
    steady = trial(4, ap=0.57)
    assert choose(study([lucky, steady])).number == 3
    assert choose(study([lucky, steady, again])).number == 4
    assert choose(study([lucky, again])) == lucky, "its own scores are those of its checkpoint"
