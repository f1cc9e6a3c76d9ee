"""Which tests may run beside each other: each worker takes a group of tests, and the tests of a group follow each other.

A module is a group, so that its fixtures are made once. ``pytest.mark.xdist_group`` puts modules into one group that may
not run beside each other, or that share what is costly to make.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadGroupScheduling


class ModuleScheduling(LoadGroupScheduling):
    """Hands out named groups and, where a test has none, its module."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return scope.partition("::")[0]


def groups_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return tests with those of named groups first: they take longest, and whoever begins them late ends late."""
    return sorted(items, key=lambda item: item.get_closest_marker("xdist_group") is None)
