"""Scores that a search uses: of its own space, data and recipe, kept with its study, and read by its sampler."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dite_search.algorithms.admission import gate_of
from dite_search.algorithms.samplers import sampler_of
from dite_search.config.search_config import SearchConfig
from dite_search.study.directory import create_folder
from dite_search.supernet.foretold import foretold_of
from dite_search.supernet.scores import FIGURE, PROTOCOL, SETTINGS, ScoredNetwork, ScoresFile
from dite_search.supernet.use import check_named_scores, keep_scores, prior_of, protocol_of_scores, used_scores
from search_spaces.common.errors import InvalidInput
from search_spaces.space.elastic_space import elastic_space
from trainers.training.supernet_loop import identity_of

MakeSearch = Callable[..., SearchConfig]
DATA = "sha256 of some people"


def identity(config: SearchConfig) -> dict[str, Any]:
    elastic = elastic_space(config.search_space)
    return {
        FIGURE: "inherited_ap_gt",
        SETTINGS: identity_of(elastic, config.supernet_config),
        PROTOCOL: protocol_of_scores(config, DATA),
    }


def write_scores(config: SearchConfig, changed: dict[str, Any] | None = None, folder: Path | None = None) -> ScoresFile:
    file = ScoresFile(folder or config.study_directory / "supernet")
    file.begin({**identity(config), **(changed or {})}, again="")
    points = list(config.search_space.points())
    file.append(
        [
            ScoredNetwork(arch=config.search_space.build(point), figures={"inherited_ap_gt": number / 100})
            for number, point in enumerate(points[:40])
        ]
    )
    return file


@pytest.fixture
def config(make_search: MakeSearch) -> SearchConfig:
    return make_search(space="tiny_128", supernet={"use": "prior"})


def test_scores_of_the_search_itself_become_its_prior(config: SearchConfig) -> None:
    write_scores(config)
    assert len(used_scores(config, DATA).networks) == 40
    prior = prior_of(config, gate_of(config).candidate)
    assert prior is not None
    points = list(config.search_space.points())
    assert list(prior(points[:3])) == pytest.approx([0.0, 0.01, 0.02])
    assert sampler_of(config, gate_of(config))._prior is not None  # type: ignore[attr-defined]
    assert foretold_of(config)[config.search_space.build(points[2]).arch_id] == 0.02


def test_a_search_without_a_use_reads_no_scores(make_search: MakeSearch) -> None:
    config = make_search(space="tiny_128", supernet={"epochs": 3})
    assert prior_of(config, gate_of(config).candidate) is None
    assert foretold_of(config) == {}


def test_scores_that_are_missing_are_asked_for(config: SearchConfig) -> None:
    with pytest.raises(InvalidInput, match=r"supernet.use prior needs inherited scores, but .*small/supernet has none"):
        used_scores(config)


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        (SETTINGS, "parameters", {"width": [8]}, "must have parameters .* of space tiny_128, got"),
        (SETTINGS, "base", {}, "must have base .* of space tiny_128, got"),
        (PROTOCOL, "input_size", "256x192", "must have input_size '.*' of this search, got '256x192'"),
        (PROTOCOL, "codec", "simcc", "must have codec .* of this search, got 'simcc'"),
        (PROTOCOL, "data", "other", f"must have data '{DATA}' of this search, got 'other'"),
    ],
)
def test_scores_of_another_space_data_or_recipe_are_refused(
    config: SearchConfig, part: str, name: str, value: Any, message: str
) -> None:
    changed = copy.deepcopy(identity(config)[part])
    changed[name] = value
    write_scores(config, {part: changed})
    with pytest.raises(InvalidInput, match=message):
        used_scores(config, DATA)


def test_a_seed_and_the_length_of_the_training_may_differ(config: SearchConfig) -> None:
    write_scores(config)
    other = config.replaced({"seed": 5, "training": {"epochs": 4}, "supernet": {"epochs": 3}}, "test")
    assert used_scores(other, DATA)


def test_scores_of_another_study_are_kept_with_the_new_one(make_search: MakeSearch, tmp_path: Path) -> None:
    first = make_search(space="tiny_128", name="first")
    file = write_scores(first)
    config = make_search(space="tiny_128", supernet={"use": "prior", "study": "first"})
    assert len(used_scores(config).networks) == 40
    create_folder(config)
    file.path.unlink()
    assert len(used_scores(config).networks) == 40
    keep_scores(config)
    gone = make_search(space="tiny_128", name="third", supernet={"use": "prior", "study": "nobody"})
    with pytest.raises(
        InvalidInput, match=r"shared weights of study 'nobody' do not exist: studies with some in .*: first, small"
    ):
        used_scores(gone)


def test_scores_of_a_named_study_and_others_of_the_search_itself_are_refused(make_search: MakeSearch) -> None:
    first = write_scores(make_search(space="tiny_128", name="first"))
    config = make_search(space="tiny_128", supernet={"use": "prior", "study": "first"})
    check_named_scores(config)
    own = write_scores(config)
    assert own.path.read_bytes() == first.path.read_bytes()
    check_named_scores(config)
    own.append([ScoredNetwork(arch=config.search_space.base, figures={"inherited_ap_gt": 0.9})])
    with pytest.raises(InvalidInput, match=r"supernet\.study must be left out where .*jsonl has other scores, got 'first'"):
        check_named_scores(config)
    check_named_scores(config.replaced({"supernet": {"study": None}}, "test"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"supernet": {"use": "guess"}}, "unknown use 'guess': known: direct, none, prior"),
        (
            {"supernet": {"use": "prior"}, "sampler": {"name": "tpe"}},
            "supernet.use must not be prior unless sampler",
        ),
        ({"supernet": {"use": "direct", "finalists": 4}}, "supernet.finalists must be at most trials 3, got 4"),
        (
            {"supernet": {"use": "direct", "study": "x", "finalists": 2}},
            "supernet.study must be left out where",
        ),
    ],
)
def test_a_use_that_cannot_be_is_one_sentence(make_search: MakeSearch, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        make_search(space="tiny_128", **fields)
