"""Which trial next, where does it run, where is it recorded? The command line, and the same as objects of Python.

Every name is imported when it is asked for, so that the package itself takes no time.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from search_spaces.common.openmp import limit_spinning

# Before torch, whose OpenMP reads its variables when it is loaded.
limit_spinning(os.environ)

if TYPE_CHECKING:
    from dite_search.api.networks import build_network, load_network
    from dite_search.api.search import Search
    from dite_search.api.study import Study
    from dite_search.tasks.predict import predict
    from search_spaces.common.errors import InvalidInput
    from search_spaces.common.own_functions import objective

__all__ = ["InvalidInput", "Search", "Study", "build_network", "load_network", "objective", "predict"]

_HOMES = {
    "InvalidInput": "search_spaces.common.errors",
    "Search": "dite_search.api.search",
    "Study": "dite_search.api.study",
    "build_network": "dite_search.api.networks",
    "load_network": "dite_search.api.networks",
    "predict": "dite_search.tasks.predict",
    "objective": "search_spaces.common.own_functions",
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
