"""The start of Ray: what goes wrong there is one sentence."""

from __future__ import annotations

from typing import NoReturn

import pytest
import ray

from dite_search.driver.ray_session import start_ray
from search_spaces.common.errors import InvalidInput


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (
            "",
            RuntimeError("\nThe current node timed out\nSee the logs"),
            "^Ray must start, but did not: The current node timed out$",
        ),
        ("", ValueError(), "^Ray must start, but did not: ValueError$"),
        ("10.9.9.9:6379", ConnectionError("no answer"), r"^RAY_ADDRESS 10\.9\.9\.9:6379 cannot be reached: no answer$"),
    ],
)
def test_a_ray_that_does_not_start_is_one_sentence(
    address: str, error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", init)
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    else:
        monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(InvalidInput, match=message):
        start_ray()
