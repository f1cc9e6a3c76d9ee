"""The resources of one trial against those of the nodes."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dite_search.config.sections import ResourcesSection
from dite_search.doctor.findings import FAILED, OK, WARNING
from dite_search.doctor.resources import Node, resources_finding, trials_at_once, workers_on


def node(cpus, gpus=0.0, name="a"):
    return Node(node_id=name, label=name, resources={"CPU": cpus, "GPU": gpus})


@pytest.mark.parametrize(
    ("resources", "nodes", "expected"),
    [
        ({}, [node(2)], 2),
        ({"cpus_per_worker": 4}, [node(2, name=str(i)) for i in range(4)], 0),
        ({"workers": 2, "cpus_per_worker": 3}, [node(4), node(4, name="b")], 1),
        ({"gpus_per_worker": 0.25}, [node(64, 2)], 8),
        ({"gpus_per_worker": 0.6}, [node(64, 4)], 4),
        ({"workers": 8, "gpus_per_worker": 1}, [node(64, 8)], 1),
        ({"gpus_per_worker": 2}, [node(8, 1), node(8, 1, name="b")], 0),
        ({}, [], 0),
    ],
)
def test_trials_at_once_are_counted_node_by_node(make_search, resources, nodes, expected):
    assert trials_at_once(make_search(resources=resources, trials=100), nodes) == expected
    assert trials_at_once(make_search(resources=resources, trials=100, max_concurrent=1), nodes) == min(1, expected)


@given(
    st.lists(st.tuples(st.integers(0, 16), st.integers(0, 8)), max_size=6),
    st.integers(1, 8),
    st.sampled_from([0, 0.2, 0.5, 1, 3]),
)
def test_workers_never_take_more_than_a_node_has(shapes, cpus, gpus):
    for index, (have_cpus, have_gpus) in enumerate(shapes):
        wanted = ResourcesSection(cpus_per_worker=cpus, gpus_per_worker=gpus)
        count = workers_on(wanted, node(have_cpus, have_gpus, str(index)))
        assert count * cpus <= have_cpus
        assert count * gpus <= have_gpus + 1e-9


def test_messages_about_resources(make_search):
    def found(nodes, growth=None, **resources):
        return resources_finding(make_search(resources=resources, trials=9), nodes, growth)

    fits = found([node(2), node(2, name="b")], workers=2)
    assert (fits.status, fits.sentence) == (
        OK,
        "one trial takes 2 workers x 1 CPU of 4 CPU on 2 nodes: 4 workers fit at once, so 2 trials",
    )
    short = found([node(8, 1)], workers=2, gpus_per_worker=1)
    assert (short.status, short.sentence) == (FAILED, "one trial takes 2 workers x 1 GPU = 2 GPU, but the cluster has 1")
    assert short.remedy == "resources.workers: 1"
    split = found([node(2, name=str(i)) for i in range(4)], cpus_per_worker=4)
    assert (split.status, split.sentence) == (
        FAILED,
        "one worker takes 4 CPU on one node, but the 4 nodes have 2 CPU each",
    )
    assert split.remedy == "resources.cpus_per_worker: 2"
    parts = found([node(3), node(3, name="b")], workers=3, cpus_per_worker=2)
    assert parts.sentence == "one trial takes 3 workers, but only 2 of 2 CPU fit on the nodes"
    none = found([node(8)], gpus_per_worker=1)
    assert none.remedy == "resources.gpus_per_worker: 0, or add nodes with GPUs (ray start --num-gpus=N)"
    uneven = found([node(8, 2)], gpus_per_worker=1.5)
    assert (uneven.status, uneven.remedy) == (FAILED, "resources.gpus_per_worker: 2")
    assert uneven.sentence == "resources.gpus_per_worker above 1 must be a whole number, got 1.5"


def test_a_cluster_that_may_grow(make_search):
    config = make_search(resources={"gpus_per_worker": 1})
    grows = resources_finding(config, [node(0)], {"CPU": 64.0, "GPU": 8.0})
    assert grows.status == WARNING
    assert grows.sentence == (
        "one trial takes 1 worker x 1 CPU = 1 CPU, but the cluster has 0; it may grow to 64 CPU and 8 GPU,"
        " for which the search waits"
    )
    never = resources_finding(config, [node(8)], {"CPU": 64.0})
    assert never.status == FAILED
    assert "the cluster has 0, and will not grow beyond 64 CPU" in never.sentence
