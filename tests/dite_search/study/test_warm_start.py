"""The knowledge of a search at its start: networks by name, and results of earlier studies under the same protocol."""

from __future__ import annotations

import pytest
from optuna.trial import TrialState

from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import create_folder, load_config
from dite_search.study.places import PROVENANCE_FILE
from dite_search.study.protocol import protocol_of
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, open_study
from dite_search.study.warm_start import earlier_trials
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_json
from search_spaces.registry import cost_of

TRAINING = {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1}


@pytest.fixture
def earlier(make_search):
    """A study with a complete, a stopped and a failed trial."""
    config = make_search(name="earlier", sampler={"name": "random"})
    create_study(config)
    search = StudySearch(config)
    points = [search.suggest(name)["point"] for name in "abc"]
    search.on_trial_result("a", {"epoch": 1, "loss": 0.5, "ap_gt": 0.2})
    search.on_trial_complete("a", {"epoch": 2, "loss": 0.4, "ap_gt": 0.3})
    search.on_trial_complete("b", {"epoch": 1, "loss": 0.5, "ap_gt": 0.1})
    search.on_trial_complete("c", {"reason": "x"}, error=True)
    return config, points


def test_results_of_an_earlier_study_count_and_are_not_trained_again(earlier, make_search):
    first, points = earlier
    config = make_search(name="later", warm_start={"studies": [str(first.study_directory)]}, start_with=points)
    create_study(config, known=earlier_trials(config))
    complete, stopped = read_study(config).trials
    assert (complete.status, complete.values["ap_gt"], complete.origin) == ("complete", 0.3, "trial 0 of earlier")
    assert (stopped.status, len(stopped.curve), stopped.origin) == ("stopped", 1, "trial 1 of earlier")
    search = StudySearch(config)
    assert search.suggest("new")["point"] == points[2]
    states = [trial.state for trial in open_study(config).trials[-3:]]
    assert states == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING]
    assert read_study(config).reused == 2


def test_what_is_over_the_new_budget_or_outside_the_new_space_is_left_out(earlier, make_search):
    first, _ = earlier
    cost = cost_of(read_study(first).trials[0].arch).mmacs
    studies = {"studies": [str(first.study_directory)]}
    within = earlier_trials(make_search(name="in", warm_start=studies, budget=[f"mmacs <= {cost}"]))
    beyond = earlier_trials(make_search(name="out", warm_start=studies, budget=[f"mmacs <= {cost * 0.999}"]))
    assert len(within) == len(beyond) + 1
    assert earlier_trials(make_search(name="other", space="tiny_128", warm_start=studies)) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"epochs": 3, "batch_size": 16, "validate_every": 1}}, "but epochs is 2 there and 3 here"),
        ({"input_size": "64x64"}, "but input_size is '96x64' there and '64x64' here"),
        ({"data": {"root": "x"}}, "but dataset is 'synthetic' there and 'custom' here"),
        ({"data": {"synthetic": {}, "on_orientation": "ignore"}}, "but on_orientation is 'apply' there and 'ignore' here"),
        ({"data": {"synthetic": {}, "category": "person"}}, "but category is 'found by name' there and 'person' here"),
        (
            {"training": {**TRAINING, "start_from": "/w.pt"}},
            "but start_from is None there and '/w[.]pt' here",
        ),
    ],
)
def test_another_protocol_is_refused_with_what_differs(earlier, make_search, changes, message):
    first, _ = earlier
    config = make_search(name="later", warm_start={"studies": [str(first.study_directory)]}, **changes)
    with pytest.raises(InvalidInput, match=f"warm_start.studies .* must have the protocol of this search, {message}"):
        earlier_trials(config)


def test_trainings_from_scratch_do_not_take_over_results_from_other_weights(make_search):
    training = {**TRAINING, "start_from": "/w.pt"}
    first = make_search(name="earlier", training=training)
    create_study(first)
    config = make_search(name="later", warm_start={"studies": [str(first.study_directory)]})
    with pytest.raises(InvalidInput, match=r"but start_from is '/w[.]pt' there and None here"):
        earlier_trials(config)


def test_latencies_of_another_runtime_are_no_earlier_results(make_search):
    first = make_search(name="earlier", objectives=["ap_gt", "latency_ms"], latency={"runtime": "ncnn"})
    create_folder(first)
    counted = {"objectives": ["ap_gt", "latency_ms"], "warm_start": {"studies": [str(first.study_directory)]}}
    with pytest.raises(InvalidInput, match=r"but latency\.runtime is 'ncnn' there and 'onnx' here"):
        earlier_trials(make_search(name="later", **counted))


def test_a_study_without_latencies_and_one_with_them_have_one_protocol(earlier, make_search):
    first, _ = earlier
    studies = {"studies": [str(first.study_directory)]}
    limited = make_search(name="later", warm_start=studies, budget=["latency_ms <= 5"], latency={"runtime": "ncnn"})
    assert {"latency.runtime", "latency.threads"} <= protocol_of(limited).keys()
    assert len(earlier_trials(limited)) == 2


def test_other_people_under_the_same_name_are_refused(earlier, make_search):
    first, _ = earlier
    write_json(first.study_directory / PROVENANCE_FILE, {"data": "sha256 1"})
    config = make_search(name="later", warm_start={"studies": [str(first.study_directory)]})
    with pytest.raises(InvalidInput, match="but data is 'sha256 1' there and 'sha256 2' here"):
        earlier_trials(config, "sha256 2")
    assert len(earlier_trials(config, "sha256 1")) == len(earlier_trials(config)) == 2


def test_a_stopped_trial_of_an_earlier_study_is_not_suggested_to_go_on(earlier, make_search):
    first, points = earlier
    config = make_search(name="later", sampler={"name": "cost_aware"}, warm_start={"studies": [str(first.study_directory)]})
    create_study(config, known=earlier_trials(config))
    search = StudySearch(config)
    suggested = [search.suggest(f"t{number}")["point"] for number in range(20)]
    assert points[1] not in suggested
    assert read_study(config).reused == 0


def test_a_study_that_is_not_there_is_named(make_search):
    with pytest.raises(InvalidInput, match="study 'gone' does not exist"):
        earlier_trials(make_search(warm_start={"studies": ["gone"]}))


def test_named_networks_come_first(make_search):
    config = make_search(space="dite_hrnet", warm_start={"networks": ["dite_hrnet_18", "dite_hrnet_30"]})
    create_study(config)
    search = StudySearch(load_config(config.study_directory))
    first, second = (config.search_space.build(search.suggest(name)["point"]) for name in "ab")
    assert (first.modules, second.modules) == ((2, 4, 2), (3, 8, 3))


def test_a_named_network_must_be_in_the_space(make_search):
    with pytest.raises(InvalidInput, match=r"warm_start\.networks must be networks of space tiny, got dite_hrnet_18"):
        make_search(warm_start={"networks": ["dite_hrnet_18"]})
    with pytest.raises(InvalidInput, match="unknown network 'dite_hrnet_19': did you mean 'dite_hrnet_18'"):
        make_search(space="dite_hrnet", warm_start={"networks": ["dite_hrnet_19"]})
