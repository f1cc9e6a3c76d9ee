"""The search algorithm: what it suggests, and what the study says of each trial afterwards."""

from __future__ import annotations

import math

import pytest
from optuna.trial import TrialState

from dite_search.searcher import StudySearch, epoch_metrics
from dite_search.study import create_study, open_study, read_study

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def start(make_search):
    def start(**changes):
        config = make_search(**changes)
        create_study(config)
        return config, StudySearch(config)

    return start


def test_suggestions_are_points_of_the_space_and_the_same_for_the_same_seed(start):
    config, first = start()
    _, second = start(name="again")
    _, other = start(name="other", seed=5)
    points = [[search.suggest(f"t{i}") for i in range(6)] for search in (first, second, other)]
    assert all(config.search_space.is_valid(suggestion["point"]) for suggestion in points[0])
    assert points[0] == points[1]
    assert points[0] != points[2]
    assert [suggestion["number"] for suggestion in points[0]] == list(range(6))


def test_a_finished_trial_is_complete_with_exact_costs(start):
    config, search = start()
    search.suggest("t")
    search.on_trial_result("t", {"epoch": 1, "loss": 0.5, "ap_gt": 0.1, "done": False, "trial_id": "t"})
    search.on_trial_complete("t", {"epoch": 2, "loss": 0.4, "ap_gt": 0.2, "config/number": 0})
    (trial,) = open_study(config).trials
    (record,) = read_study(config).trials
    assert trial.state is TrialState.COMPLETE
    assert trial.values == [0.2, record.cost.mmacs]
    assert record.curve == [{"epoch": 1, "loss": 0.5, "ap_gt": 0.1}]
    assert record.metrics == {"ap_gt": 0.2}


@pytest.mark.parametrize(
    ("result", "error", "reason"),
    [
        ({"epoch": 2, "loss": 0.1}, False, "objective ap_gt must be a finite number at the end of a trial, got None"),
        ({"ap_gt": math.nan}, False, "objective ap_gt must be a finite number at the end of a trial, got nan"),
        (None, True, "the trial's process ended without giving a reason"),
    ],
)
def test_a_trial_without_a_score_is_failed_with_its_reason(start, result, error, reason):
    config, search = start()
    search.suggest("t")
    search.on_trial_complete("t", result, error)
    (trial,) = open_study(config).trials
    (record,) = read_study(config).trials
    assert (trial.state, trial.values) == (TrialState.FAIL, None)
    assert record.status == "failed"
    assert record.reason.startswith(reason)
    assert "ap_gt" not in record.values


def test_a_trial_stopped_early_is_pruned_and_never_complete(start):
    config, search = start()
    search.suggest("t")
    search.on_trial_complete("t", {"epoch": 1, "loss": 0.4, "ap_gt": 0.9})
    (trial,) = open_study(config).trials
    (record,) = read_study(config).trials
    assert trial.state is TrialState.PRUNED
    assert (record.status, record.reason) == ("stopped", "")
    assert "ap_gt" not in record.values


def test_a_reason_the_trial_gave_outweighs_everything(start):
    config, search = start()
    search.suggest("t")
    search.on_trial_result("t", {"reason": "NonFiniteLossError: loss is not finite"})
    search.on_trial_complete("t", {"reason": "NonFiniteLossError: loss is not finite"})
    (record,) = read_study(config).trials
    assert (record.status, record.reason) == ("failed", "NonFiniteLossError: loss is not finite")


def test_invalid_suggestions_are_failed_and_replaced(start):
    # Half of 36 is 18: G = 5 fits only the width 40, G = 9 only 36.
    space = {"base": "dite_hrnet_18", "parameters": {"width_branch1": [36, 40], "groups_branch1": [5, 9]}}
    config, search = start(space=space, input_size="64x64", sampler={"name": "random"})
    suggestions = [search.suggest(f"t{i}") for i in range(12)]
    assert {tuple(s["point"].values()) for s in suggestions} <= {(40, 5), (36, 9)}
    refused = [trial for trial in open_study(config).trials if trial.state is TrialState.FAIL]
    assert refused
    assert all(trial.user_attrs["reason"].startswith("not a valid network: groups of branch 1") for trial in refused)
    assert len(read_study(config).trials) == 12


def test_a_point_is_drawn_when_the_sampler_finds_no_valid_one(start):
    # One valid point among 512, which random suggestions do not find within the attempts allowed.
    choices = {f"groups_branch{i}": [1, 3, 7, 9, 11, 13, 17, 19] for i in (1, 2, 3)}
    space = {"base": "dite_hrnet_18", "parameters": choices}
    _, search = start(space=space, input_size="64x64", sampler={"name": "random"})
    assert set(search.suggest("t")["point"].values()) == {1}


def test_points_to_start_with_come_first_and_once(start):
    point = {"widths": "16-24-32-48", "groups_branch3": 2, "groups_branch4": 4} | {
        "kernels_branch1": 2,
        "kernels_branch2": 1,
        "modules_stage3": 1,
    }
    _, search = start(start_with=[point])
    assert search.suggest("a")["point"] == point
    assert search.suggest("b")["point"] != point


def test_a_grid_search_visits_every_point_once(start):
    config, search = start(space="table5", sampler={"name": "grid"}, trials=16)
    archs = set()
    for index in range(16):
        archs.add(config.search_space.build(search.suggest(f"t{index}")["point"]).arch_id)
        search.on_trial_complete(f"t{index}", {"ap_gt": 0.5})
    assert len(archs) == 16


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "nsga3", "gp", "qmc", "random"])
def test_every_sampler_takes_several_objectives(start, sampler):
    config, search = start(sampler={"name": sampler, "startup_trials": 3, "population": 4})
    for index in range(7):
        point = search.suggest(f"t{index}")["point"]
        assert config.search_space.is_valid(point)
        search.on_trial_complete(f"t{index}", {"ap_gt": index / 10})
    assert all(trial.state is TrialState.COMPLETE for trial in open_study(config).trials)


def test_what_tune_adds_is_not_a_metric():
    result = {"ap_gt": 0.5, "loss": math.inf, "pid": 7, "done": True, "trial_id": "x", "config/number": 3, "note": "text"}
    assert epoch_metrics(result) == {"ap_gt": 0.5}
