"""Which tests may run beside each other: each worker takes a group of tests, and the tests of a group follow each other.

A module is a group, so that its fixtures are made once. ``pytest.mark.xdist_group`` puts modules into one group that may
not run beside each other, or that share what is costly to make. What takes long is begun first: whoever begins it late
ends late, while the other workers have nothing left to do.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling


class ModuleScheduling(LoadGroupScheduling):
    """Hands out named groups and, where a test has none, its module, in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        # The plugin would begin with the modules of the most tests, which are the quickest ones.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return scope.partition("::")[0]


def longest_first(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return tests with named groups first, then the modules of the most slow tests, then those of the most tests."""
    slow = Counter(_module(item) for item in items if item.get_closest_marker("slow"))
    every = Counter(map(_module, items))
    return sorted(
        items,
        key=lambda item: (item.get_closest_marker("xdist_group") is None, -slow[_module(item)], -every[_module(item)]),
    )


def _module(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
