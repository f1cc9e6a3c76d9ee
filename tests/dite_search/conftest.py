"""Searches small enough for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.storages._rdb.storage import _VersionManager

from dite_search.config.search_config import SearchConfig, parse_search


@pytest.fixture(scope="session", autouse=True)
def one_look_at_the_newest_schema() -> Iterator[None]:
    """Have Optuna read its own migration scripts once: it does so for every storage that is opened, in a tenth of a second.

    What it reads are files of the installed package. Its answer is the same for each database.
    """
    with pytest.MonkeyPatch.context() as patch:
        read = _VersionManager.get_head_version
        known: list[str] = []

        def head_version(manager: _VersionManager) -> str:
            if not known:
                known.append(read(manager))
            return known[0]

        patch.setattr(_VersionManager, "get_head_version", head_version)
        yield


@pytest.fixture
def make_search(tmp_path: Path) -> Callable[..., SearchConfig]:
    """A search over ``tiny`` on a few drawn people; named fields replace its own."""

    def make(**changes: Any) -> SearchConfig:
        fields: dict[str, Any] = {
            "name": "small",
            "space": "tiny",
            "data": {"synthetic": {"train_images": 24, "val_images": 8}},
            "trials": 3,
            "training": {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1},
            "directory": str(tmp_path / "runs"),
        }
        return parse_search(fields | changes, "search.yaml")

    return make
