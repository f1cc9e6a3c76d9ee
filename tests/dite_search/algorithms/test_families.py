"""Searches over networks of several families at once: samplers, limits, and the report."""

from __future__ import annotations

import pytest

from analysis.report import report_html
from dite_search.config.sections import SAMPLERS
from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, reopen_running
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of, preset
from tests.analysis.studies import study, trial

NETWORKS = ["dite_hrnet_18", "small_hrnet_w18", "mobilenet_v2"]
SPACE = {"parameters": {"network": NETWORKS, "groups_branch4": [1, 2], "width_factor": [0.5, 1.0]}}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "grid"])
def test_every_sampler_suggests_networks_of_the_space(make_search, name):
    config = make_search(space=SPACE, input_size="64x64", trials=4, sampler={"name": name}, scheduler={"name": "none"})
    create_study(config)
    search = StudySearch(config)
    for number in range(3):
        suggestion = search.suggest(str(number))
        assert config.search_space.build(suggestion["point"]) == suggestion["arch"]


def test_a_grid_holds_every_network_once(make_search):
    config = make_search(space=SPACE, trials=5, sampler={"name": "grid"}, scheduler={"name": "none"})
    assert config.search_space.count() == 2 + 1 + 2
    with pytest.raises(InvalidInput, match="trials must be at most the 5 points of a grid search, got 6"):
        make_search(space=SPACE, trials=6, sampler={"name": "grid"})


@pytest.mark.parametrize("changes", [{"objectives": ["ap_gt", "mflops_published"]}, {"budget": ["mflops_published <= 300"]}])
def test_published_figures_that_are_counted_in_other_ways_rank_nothing(make_search, changes):
    sentence = (
        r"mflops_published must not rank networks of families that it counts in other ways"
        r" \(dite_hrnet and hrnet and mobilenet_v2\): use mmacs"
    )
    with pytest.raises(InvalidInput, match=sentence):
        make_search(space=SPACE, **changes)
    assert make_search(space={"parameters": {"network": ["hrnet_w32", "mobilenet_v2"]}}, **changes)


@pytest.mark.parametrize("sampler", ["random", "cost_aware"])
def test_a_search_over_families_goes_on_where_it_was_cut_off(make_search, sampler):
    fields = {"input_size": "64x64", "trials": 5, "scheduler": {"name": "none"}, "sampler": {"name": sampler}}
    first = [{"network": name, "groups_branch4": 1, "width_factor": 0.5} for name in NETWORKS]
    config = make_search(space=SPACE, start_with=first, **fields)
    create_study(config)
    search = StudySearch(config)
    suggested = [search.suggest(name) for name in "ab"]
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.3})
    reopen_running(config)
    config = load_config(config.study_directory)
    again = StudySearch(config)
    found = []
    while (suggestion := again.suggest(f"again {len(found)}")) != "FINISHED":
        again.on_trial_complete(f"again {len(found)}", {"epoch": 2, "ap_gt": 0.3})
        found.append(suggestion["arch"])
    assert found[0] == suggested[1]["arch"], "what was cut off goes first"
    assert found[1].FAMILY == "mobilenet_v2"
    assert suggested[0]["arch"] not in found
    records = read_study(config).trials
    assert {record.status for record in records} == {"complete"}
    assert {record.arch.FAMILY for record in records} == {"dite_hrnet", "hrnet", "mobilenet_v2"}
    assert len({record.arch.arch_id for record in records}) == len(records) == 5


def test_a_published_prior_of_other_families_is_refused(make_search):
    with pytest.raises(InvalidInput, match="table5 says nothing of networks of the family hrnet, only of dite_hrnet"):
        make_search(space=SPACE, sampler={"name": "cost_aware"}, warm_start={"published": ["table5"]})


def test_the_report_shows_each_network_by_the_description_of_its_family():
    archs = [preset(name, input_size=(64, 64)) for name in NETWORKS]
    trials = [
        trial(n, ap=0.4 + n / 10, arch=arch, cost=cost_of(arch), parameters={"network": name})
        for n, (name, arch) in enumerate(zip(NETWORKS, archs, strict=True))
    ]
    page = report_html(study(trials))
    assert "widths 40-80-160-320; G 1-1-2-4" in page
    assert "HRNet: base width 16; stem blocks 1; bottleneck width 32; blocks 2; modules 1-1-1" in page
    assert "MobileNetV2: width factor 1.0; blocks 1-2-3-4-3-3-1" in page
