"""Addresses of runs, as a browser takes them."""

from __future__ import annotations

import pytest

from dite_search.study.attributes import MLFLOW_RUN
from dite_search.tracking.address import MLFLOW_EXPERIMENT, noted_address, run_address, trial_page


@pytest.mark.parametrize(
    ("uri", "page"),
    [
        ("sqlite:////studies/mlflow.db", "http://127.0.0.1:5000"),
        ("postgresql://me:secret@host/runs", "http://127.0.0.1:5000"),
        ("http://host:5000/", "http://host:5000"),
        ("https://me:secret@host/base?token=t0p", "https://host/base"),
    ],
)
def test_a_run_has_an_address_without_a_password(uri: str, page: str) -> None:
    address = f"{page}/#/experiments/7/runs/abc?workflowType=machine_learning"
    assert run_address(uri, "7", "abc") == address
    assert trial_page(uri, "7").replace("{run}", "abc") == address
    assert noted_address(uri, {MLFLOW_RUN: "abc", MLFLOW_EXPERIMENT: "7"}) == address
    assert noted_address(uri, {MLFLOW_RUN: "abc"}) == page, "an earlier version noted no experiment"
