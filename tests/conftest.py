"""Fixtures every test may use: where the shared reference facts and photographs lie, and one thread for torch."""

from __future__ import annotations

from pathlib import Path

import hypothesis
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"

hypothesis.settings.register_profile(
    "repository", deadline=None, derandomize=True, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("repository")
torch.set_num_threads(1)


def _shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"../shared/{'/'.join(parts)} is absent: it lies beside the repository, not in it")
    return path


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of measured facts: published counts, checkpoints and their outputs."""
    return _shared("reference")


@pytest.fixture(scope="session")
def exports() -> Path:
    """The folder of annotation files and photographs as tools and cameras write them."""
    return _shared("data", "exports")


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of small data sets with a network and right figures."""
    return _shared("cases")


@pytest.fixture(scope="session")
def coco_mini() -> Path:
    """The folder of real photographs in COCO format."""
    return _shared("data", "coco_mini")
