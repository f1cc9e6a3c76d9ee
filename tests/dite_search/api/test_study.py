"""Studies as objects: what was found, the best of it, its report and its export."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dite_search import InvalidInput, Study
from dite_search.config.search_config import SearchConfig
from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import trial_directory
from dite_search.study.study import create_study
from trainers.checkpoints.location import LAST

SCORES = {"a": 0.2, "b": 0.4, "c": 0.3}


@pytest.fixture
def config(make_search) -> SearchConfig:
    """A study of three complete trials, without weights."""
    found = make_search(sampler={"name": "random"}, seed=3)
    create_study(found)
    search = StudySearch(found)
    for name, score in SCORES.items():
        number = search.suggest(name)["number"]
        search.on_trial_complete(name, {"epoch": 2, "loss": 0.4, "ap_gt": score})
        file = trial_directory(found, number) / LAST
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"no checkpoint")
    return found


def test_trials_and_front_are_tables(config):
    study = Study.load(config.study_directory)
    assert list(study.trials["ap_gt"]) == list(SCORES.values())
    assert {"trial", "status", "mmacs", "params", "modules_stage3", "checkpoint"} <= {*study.trials.columns}
    front = study.front
    assert list(front.columns) == list(study.trials.columns)
    assert front["mmacs"].is_monotonic_increasing
    assert front["ap_gt"].is_monotonic_increasing
    assert front["ap_gt"].max() == 0.4
    assert repr(study) == f"Study('small', 3 trials, {len(front)} on the front)"
    assert f"<td>{front['arch_id'][0]}</td>" in study._repr_html_()
    assert study.search.config == study.config
    by_name = Study.load("small", directory=config.study_directory.parent)
    pd.testing.assert_frame_equal(by_name.trials, study.trials)


def test_the_front_has_the_mean_of_a_network_of_several_seeds(config):
    study = Study.load(config.study_directory)
    best = study.best()
    again = dataclasses.replace(best, number=99, seed=best.seed + 1, metrics={"ap_gt": 0.6})
    study.record = dataclasses.replace(study.record, trials=[*study.record.trials, again])
    front = study.front.set_index("trial")
    assert front["ap_gt"][best.number] == pytest.approx(0.5)
    assert 99 not in front.index
    assert list(study.trials["ap_gt"]) == [*SCORES.values(), 0.6]


def test_a_study_without_a_complete_trial_has_an_empty_front(make_search):
    config = make_search(name="empty")
    create_study(config)
    study = Study.load(config.study_directory)
    assert (len(study.trials), len(study.front)) == (0, 0)
    assert "0 on the front" in study._repr_html_()
    with pytest.raises(InvalidInput, match="study empty has no complete trial to choose from"):
        study.best()


def test_the_best_within_limits(config):
    study = Study.load(config.study_directory)
    assert study.best().values["ap_gt"] == 0.4
    cheapest = study.trials.sort_values(["mmacs", "trial"]).iloc[0]
    assert study.best(mmacs=cheapest["mmacs"]).number == cheapest["trial"]
    assert study.best("params").values["params"] == study.trials["params"].min()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"mmac": 3}, "unknown cost 'mmac': did you mean 'mmacs'"),
        ({"mmacs": 0.001}, "no complete trial is within max_mmacs 0.001: the lowest mmacs is"),
        ({"params": -1}, "max_params must be a positive number, got -1"),
        ({"mmacs": "200"}, "max_mmacs must be a positive number, got '200'"),
        ({"objective": "app"}, "unknown objective 'app'"),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence(config, limits, message):
    with pytest.raises(InvalidInput, match=message):
        Study.load(config.study_directory).best(**limits)


def test_the_report_is_that_of_the_command(config, tmp_path):
    study = Study.load(config.study_directory)
    written = study.report()
    assert written.html == config.study_directory / "report" / "report.html"
    assert written.csv.read_text().count("\n") == 4
    limited = study.report(budget="mmacs <= 3", output=tmp_path / "mine")
    assert "Within the budget" in limited.markdown.read_text()
    assert "Within the budget" not in written.markdown.read_text()
    with pytest.raises(InvalidInput, match="a limit must be written like 'mmacs <= 250'"):
        study.report(budget=["mmacs < 3"])


def test_an_export_is_refused_in_one_sentence(config, tmp_path):
    study = Study.load(config.study_directory)
    with pytest.raises(InvalidInput, match=r"limits choose the network, so trial must be left out, got \['mmacs'\]"):
        study.export(1, mmacs=3)
    with pytest.raises(InvalidInput, match="trial 7 is not one of the 3 trials of this study"):
        study.export(7)
    for trial in ("best", 1.7):
        with pytest.raises(InvalidInput, match=f"trial must be a trial of the study or its number, got {trial!r}"):
            study.export(trial)
    with pytest.raises(InvalidInput, match="runtime must be one of onnx, openvino, ncnn, litert, coreml, got 'tvm'"):
        study.export(formats=("tvm",))
    for chosen in (None, np.int64(1), study.best()):
        with pytest.raises(InvalidInput, match=r"checkpoint .* must be"):
            study.export(chosen, output=tmp_path / "export")
    assert not (tmp_path / "export").exists()


def test_a_study_that_is_not_there_is_named():
    with pytest.raises(InvalidInput, match="study 'gone' does not exist"):
        Study.load("gone", directory=Path("nowhere"))
