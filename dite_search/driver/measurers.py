"""The measurers of the objectives of source ``measured``, run on a trial's own machine before its training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dite_search.config.search_config import SearchConfig
from search_spaces.common.own_objectives import OwnObjective
from search_spaces.families.architecture import Architecture

Measurer = Callable[[SearchConfig, Architecture, Path], float]
"""A search, a network and the folder of the trial to a value above 0; may write files of its own into the folder."""


def median_latency(search: SearchConfig, arch: Architecture, directory: Path) -> float:
    """Return milliseconds of the exported network for one image: weights do not change it."""
    # These imports take seconds, and only a search with latency among its objectives needs them.
    from dite_search.driver.latency import trial_latency

    return trial_latency(search, arch, directory)


def own_value(own: OwnObjective, search: SearchConfig, arch: Architecture, directory: Path) -> float:
    """Return what a function of the user's own says of the exported network; the record goes to the trial's folder."""
    from dite_search.driver.latency import trial_value

    return trial_value(own, search, arch, directory)


MEASURERS: dict[str, Measurer] = {"latency_ms": median_latency}
"""By the name of the objective in `search_spaces.common.objectives`."""


def measurer_of(name: str, search: SearchConfig) -> Measurer:
    """Return the measurer of an objective of source ``measured``."""
    own = next((each for each in search.own_objectives if each.name == name), None)
    return partial(own_value, own) if own else MEASURERS[name]
