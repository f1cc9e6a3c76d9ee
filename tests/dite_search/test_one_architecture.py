"""The way of one architecture: built and counted at its admission, and carried from there on."""

from __future__ import annotations

import time

import pytest

from dite_search.driver.scheduler import scheduler_of
from dite_search.driver.searcher import StudySearch
from dite_search.monitor.snapshot import LiveReader
from dite_search.simulation.simulator import replay, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.reader import StudyReader, TrialNetworks, rung_records
from dite_search.study.study import create_study, open_study
from dite_search.tracking.source import StudySource
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import architecture_from
from search_spaces.space.candidate import CandidateCache, training_key
from tests.dite_search.counting import counted_networks
from tests.dite_search.tables import A, B, C, D, write_folder

pytestmark = pytest.mark.filterwarnings("ignore")
MOST = 2
"""Times that a candidate is built and counted at most."""


@pytest.mark.parametrize("sampler", ["cost_aware", "random", "nsga2"])
def test_a_driver_builds_and_counts_each_candidate_once(make_search, monkeypatch, sampler):
    config = make_search(sampler={"name": sampler}, budget=["mmacs <= 1000"])
    create_study(config)
    read: list[object] = []
    from_dict = ArchConfig.from_dict
    monkeypatch.setattr(ArchConfig, "from_dict", lambda values: read.append(values) or from_dict(values))
    with counted_networks() as counts:
        networks, candidates = TrialNetworks(), CandidateCache(config.search_space)
        search, scheduler = StudySearch(config, candidates=candidates, networks=networks), scheduler_of(config)
        live, source = LiveReader(config, networks), StudySource(config, networks)
        for name in "abc":
            suggestion = search.suggest(name)
            candidate = candidates(suggestion["point"])
            assert suggestion["arch"] is candidate.arch
            assert suggestion["costs"] == candidate.cost.objectives
            assert suggestion["key"] == training_key(candidate.arch, suggestion["point"])
            for epoch in (1, 2):
                search.on_trial_result(name, {"epoch": epoch, "ap_gt": 0.1 * epoch})
                live.read(time.time())
                source.read()
            search.on_trial_complete(name, {"epoch": 2, "ap_gt": 0.2})
            live.read(time.time())
        scheduler.add_records(rung_records(config, networks))
        study = StudyReader(config, open_study(config), networks).read()
    assert [record.status for record in study.trials] == ["complete"] * 3
    assert {record.arch.arch_id for record in study.trials} <= counts.counted.keys()
    assert max(counts.built.values()) == 1
    assert max(counts.counted.values()) <= MOST, "two points may spell one network"
    assert read == [], "fields are only read where another process wrote them"


def test_a_driver_that_goes_on_reads_what_another_built_once(make_search):
    config = make_search(sampler={"name": "random"})
    create_study(config)
    search = StudySearch(config)
    suggestion = search.suggest("a")
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.2})
    with counted_networks() as counts:
        networks = TrialNetworks()
        StudySearch(config, networks=networks)
        for _ in range(3):
            (record,) = StudyReader(config, open_study(config), networks).read().trials
        list(rung_records(config, networks))
    assert record.arch == architecture_from(suggestion["arch"].to_dict())
    assert counts.counted == {suggestion["arch"].arch_id: 1}
    assert not counts.built


@pytest.mark.parametrize("sampler", ["cost_aware", "random"])
def test_a_replayed_search_builds_and_counts_each_candidate_at_most_twice(tmp_path, sampler):
    trainings = [(point, 0, (0.1, score), 3.0) for point, score in ((A, 0.2), (B, 0.3), (C, 0.4), (D, 0.5))]
    folder = write_folder(tmp_path / "drawn", *trainings)
    with counted_networks() as counts:
        table = load_table(folder)
        config = replayed_config(table, {"sampler": {"name": sampler}})
        result = replay(table, config, workers=2, seed=3)
    assert result.trials["complete"] == len(table) == len(counts.counted) == 4
    assert 0 < max(counts.built.values()) <= MOST
    assert 0 < max(counts.counted.values()) <= MOST
