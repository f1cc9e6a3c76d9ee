"""Searches small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dite_search.config.search_config import SearchConfig, parse_search


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
