"""Forecasts of inherited scores: exact where one was measured, and near where none was."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from dite_search.supernet import predictor as predictor_module
from dite_search.supernet.predictor import InheritedPredictor
from dite_search.supernet.scores import FIGURE, InheritedScores, ScoredNetwork
from search_spaces.common.errors import InvalidInput
from search_spaces.space.space_file import named_space

SPACE = named_space("tiny_128")
POINTS = list(SPACE.points())


def truth(point) -> float:
    return 0.2 * math.log2(point["width_branch1"]) + 0.05 * point["modules_stage3"] + 0.02 * point["kernels_branch1"]


def scores_of(points, figure: str = "inherited_ap_gt", sign: float = 1.0) -> InheritedScores:
    scored = tuple(ScoredNetwork(arch=SPACE.build(point), figures={figure: sign * truth(point)}) for point in points)
    return InheritedScores(identity={FIGURE: figure}, networks=scored)


def test_networks_without_a_score_are_forecast_and_others_keep_theirs() -> None:
    chosen = np.random.default_rng(0).permutation(len(POINTS))
    known, others = [POINTS[place] for place in chosen[:40]], [POINTS[place] for place in chosen[40:]]
    predictor = InheritedPredictor(SPACE, scores_of(known))
    assert predictor.predict(known) == pytest.approx([truth(point) for point in known])
    found = predictor.predict(others)
    assert spearmanr(found, [truth(point) for point in others]).statistic > 0.95


def test_errors_are_forecast_so_that_larger_is_better() -> None:
    predictor = InheritedPredictor(SPACE, scores_of(POINTS[:16], "inherited_nme", sign=1.0))
    assert predictor.predict(POINTS[:3]) == pytest.approx([-truth(point) for point in POINTS[:3]])


def test_too_few_scores_are_refused() -> None:
    with pytest.raises(InvalidInput, match="must be of 8 networks of space tiny_128 or more, got 7"):
        InheritedPredictor(SPACE, scores_of(POINTS[:7]))


def test_forecasts_follow_from_the_scores_whatever_their_order_and_however_many_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known, others = POINTS[::8], POINTS[1::8]
    first = InheritedPredictor(SPACE, scores_of(known))
    found = first.predict(others)
    assert InheritedPredictor(SPACE, scores_of(known[::-1])).predict(others).tolist() == found.tolist()
    monkeypatch.setattr(predictor_module, "POINTS_AT_ONCE", 5)
    assert first.predict(others) == pytest.approx(found, abs=1e-9)
    assert first.predict([]).shape == (0,)
