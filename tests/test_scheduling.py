"""Groups of tests: what is handed to a worker in one piece, and what comes first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.scheduling import ModuleScheduling, groups_first


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


def test_named_groups_come_first_and_all_else_keeps_its_order():
    items = [
        SimpleNamespace(name=name, get_closest_marker=lambda _, at=at: at)
        for name, at in zip("abcd", (None, 1, None, 1), strict=True)
    ]
    assert [item.name for item in groups_first(items)] == ["b", "d", "a", "c"]
