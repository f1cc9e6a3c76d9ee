"""Ray Tune's side of a pause."""

from __future__ import annotations

from typing import Any

from ray import tune

from dite_search.driver.trainable import NOTE
from dite_search.storage.pause import Pause
from dite_search.study.attributes import REASON


class PauseStopper(tune.Stopper):
    """Stops each trial with the next result that it reports, or all at once, as a pause asks."""

    def __init__(self, pause: Pause) -> None:
        self._pause = pause

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Whether a trial stops here: not one that ends by itself, and not in the middle of an epoch for a remark."""
        return self._pause.asked and REASON not in result and NOTE not in result

    def stop_all(self) -> bool:
        """Whether no epoch is waited for."""
        return self._pause.immediate

    def __reduce__(self) -> Any:
        """Tune stores its stopper with the experiment; a stored one stops nothing."""
        return _stored, ()


def _stored() -> PauseStopper:
    return PauseStopper(Pause())
