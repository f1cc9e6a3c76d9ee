"""Groups of tests: what is handed to a worker in one piece, and what comes first."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from tests.scheduling import ModuleScheduling, longest_first


@pytest.mark.parametrize(
    ("nodeid", "piece"),
    [
        ("tests/a/test_b.py::test_c", "tests/a/test_b.py"),
        ("tests/a/test_b.py::Class::test_c[d::e]", "tests/a/test_b.py"),
        ("tests/a/test_b.py::test_c@ray", "ray"),
        ("tests/a/test_b.py::test_c[x@y]", "tests/a/test_b.py"),
        ("tests/a/test_b.py::test_c[x@y]@ray", "ray"),
    ],
)
def test_a_named_group_or_a_module_is_one_piece(nodeid, piece):
    assert object.__new__(ModuleScheduling)._split_scope(nodeid) == piece


def test_named_groups_come_first_then_modules_with_slow_tests_then_those_with_many():
    tests = (
        ("v::f", ()),
        ("x::a", ()),
        ("y::b", ("xdist_group",)),
        ("x::c", ()),
        ("y::d", ("xdist_group", "slow")),
        ("z::e", ("slow",)),
        ("w::g", ()),
    )
    items = [SimpleNamespace(nodeid=nodeid, get_closest_marker=dict.fromkeys(marks, True).get) for nodeid, marks in tests]
    assert [item.nodeid for item in longest_first(items)] == ["y::b", "y::d", "z::e", "x::a", "x::c", "v::f", "w::g"]


def test_workers_are_handed_pieces_in_the_order_of_the_tests():
    """The plugin alone would begin with the piece of the most tests."""
    names = ["long.py::a@cluster", "slow.py::b", "quick.py::c", "quick.py::d", "quick.py::e", "quick.py::f"]
    handed: list[int] = []
    node = Mock(shutting_down=False, send_runtest_some=handed.extend)
    config = SimpleNamespace(option=SimpleNamespace(loadscopereorder=True), getvalue=lambda _: ["popen"])
    scheduling = ModuleScheduling(config)
    scheduling.add_node(node)
    scheduling.add_node_collection(node, names)
    scheduling.schedule()
    assert [names[index] for index in handed] == names[:2]
