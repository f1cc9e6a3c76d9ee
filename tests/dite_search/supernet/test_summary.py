"""The summary of shared weights: the networks that their scores rank first, and never a name of a result."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from dite_search.supernet import summary
from dite_search.supernet.scores import FIGURE, SETTINGS, InheritedScores, ScoredNetwork, ScoresFile
from dite_search.supernet.summary import best_within, summary_of
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.space_file import named_space

NETWORKS = sorted(named_space("tiny_128").enumerate(), key=lambda arch: cost_of(arch).macs)
IDENTITY = {FIGURE: "inherited_ap_gt", "calibration_images": 12, SETTINGS: {"held_out": 0.05}}


def scores_of(values: list[float], step: int = 1) -> InheritedScores:
    networks = NETWORKS[::step][: len(values)]
    pairs = zip(networks, values, strict=True)
    scored = tuple(ScoredNetwork(arch=arch, figures={"inherited_ap_gt": value}) for arch, value in pairs)
    return InheritedScores(identity=IDENTITY, networks=scored)


def test_the_first_within_each_limit_costs_no_more_and_ranks_above_all_that_do() -> None:
    scores = scores_of([number * 37 % 61 / 61 for number in range(64)], step=2)
    found = best_within(scores)
    assert 1 < len(found) <= 8
    for limit, best in found:
        within = [each for each in scores.networks if cost_of(each.arch).macs / 1e6 <= limit]
        assert best in within
        assert best.figures["inherited_ap_gt"] == max(each.figures["inherited_ap_gt"] for each in within)
    assert found[-1][1] == scores.best()


def test_a_limit_that_changes_nothing_is_left_out() -> None:
    assert [best.arch for _, best in best_within(scores_of([0.9, *[0.1] * 20], step=6))] == [NETWORKS[0]]
    assert best_within(scores_of([])) == []


def test_networks_of_equal_costs_are_ranked_by_their_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "cost_of", lambda _: SimpleNamespace(macs=5e6))
    assert [best.arch for _, best in best_within(scores_of([0.1, 0.3, 0.2]))] == [NETWORKS[1]]


def test_a_summary_needs_weights_or_scores_and_names_no_result(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="must have a checkpoint or scores, found neither"):
        summary_of(tmp_path)
    file = ScoresFile(tmp_path)
    file.begin(IDENTITY, again="")
    file.append(scores_of([0.2, 0.4]).networks)
    found = summary_of(tmp_path)
    assert (found["scored"], found["figure"], found["held_out"]) == (2, "inherited_ap_gt", 0.05)
    ranked = [value for name, value in found.items() if name.startswith("first_within_")]
    assert ranked[-1] == f"{NETWORKS[1].arch_id}  inherited_ap_gt 0.4"
    assert not any(name.startswith("ap") for name in found)
