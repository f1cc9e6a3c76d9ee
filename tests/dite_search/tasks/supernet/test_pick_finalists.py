"""A search by shared weights directly begins with finalists, which stand in its file like any first points."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from dite_search.config.search_config import SearchConfig
from dite_search.study.directory import write_search_file
from dite_search.supernet.choice import networks_to_score
from dite_search.supernet.scores import InheritedScores, ScoredNetwork, ScoresFile
from dite_search.supernet.use import used_scores
from dite_search.tasks.supernet import pick_finalists
from dite_search.tasks.supernet.pick_finalists import with_finalists
from dite_search.tasks.supernet.score_supernet import TrainedSupernet
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.elastic_space import elastic_space
from tests.dite_search.supernet.test_use import identity, write_scores

MakeSearch = Callable[..., SearchConfig]


def picked(config: SearchConfig) -> tuple[SearchConfig, str]:
    output = io.StringIO()
    return with_finalists(config, file="search.yaml", console=Console(file=output, width=200)), output.getvalue()


def trained(config: SearchConfig, **_: Any) -> TrainedSupernet:
    elastic = elastic_space(config.search_space, config.network_budget)
    return TrainedSupernet(elastic=elastic, data=None, checkpoint=None)  # type: ignore[arg-type]


def test_finalists_are_scored_networks_spread_over_the_budget_and_the_first_points(
    make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"use": "direct", "evaluated": 30, "finalists": 5}
    macs = sorted(cost_of(arch).macs / 1e6 for arch in make_search(space="tiny_128").search_space.enumerate())[99]
    config = make_search(space="tiny_128", supernet=settings, trials=8, budget=[f"mmacs <= {macs}"])
    write_scores(config)
    asked: list[Any] = []

    def scored(config: SearchConfig, _: Any, networks: list[Any], *, console: Console) -> InheritedScores:
        asked.extend(networks)
        values = {arch.arch_id: cost_of(arch).params / 1e6 for arch in networks}
        rows = [ScoredNetwork(arch=arch, figures={"inherited_ap_gt": values[arch.arch_id]}) for arch in networks]
        return InheritedScores(identity=identity(config), networks=tuple(rows))

    monkeypatch.setattr(pick_finalists, "trained_supernet", trained)
    monkeypatch.setattr(pick_finalists, "score_more", scored)
    found, output = picked(config)
    drawn = networks_to_score(trained(config).elastic, config.supernet_config.scored, config.seed)
    assert [arch.arch_id for arch in asked[: len(drawn)]] == [arch.arch_id for arch in drawn], "those of the file come first"
    assert len(asked) == len(drawn) + 30
    assert "5 of 30 networks with inherited scores are trained first, from " in output
    costs = [cost_of(config.search_space.build(point)).macs for point in found.start_with]
    assert len(costs) == 5
    assert costs == sorted(costs)
    assert costs[-1] / 1e6 <= macs
    assert costs[-1] > 1.2 * costs[0]
    assert found.first_points == found.start_with
    assert found.trials == 8


def test_a_second_call_has_the_same_finalists(make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"use": "direct", "scored": 12, "evaluated": 12, "finalists": 3}
    config = make_search(space="tiny_128", supernet=settings)
    file = ScoresFile(config.study_directory / "supernet")
    file.begin(identity(config), again="")

    def scored(config: SearchConfig, _: Any, networks: list[Any], *, console: Console) -> InheritedScores:
        known = {each.arch.arch_id for each in used_scores(config).networks}
        # Actors end in any order, and inherited scores are nothing that a forecast knows.
        missing = [arch for arch in networks[::-1] if arch.arch_id not in known]
        file.append(
            [ScoredNetwork(arch=arch, figures={"inherited_ap_gt": int(arch.arch_id, 16) % 97 / 97}) for arch in missing]
        )
        return used_scores(config)

    monkeypatch.setattr(pick_finalists, "trained_supernet", trained)
    monkeypatch.setattr(pick_finalists, "score_more", scored)
    # ``supernet score --networks 5`` has scored fewer than the file asks for.
    scored(config, None, networks_to_score(trained(config).elastic, 5, config.seed), console=Console())
    first = picked(config)[0].start_with
    assert len(used_scores(config).networks) > 12
    assert picked(config)[0].start_with == first


def test_a_name_that_is_taken_is_told_before_anything_is_scored(
    make_search: MakeSearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_search(space="tiny_128", supernet={"use": "direct", "finalists": 2})
    write_search_file(config)
    monkeypatch.setattr(pick_finalists, "trained_supernet", lambda *_, **__: pytest.fail("weights are looked for"))
    with pytest.raises(InvalidInput, match=r"study small exists already in .*: choose another name"):
        picked(config)


def test_a_search_that_uses_no_scores_stays_as_it_is(make_search: MakeSearch) -> None:
    config = make_search(space="tiny_128", supernet={"use": "prior"})
    assert picked(config)[0] is config


def test_a_direct_search_needs_trained_weights(make_search: MakeSearch) -> None:
    config = make_search(space="tiny_128", supernet={"use": "direct", "finalists": 2})
    with pytest.raises(InvalidInput, match="must be trained before networks are scored"):
        picked(config)
