"""Objectives of a user's own, through a search: suggested, limited, measured, kept with the study, read without it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from rich.console import Console

from analysis.study.records import trials_table
from dite_search.algorithms.admission import Admission
from dite_search.algorithms.samplers import sampler_of
from dite_search.config.search_config import SearchConfig, load_search
from dite_search.doctor.requirements import require
from dite_search.driver.latency import trial_value
from dite_search.driver.measurers import measurer_of
from dite_search.driver.searcher import StudySearch
from dite_search.jobs.job_package import pack
from dite_search.study.directory import SEARCH_FILE, load_config
from dite_search.study.protocol import protocol_of
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, open_study
from dite_search.study.warm_start import earlier_trials
from dite_search.tracking.progress import SearchCurves, ideal_of, reference_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping
from search_spaces.common.objectives import DIRECTIONS, OBJECTIVES

MODULE = """
from dite_search import objective

@objective(unit="mJ")
def energy(architecture, cost):
    return 0.5 * cost.mmacs + 1.0

@objective(direction="maximize", label="images a second")
def fps(architecture, cost):
    return 300 / cost.mmacs

@objective(source="measured", unit="MB")
def size(onnx_file):
    return onnx_file.stat().st_size / 1e6

@objective()
def partial(architecture, cost):
    if architecture.modules[1] > 1:
        raise ValueError("only for one module")
    return cost.mmacs
"""
SEARCH: dict[str, Any] = {
    "name": "small",
    "space": "tiny",
    "data": {"synthetic": {"train_images": 24, "val_images": 8}},
    "trials": 3,
    "training": {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1},
    "objectives": ["ap_gt", "mine:energy"],
}


@pytest.fixture
def make(tmp_path: Path):
    """Write a search file beside the module, and read it."""
    (tmp_path / "mine.py").write_text(MODULE)

    def made(**changes: Any) -> SearchConfig:
        file = tmp_path / "search.yaml"
        file.write_text(yaml.safe_dump(SEARCH | {"directory": str(tmp_path / "runs")} | changes))
        return load_search(file)

    return made


def told(config: SearchConfig, **metrics: float) -> StudySearch:
    """Make a study of two trials that ended."""
    create_study(config)
    search = StudySearch(config)
    for name in "ab":
        search.suggest(name)
        search.on_trial_complete(name, {"epoch": 2, "loss": 0.4, "ap_gt": 0.2} | metrics)
    return search


def test_a_counted_one_is_known_exactly_and_read_without_its_module(make, tmp_path):
    config = make()
    assert config.sampler.name == "cost_aware"
    told(config)
    (tmp_path / "mine.py").unlink()
    del OBJECTIVES["energy"], DIRECTIONS["energy"]
    study = read_study(load_config(config.study_directory))
    assert study.objectives == ("ap_gt", "energy")
    for record in study.trials:
        assert record.values["energy"] == pytest.approx(0.5 * record.cost.mmacs + 1.0)
    assert "energy" in trials_table(study.trials).columns
    assert [trial.values for trial in open_study(config).trials] == [[0.2, each.values["energy"]] for each in study.trials]
    assert study.protocol["objective energy"].startswith("mine:energy, code ")


def test_one_that_is_better_high_is_limited_from_below_and_suggested_by_its_reciprocal(make):
    low = make(name="low", objectives=["ap_gt", "mmacs"], budget=["mmacs <= 3"])
    high = make(name="high", objectives=["ap_gt", "mine:fps"], budget=["fps >= 100"])
    assert (high.sampler.name, high.directions) == ("cost_aware", ["maximize", "maximize"])
    searches = [told(config) for config in (low, high)]
    for search in searches:
        search.suggest("c")
    trials = [open_study(config).trials for config in (low, high)]
    assert [trial.params for trial in trials[1]] == [trial.params for trial in trials[0]]
    assert [trial.values[1] for trial in trials[1][:2]] == [300 / trial.values[1] for trial in trials[0][:2]]
    assert all(excess <= 0 for trial in trials[1] for excess in trial.constraints.values())
    fastest = max(each.objectives["fps"] for each in map(high.search_space.cost_of, high.search_space.enumerate()))
    assert reference_of(high) == {"ap_gt": 0.0, "fps": 0.0}
    assert ideal_of(high) == {"fps": pytest.approx(1.1 * fastest)}
    study = read_study(high)
    attributes = {trial.number: trial.user_attrs for trial in trials[1]}
    points = SearchCurves(reference_of(high), high.network_budget, ideal_of(high)).points(study, attributes)
    last = {point.name: point.value for point in points}
    assert 0 < last["hypervolume"] < 1
    assert last["best_ap_gt_over_100_fps"] == 0.2
    with pytest.raises(InvalidInput, match=r"a limit on fps, which is better high, must be the least, like 'fps >= 3'"):
        make(budget=["mine:fps <= 3"])


def test_a_limit_on_a_counted_one_spares_trainings(make):
    free = make()
    costs = sorted(free.search_space.cost_of(arch).objectives["energy"] for arch in free.search_space.enumerate())
    limit = costs[len(costs) // 3]
    config = make(budget=[f"mine:energy <= {limit}"])
    gate = Admission(config)
    points = [config.search_space.sample(np.random.default_rng(seed)) for seed in range(20)]
    for point in points:
        verdict = gate.judge(point)
        value = gate.costs(gate.candidate(point))["energy"]
        assert verdict.outcome == ("train" if value <= limit else "over_budget")
    assert {gate.judge(point).outcome for point in points} == {"train", "over_budget"}
    with pytest.raises(
        InvalidInput, match=r"budget energy <= 1 must be met by a network of space tiny, but the cheapest has"
    ):
        require(make(budget=["mine:energy <= 1"]), Console(file=io.StringIO()), new=True)


def test_a_measured_one_is_measured_once_for_a_network(make, tmp_path):
    config = make(objectives=["ap_gt", "mmacs", "mine:size"], budget=["size <= 5"])
    assert config.sampler.name == "tpe"
    arch, trial = config.search_space.base, tmp_path / "trial"
    trial.mkdir()
    first = measurer_of("size", config)(config, arch, trial)
    record = read_mapping(trial / "size.json")
    assert record["size"] == first > 0.1
    assert (record["function"], record["measured_now"]) == ("mine:size", True)
    assert trial_value(config.own_objectives[0], config, arch, trial) == first
    assert read_mapping(trial / "size.json")["measured_now"] is False
    told(config, size=first)
    assert [each.values["size"] for each in read_study(config).trials] == [first, first]
    unknown = make(name="again", objectives=["ap_gt", "mine:size"], sampler={"name": "cost_aware"})
    with pytest.raises(InvalidInput, match=r"cost_objectives must be known before a training .*, got size"):
        require(unknown, Console(file=io.StringIO()), new=True)


def test_a_changed_function_is_not_mixed_with_old_values(make, tmp_path):
    config = make()
    told(config)
    before = config.own_objectives[0].digest
    (tmp_path / "mine.py").write_text(MODULE.replace("0.5 *", "0.6 *"))
    resumed = load_config(config.study_directory)
    now = make(name="other").own_objectives[0].digest
    assert protocol_of(resumed)["objective energy"] != protocol_of(make(name="other"))["objective energy"]
    file = config.study_directory / SEARCH_FILE
    file.write_text(file.read_text().replace(before, now))
    with pytest.raises(
        InvalidInput, match=rf"made with own_objectives.energy counted, code {before}, but .* code {now}: put"
    ):
        open_study(load_config(config.study_directory))


def test_an_earlier_study_is_counted_anew_and_not_measured_anew(make, tmp_path):
    told(make(name="earlier", objectives=["ap_gt", "mmacs"]))
    config = make(name="later", warm_start={"studies": [str(tmp_path / "runs" / "earlier")]})
    create_study(config, known=earlier_trials(config))
    for record in read_study(config).trials:
        assert record.values["energy"] == pytest.approx(0.5 * record.cost.mmacs + 1.0)
    told(make(name="measured", objectives=["ap_gt", "mine:size"]), size=0.3)
    (tmp_path / "mine.py").write_text(MODULE.replace("/ 1e6", "/ 1e3"))
    changed = make(name="changed", objectives=["ap_gt", "mine:size"], warm_start={"studies": ["measured"]})
    with pytest.raises(InvalidInput, match=r"but objective size is 'mine:size, code .* there and 'mine:size, code .* here"):
        earlier_trials(changed)


def test_a_network_without_a_value_is_no_candidate(make):
    config = make(objectives=["ap_gt", "mine:partial"])
    gate = Admission(config)
    sampler_of(config, gate)
    points = [config.search_space.sample(np.random.default_rng(seed)) for seed in range(20)]
    found = {gate.judge(point).outcome: gate.judge(point).problem for point in points}
    assert found.keys() == {"train", "invalid"}
    assert "mine:partial must have a value for network" in found["invalid"]
    with pytest.raises(InvalidInput, match=r"mine:partial must have a value for network .* but raises ValueError: only"):
        require(config, Console(file=io.StringIO()), new=True)


def test_the_module_travels_with_a_job(make, tmp_path, monkeypatch):
    make(directory="/shared/runs")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job").mkdir()
    pack("search.yaml", tmp_path / "job")
    assert (tmp_path / "job" / "mine.py").read_text() == MODULE
