"""Budgets of a search under real Ray: epochs are kept to, GPUs that are only counted cost GPU hours, and more is added."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import ray
from rich.console import Console

from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.doctor import preflight
from dite_search.driver.run_search import resume_search, run_search
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.spending.ledger import read_ledger
from dite_search.spending.state import Extension
from dite_search.study.directory import load_config
from tests.dite_search.commands import refused
from tests.integration.replaying_runner import TABLE, ReplayingRunner

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.filterwarnings("ignore")]


def search_in(directory: Path, **changes: object) -> SearchConfig:
    fields = {
        "name": "spending",
        "space": TABLE,
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "training": load_table(TABLE).config.to_dict()["training"],
        "directory": str(directory),
        "max_concurrent": 2,
    }
    return parse_search(fields | changes, "search.yaml")


@pytest.fixture(autouse=True)
def recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials report recorded curves."""
    monkeypatch.setattr("dite_search.driver.run_search.TrialRunner", ReplayingRunner)


def test_epochs_are_kept_to_and_more_are_added(tmp_path: Path) -> None:
    config = search_in(tmp_path, spend={"epochs": 15})
    study = run_search(config, Console(file=io.StringIO()))
    assert 13 <= study.epochs_trained <= 15
    assert read_ledger(config.study_directory).ended == {"epochs": 15.0}
    sentence = refused("resume", config.study_directory)
    assert "must have budget left to go on with, but spend.epochs is spent" in sentence
    assert "--epochs N" in sentence
    more = resume_search(config, Console(file=io.StringIO()), more=Extension(epochs=6))
    assert study.epochs_trained < more.epochs_trained <= 21
    assert load_config(config.study_directory).spend.epochs == 21


def test_gpus_that_a_trial_holds_cost_gpu_hours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray.shutdown()
    ray.init(address="local", num_cpus=2, num_gpus=4, log_to_driver=False, include_dashboard=False)
    # Nobody has these GPUs, and a search that needs some refuses to start without.
    monkeypatch.setattr(preflight, "gpus_seen", lambda: {"gpus": 4})
    try:
        config = search_in(tmp_path, spend={"gpu_hours": 12 / 3600}, resources={"gpus_per_worker": 2})
        run_search(config, Console(file=io.StringIO()))
    finally:
        ray.shutdown()
    ledger = read_ledger(config.study_directory)
    assert ledger.ended == {"gpu_hours": 12.0}
    # Recorded epochs tell longer times than they take here, so that what is left soon pays for none.
    assert 0.0 < ledger.gpu_seconds <= min(12.0, 4 * ledger.seconds)
