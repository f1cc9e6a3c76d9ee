"""The open ports of a search on one machine: none from outside it, however many processes a training has."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dite_search.study.reader import read_study
from search_spaces.common.files import write_mapping
from tests.conftest import ROOT

pytestmark = pytest.mark.xdist_group("ray")
SECONDS = 300
EPOCHS = 4
OURS = ("RAY_ADDRESS", "RAY_AUTH_MODE")
"""Variables of the tests' own environment that a user's may not have."""


def is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def listening(process: psutil.Process) -> dict[str, set[str]]:
    """The addresses on which a process and all below it take connections or datagrams, by the names of the processes."""
    found: dict[str, set[str]] = {}
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            for socket in one.net_connections("inet"):
                if socket.status == psutil.CONN_LISTEN or (socket.status == psutil.CONN_NONE and socket.laddr):
                    found.setdefault(one.name(), set()).add(socket.laddr.ip)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("resources", [pytest.param({}, marks=pytest.mark.nightly), {"workers": 2}])
def test_a_search_listens_on_loopback_only(make_search, tmp_path, resources):
    changes = {"trials": 1, "training": {"epochs": EPOCHS, "batch_size": 16, "warmup_iterations": 2}, "resources": resources}
    config = make_search(**changes)
    file = tmp_path / "search.yaml"
    write_mapping(file, config.to_dict())
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    log = tmp_path / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-m", "dite_search", "search", str(file)],
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=output,
        ) as search,
    ):
        tree = psutil.Process(search.pid)
        began = tree.children(recursive=True)
        try:
            until = time.monotonic() + SECONDS
            while not list(config.study_directory.glob("trials/*/last.pt")):
                assert search.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            began = tree.children(recursive=True)
            found = listening(tree)
            commands = [" ".join(one.cmdline()) for one in began]
            trials = [one for one in began if one.name().startswith("ray::ImplicitFu")]
            libraries = {Path(mapped.path) for one in trials for mapped in one.memory_maps()}
            tokens = {one.environ().get("RAY_AUTH_MODE") for one in began if one.name() in ("gcs_server", "raylet")}
            assert search.wait(SECONDS) == 0, log.read_text()
        finally:
            for process in (tree, *began):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
    assert {"gcs_server", "raylet"} <= found.keys()
    assert {name: ips for name, ips in found.items() if not all(map(is_loopback, ips))} == {}
    assert ("ray::RayTrainWorker" in {name.partition(".")[0] for name in found}) == bool(resources)
    assert not [command for command in commands if "log_monitor.py" in command or "/monitor.py" in command]
    # A trial trains, and what suggests networks would take its process seconds to import.
    packages = {package for package in ("torch", "sklearn") if any(package in library.parts for library in libraries)}
    assert packages == {"torch"}
    # Other users of this machine reach loopback as well.
    assert tokens == {"token"}
    (trial,) = read_study(config).trials
    assert (trial.status, trial.reason) == ("complete", "")
    assert [epoch["epoch"] for epoch in trial.curve] == list(range(1, EPOCHS + 1))
    assert "ap_gt" in trial.values
