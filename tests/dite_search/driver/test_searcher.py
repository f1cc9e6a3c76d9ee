"""The search algorithm: what it suggests, and what the study says of each trial afterwards."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import optuna
import pytest
from hypothesis import given, settings
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from dite_search.config.search_config import parse_search
from dite_search.driver.searcher import StudySearch
from dite_search.storage.pause import Pause
from dite_search.study.reader import read_study, rung_records
from dite_search.study.study import create_study, open_study, reopen_running
from search_spaces.registry import cost_of
from tests.profiles import by_profile

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
    assert record.curve == [{"epoch": 1, "loss": 0.5, "ap_gt": 0.1}, {"epoch": 2, "loss": 0.4, "ap_gt": 0.2}]
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
    assert record.curve == [{"epoch": 1, "loss": 0.4, "ap_gt": 0.9}]


def test_over_budget_suggestions_are_infeasible_and_cost_no_trial(start):
    config, search = start(budget=["mmacs <= 2.6"], sampler={"name": "random"}, trials=12)
    suggested = [search.suggest(f"t{index}") for index in range(12)]
    costs = [cost_of(config.search_space.build(s["point"])).mmacs for s in suggested]
    assert max(costs) <= 2.6
    trials = open_study(config).get_trials()
    refused = [trial for trial in trials if trial.state is TrialState.PRUNED]
    assert len(refused) == len(trials) - 12 > 0
    assert all(trial.constraints["mmacs"] > 0 for trial in refused)
    assert all(trial.user_attrs["reason"].startswith("over budget: mmacs must be at most 2.6, got ") for trial in refused)
    record = read_study(config)
    assert (len(record.trials), record.over_budget, record.reused) == (12, len(refused), 0)


def test_a_measured_latency_over_its_limit_makes_a_trial_infeasible(start, monkeypatch):
    monkeypatch.setattr("dite_search.algorithms.latency_prediction.predicted_latency", lambda config: lambda arch: 1.0)
    config, search = start(budget=["latency_ms <= 5"])
    search.suggest("t")
    search.on_trial_result("t", {"reason": "over budget: latency_ms must be at most 5, got 7", "latency_ms": 7.0})
    search.on_trial_complete("t", {"reason": "over budget: latency_ms must be at most 5, got 7", "latency_ms": 7.0})
    (trial,) = open_study(config).trials
    assert (trial.state, trial.constraints["latency_ms"]) == (TrialState.PRUNED, pytest.approx(0.4))
    assert read_study(config).over_budget == 1


PAIR = {"base": "tiny", "parameters": dict.fromkeys(("widths", "groups_branch3", "groups_branch4", "kernels_branch1"))}
PAIR["parameters"]["kernels_branch2"] = None
"""A space of two networks: only modules_stage3 is left to choose."""


def test_a_network_that_was_trained_is_reused(start):
    config, search = start(space=PAIR, sampler={"name": "random"}, trials=9)
    first = search.suggest("a")
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.3})
    second = search.suggest("b")
    assert first["point"] != second["point"]
    search.on_trial_complete("b", {"epoch": 2, "ap_gt": 0.4})
    assert search.suggest("c") == "FINISHED"
    values = {str(first["point"]): 0.3, str(second["point"]): 0.4}
    trials = open_study(config).get_trials()
    assert all(trial.state is TrialState.COMPLETE and trial.values[0] == values[str(trial.params)] for trial in trials)
    reused = [trial for trial in trials if "reused_from" in trial.user_attrs]
    assert len(reused) == len(trials) - 2 == read_study(config).reused > 0
    assert len(read_study(config).trials) == 2


@pytest.mark.parametrize(
    ("result", "state"),
    [({"epoch": 2, "ap_gt": 0.3}, TrialState.COMPLETE), ({"epoch": 1, "ap_gt": 0.1}, TrialState.PRUNED)],
)
def test_the_twin_of_a_running_trial_ends_as_it_does(start, result, state):
    config, search = start(space=PAIR, sampler={"name": "random"}, trials=9)
    search.suggest("a"), search.suggest("b")
    assert search.suggest("c") == "FINISHED"
    running = [trial for trial in open_study(config).get_trials() if trial.state is TrialState.RUNNING]
    assert len(running) > 2
    search.on_trial_complete("a", result)
    search.on_trial_complete("b", {"epoch": 2, "ap_gt": 0.9})
    trials = open_study(config).get_trials()
    assert all(trial.state.is_finished() for trial in trials)
    twins = [trial for trial in trials if trial.params == trials[0].params]
    assert {trial.state for trial in twins} == {state}
    assert {tuple(trial.values or ()) for trial in twins} == {tuple(trials[0].values or ())}


def test_repeats_are_trained_with_seeds_that_follow_one_another(start):
    _, search = start(space=PAIR, sampler={"name": "random"}, trials=9, repeats=3, seed=7)
    suggested = []
    for index in range(6):
        suggested.append(search.suggest(f"t{index}"))
        search.on_trial_complete(f"t{index}", {"epoch": 2, "ap_gt": 0.1 * index})
    assert [s["seed"] for s in suggested] == [7, 8, 9, 7, 8, 9]
    assert [s["repeat"] for s in suggested] == [0, 1, 2, 0, 1, 2]
    assert len({str(s["point"]) for s in suggested[:3]}) == 1
    assert search.suggest("more") == "FINISHED"


def test_a_network_that_was_stopped_is_not_repeated(start):
    _, search = start(space=PAIR, sampler={"name": "random"}, trials=9, repeats=3)
    stopped = search.suggest("stopped")
    search.on_trial_complete("stopped", {"epoch": 1, "ap_gt": 0.1})
    assert search.suggest("next")["point"] != stopped["point"]


def test_a_stopped_network_goes_on_where_it_was_stopped(start):
    config, search = start(space=PAIR, sampler={"name": "random"}, trials=9)
    for name in "ab":
        search.suggest(name)
        search.on_trial_complete(name, {"epoch": 1, "ap_gt": 0.1})
    suggestion = search.suggest("c")
    assert suggestion["continues"]["epoch"] == 1
    search.on_trial_result("c", {"epoch": 1, "ap_gt": 0.7})
    search.on_trial_complete("c", {"epoch": 2, "ap_gt": 0.4})
    first, second, again = read_study(config).trials
    origin = {first.arch.arch_id: first, second.arch.arch_id: second}[again.arch.arch_id]
    assert (origin.status, again.status) == ("stopped", "complete")
    assert suggestion["continues"]["last"] == origin.number
    assert [epoch["ap_gt"] for epoch in again.curve] == [0.1, 0.4]
    assert (again.epochs_before, again.epochs_trained, origin.epochs_trained) == (1, 1, 1)
    other = StudySearch(config).suggest("d")
    assert other["continues"]["last"] == ({0, 1} - {origin.number}).pop()


def test_a_continuation_that_was_cut_off_goes_on_under_its_number(start):
    config, search = start(space=PAIR, sampler={"name": "random"}, trials=9)
    for name in "ab":
        search.suggest(name)
        search.on_trial_complete(name, {"epoch": 1, "ap_gt": 0.1})
    before = search.suggest("c")
    reopen_running(config)
    assert StudySearch(config).suggest("c") == before


def test_repeats_that_a_driver_did_not_live_to_ask_for_are_asked_for_again(start, monkeypatch):
    config, search = start(sampler={"name": "random"}, repeats=3)
    first = search.suggest("a")
    with monkeypatch.context() as patch:
        patch.setattr(optuna.Study, "enqueue_trial", lambda *arguments: None)
        search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.3})
    for _ in range(2):
        again = StudySearch(config)
        waiting = [trial for trial in open_study(config).trials if trial.state is TrialState.WAITING]
        assert len(waiting) == 2
    suggested = [again.suggest(name) for name in "bcd"]
    assert [suggestion["seed"] for suggestion in suggested] == [1, 2, 0]
    assert [suggestion["point"] == first["point"] for suggestion in suggested] == [True, True, False]


def test_what_an_outage_ended_may_be_trained_anew(start):
    config, search = start(space=PAIR, sampler={"name": "random"}, trials=9)
    lost = search.suggest("a")
    search.on_trial_result("a", {"reason": "StorageFull: no space left", "outage": True})
    search.on_trial_complete("a", {})
    assert (open_study(config).trials[0].state, read_study(config).trials[0].reason) == (
        TrialState.FAIL,
        "StorageFull: no space left",
    )
    for driver in (search, StudySearch(config)):
        points = [driver.suggest(f"{id(driver)} {number}")["point"] for number in range(2)]
        assert lost["point"] in points
        reopen_running(config)


def test_the_epoch_of_a_pause_is_no_decision_of_the_scheduler(make_search):
    config, pause = make_search(sampler={"name": "random"}), Pause()
    create_study(config)
    search = StudySearch(config, pause=pause)
    number = search.suggest("a")["number"]
    pause.ask("a test")
    search.on_trial_complete("a", {"epoch": 1, "ap_gt": 0.1})
    assert len(read_study(config).trials[0].curve) == 1
    assert list(rung_records(config)) == []
    reopen_running(config)
    resumed = StudySearch(config)
    assert resumed.suggest("b")["number"] == number
    resumed.on_trial_complete("b", {"epoch": 2, "ap_gt": 0.2})
    assert [(trial, epoch) for trial, epoch, _ in rung_records(config)] == [(number, 1), (number, 2)]


CURVE = [{"epoch": epoch, "loss": 1 / epoch, "ap_gt": epoch / 10} for epoch in (1, 2, 3)]
"""The reports of an undisturbed trial."""


@pytest.fixture
def paused_at(make_search):
    """A search of three epochs whose first trial is stopped with one of its results, as a pause does."""

    def paused_at(results, **changes):
        training = {"epochs": 3, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1}
        config, pause = make_search(training=training, sampler={"name": "random"}, **changes), Pause()
        create_study(config)
        search = StudySearch(config, pause=pause)
        search.suggest("t")
        for result in results[:-1]:
            search.on_trial_result("t", result)
        pause.ask("a test")
        search.on_trial_complete("t", results[-1])
        reopen_running(config)
        return config, open_study(config).trials[0]

    return paused_at


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_pause_in_any_epoch_keeps_that_epoch(paused_at, done):
    config, trial = paused_at(CURVE[:done])
    (record,) = read_study(config).trials
    assert record.curve == CURVE[:done]
    assert trial.state is (TrialState.COMPLETE if done == 3 else TrialState.WAITING)
    assert [epoch for _, epoch, _ in rung_records(config)] == list(range(1, done + (done == 3)))


LATENCY = {"latency_ms": 7.0}
SCORES = {"loss": 1 / 3, "ap_gt": 0.3}


@pytest.mark.parametrize("limited", [{"objectives": ["ap_gt", "mmacs", "latency_ms"]}, {"budget": ["latency_ms <= 9"]}])
@pytest.mark.parametrize(
    ("results", "state"),
    [
        ([LATENCY], TrialState.WAITING),
        ([LATENCY, CURVE[0]], TrialState.WAITING),
        ([LATENCY, *CURVE], TrialState.WAITING),
        ([LATENCY, *CURVE, SCORES | LATENCY], TrialState.COMPLETE),
    ],
)
def test_a_pause_completes_no_trial_whose_latency_is_to_come(paused_at, monkeypatch, limited, results, state):
    monkeypatch.setattr("dite_search.algorithms.latency_prediction.predicted_latency", lambda config: lambda arch: 1.0)
    config, trial = paused_at(results, **limited)
    (record,) = read_study(config).trials
    assert record.curve == [result for result in results if "epoch" in result]
    assert trial.state is state
    assert record.metrics == ({"ap_gt": 0.3} | LATENCY if state is TrialState.COMPLETE else {})


def test_the_last_epoch_of_a_network_that_turns_out_too_slow_is_kept(paused_at, monkeypatch):
    monkeypatch.setattr("dite_search.algorithms.latency_prediction.predicted_latency", lambda config: lambda arch: 1.0)
    config, trial = paused_at([*CURVE[:2], CURVE[2] | LATENCY], budget=["latency_ms <= 5"])
    (record,) = read_study(config).trials
    assert (trial.state, record.reason) == (TrialState.PRUNED, "over budget: latency_ms must be at most 5, got 7")
    assert [epoch["epoch"] for epoch in record.curve] == [1, 2, 3]


@pytest.mark.parametrize("again", [1, 2])
def test_a_pause_while_a_trial_reports_its_epochs_again_undoes_no_decision(start, again):
    config, search = start(sampler={"name": "random"}, training={"epochs": 3, "validate_every": 1})
    search.suggest("t")
    for metrics in CURVE[:2]:
        search.on_trial_result("t", metrics)
    reopen_running(config)
    pause = Pause()
    resumed = StudySearch(config, pause=pause)
    resumed.suggest("t")
    for metrics in CURVE[: again - 1]:
        resumed.on_trial_result("t", metrics)
    pause.ask("a test")
    resumed.on_trial_complete("t", CURVE[again - 1])
    assert read_study(config).trials[0].curve == CURVE[:2]
    assert [epoch for _, epoch, _ in rung_records(config)] == [1, 2]


def test_an_epoch_that_a_pause_left_undecided_counts_once_the_scheduler_was_asked(paused_at):
    config, _ = paused_at(CURVE[:1])
    resumed = StudySearch(config)
    resumed.suggest("t")
    resumed.on_trial_result("t", CURVE[0])
    resumed.on_trial_result("t", CURVE[1])
    reopen_running(config)
    assert [epoch for _, epoch, _ in rung_records(config)] == [1, 2]


@settings(max_examples=15)
@given(ends=st.lists(st.tuples(st.sampled_from(["pause", "kill", "fail"]), st.integers(1, 6)), max_size=4))
def test_however_often_a_training_is_cut_off_the_study_has_its_whole_curve(ends):
    fields = {"name": "cut", "space": "tiny", "data": {"synthetic": {"train_images": 24, "val_images": 8}}, "trials": 9}
    fields |= {"sampler": {"name": "random"}, "training": {"epochs": 6, "validate_every": 1}}
    config, storage = parse_search(fields, "search.yaml"), InMemoryStorage()
    create_study(config, storage=storage)
    study = optuna.load_study(study_name="cut", storage=storage)
    done = 0
    for how, more in [*ends, ("pause", 6)]:
        pause = Pause()
        search = StudySearch(config, storage=storage, pause=pause)
        number = search.suggest("t")["number"]
        done = min(6, done + more)
        results = [{"epoch": epoch, "loss": 1 / epoch, "ap_gt": epoch / 10} for epoch in range(1, done + 1)]
        for result in results[:-1] if how == "pause" else results:
            search.on_trial_result("t", result)
        if how == "pause":
            pause.ask("a test")
            search.on_trial_complete("t", results[-1])
        elif how == "fail":
            search.on_trial_result("t", {"reason": "StorageFull: no space left", "outage": True})
            search.on_trial_complete("t", {"reason": "StorageFull: no space left", "outage": True})
        reopen_running(config, study)
        (record,) = [record for record in read_study(config, study).trials if record.number == number]
        assert record.curve == results
        assert record.status == ("failed" if how == "fail" else "complete" if (how, done) == ("pause", 6) else "waiting")
        if record.status != "waiting":
            # The next training is another one.
            done = 0


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_every_epoch_of_a_trial_that_fails_is_kept(start, epochs):
    config, search = start(training={"epochs": 3, "validate_every": 1})
    search.suggest("t")
    for metrics in CURVE[: epochs - 1]:
        search.on_trial_result("t", metrics)
    search.on_trial_complete("t", CURVE[epochs - 1], error=True)
    (record,) = read_study(config).trials
    assert record.status == "failed"
    assert record.curve == CURVE[:epochs]


@pytest.mark.slow
def test_a_search_that_goes_on_trains_nothing_twice_and_what_was_cut_off_again(start):
    # All 192 networks of the space in a nightly run, 24 of them at a commit.
    space = {"base": "tiny", "parameters": by_profile({"widths": None, "groups_branch3": None}, {})}
    config, search = start(space=space, sampler={"name": "random"}, trials=192)
    finished, cut_off = search.suggest("a"), search.suggest("b")
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.3})
    reopen_running(config)
    again = StudySearch(config)
    points = []
    while (suggestion := again.suggest(f"again{len(points)}")) != "FINISHED":
        points.append(suggestion["point"])
        again.on_trial_complete(f"again{len(points) - 1}", {"epoch": 2, "ap_gt": 0.3})
    assert finished["point"] not in points
    assert cut_off["point"] == points[0]
    assert len(points) == len({str(point) for point in points}) == config.search_space.count() - 1


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
    config, search = start(space=space, input_size="64x64", sampler={"name": "random"}, reuse=False)
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
