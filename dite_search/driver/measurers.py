"""The measurers of the objectives of source ``measured``, run on a trial's own machine before its training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dite_search.config.search_config import SearchConfig
from search_spaces.families.architecture import Architecture

Measurer = Callable[[SearchConfig, Architecture, Path], float]
"""A search, a network and the folder of the trial to a value above 0; may write files of its own into the folder."""


def median_latency(search: SearchConfig, arch: Architecture, directory: Path) -> float:
    """Return milliseconds of the exported network for one image: weights do not change it."""
    # These imports take seconds, and only a search with latency among its objectives needs them.
    from dite_search.driver.latency import trial_latency

    return trial_latency(search, arch, directory)


MEASURERS: dict[str, Measurer] = {"latency_ms": median_latency}
"""By the name of the objective in `search_spaces.common.objectives`."""
