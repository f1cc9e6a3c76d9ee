"""Versions, packages, GPUs and clocks of the nodes, and addresses where no cluster is."""

from __future__ import annotations

import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from dite_search.doctor import cluster
from dite_search.doctor.cluster import Reading, clock_finding, connection_finding, gpu_finding, package_finding
from dite_search.doctor.findings import FAILED, OK, WARNING
from tests.dite_search.servers import silent_server
from tests.ports import free_port


@pytest.mark.slow
def test_an_address_without_a_cluster(monkeypatch):
    port = free_port()
    found = cluster.address_finding(f"127.0.0.1:{port}")
    assert found.status == FAILED
    assert found.sentence == f"RAY_ADDRESS 127.0.0.1:{port} cannot be reached: connection refused"
    assert "ray start --head" in found.remedy
    assert "its port must be a number from 1 to 65535, got 'x'" in cluster.address_finding("127.0.0.1:x").sentence
    assert "no machine has the name no.such.host.invalid" in cluster.address_finding("no.such.host.invalid:6379").sentence
    assert cluster.address_finding(None).status == OK

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 5.0)
    with silent_server() as silent:
        began = time.monotonic()
        found = cluster.address_finding(f"127.0.0.1:{silent}")
    assert time.monotonic() - began < 10
    assert found.status == FAILED
    assert "takes connections, but did not answer as a Ray cluster within 5 s" in found.sentence


OURS = ("2.60.0", "3.11.7")


def test_versions_of_nodes():
    same = cluster.version_finding({"a": OURS, "b": OURS}, ours=OURS)
    assert (same.status, same.sentence) == (OK, "Ray 2.60.0 and Python 3.11.7 on every node")
    older = cluster.version_finding({"a": OURS, "b": ("2.59.0", "3.11.7")}, ours=OURS)
    assert older.status == FAILED
    assert "b runs Ray 2.59.0 and Python 3.11.7, and we Ray 2.60.0 and Python 3.11.7" in older.sentence
    assert older.remedy == "pip install 'ray[train,tune]==2.59.0' here, or 2.60.0 there"
    python = cluster.version_finding({"b": ("2.60.0", "3.12.1")}, ours=OURS)
    assert (python.status, python.remedy) == (FAILED, "python3.12 -m venv here, or Python 3.11 there")
    patch = cluster.version_finding({"a": OURS, "b": ("2.60.0", "3.11.9")}, ours=OURS)
    assert (patch.status, patch.sentence) == (WARNING, "Python is 3.11.7 here and 3.11.9 on b")


def test_what_an_attempt_to_connect_says(monkeypatch):
    assert connection_finding("h:1", {}, "").status == OK
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    log = "Failed to get cluster ID from GCS server: Unauthenticated: RPC error: InvalidAuthToken"
    for outcome in (None, {"kind": "ConnectionError", "text": "Failed to connect"}):
        found = connection_finding("h:1", outcome, log)
        assert found.status == FAILED
        assert found.sentence == (
            "the cluster at h:1 refuses the token: it is missing or another one (RAY_AUTH_MODE is not set)"
        )
        assert found.remedy.startswith("export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=")
    mismatch = "Version mismatch: The cluster was started with:\n    Ray: 1.0.0\n    Python: 3.7.1\nThis process"
    found = connection_finding("h:1", {"kind": "RuntimeError", "text": mismatch}, "")
    assert "the cluster at h:1 runs Ray 1.0.0 and Python 3.7.1, and we Ray" in found.sentence
    assert "pip install 'ray[train,tune]==1.0.0' here" in found.remedy
    other = connection_finding("h:1", {"kind": "ValueError", "text": "\n strange \nmore"}, "")
    assert (other.status, other.sentence) == (FAILED, "RAY_ADDRESS h:1 cannot be used: strange")


def test_packages_of_nodes():
    ours = {"dite-search": "0.1.0", "ray": "2.60.0", "torch": "2.13.0"}
    assert package_finding({"a": ours}, ours=ours).status == OK
    other = package_finding({"a": ours, "b": ours | {"torch": "2.14.0"}}, ours=ours)
    assert (other.status, other.sentence) == (WARNING, "torch is 2.13.0 here and 2.14.0 on b")
    assert other.remedy == "pip install torch==2.13.0 on b"
    missing = package_finding({"b": ours | {"torch": ""}}, ours=ours)
    assert (missing.status, missing.sentence) == (FAILED, "torch is 2.13.0 here and not installed on b")


def test_gpus_that_torch_does_not_see():
    assert gpu_finding({"a": 2.0}, {"a": {"gpus": 2, "cuda": "13.0"}}, needed=True).status == OK
    found = gpu_finding({"a": 1.0}, {"a": {"gpus": 0, "cuda": None}}, needed=True)
    assert (found.status, found.sentence) == (
        FAILED,
        "Ray counts 1 GPU on a, but torch sees 0: it is a build without CUDA",
    )
    assert gpu_finding({"a": 1.0}, {"a": {"gpus": 0, "cuda": "13.0"}}, needed=False).status == WARNING
    assert "nvidia-smi" in found.remedy


def test_clocks():
    fine = [Reading(label="a", offset=0.5, uncertainty=0.1), Reading(label="b", offset=-6.0, uncertainty=2.0)]
    assert clock_finding(fine).status == OK
    late = clock_finding([*fine, Reading(label="c", offset=-9.0, uncertainty=0.1)])
    assert (late.status, late.sentence) == (WARNING, "the clock of c is 9.0 s behind ours (at most 5 s)")
    assert late.remedy == "timedatectl set-ntp true on c and here"


@given(st.floats(-1e5, 1e5), st.floats(0, 100), st.floats(0, 1))
def test_the_round_trip_is_the_error_of_a_clock(offset, trip, part):
    sent = 1000.0
    found = cluster.reading("a", sent + part * trip + offset, sent=sent, received=sent + trip)
    assert abs(found.offset - offset) <= found.uncertainty + 1e-6
