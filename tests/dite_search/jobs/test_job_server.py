"""Jobs of a cluster: a real head with its job server and a token, on loopback, for this module."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest
import yaml

from dite_search.jobs.job_server import JobServer, checked_address
from search_spaces.common.errors import InvalidInput
from tests.child_processes import RAY
from tests.dite_search.commands import refused, run
from tests.ports import free_port

pytestmark = pytest.mark.xdist_group("cluster")
TOKEN = "a-token-of-this-test-0123456789abcdef"
SECRET = "s3cret-of-the-database"
needs_server = pytest.mark.skipif(
    find_spec("opencensus") is None or find_spec("aiohttp_cors") is None, reason="ray[default] is not installed"
)


def end_all(process):
    """End a process and everything that descends from it."""
    family = [process, *process.children(recursive=True)]
    process.terminate()
    psutil.wait_procs(family, timeout=10)
    for each in family:
        if each.is_running():
            each.kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, f"still there: {alive}"


class Head:
    """A Ray head, and commands of users who know its token."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        token = folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DITE_SEARCH_"))}
        self.environment = kept | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            "OMP_NUM_THREADS": "1",
            **RAY,
        }
        self.dashboard = free_port()
        self.address = f"http://127.0.0.1:{self.dashboard}"
        words = ["--head", "--block", "--node-ip-address=127.0.0.1", f"--port={self.port}", "--include-dashboard=true"]
        words += ["--dashboard-host=127.0.0.1", f"--dashboard-port={self.dashboard}", f"--temp-dir={folder}", "--num-cpus=2"]
        # Where another Ray of this machine has a port by default, the job server would silently stay away.
        agents = ("dashboard-agent-listen-port", "dashboard-agent-grpc-port", "ray-client-server-port")
        words += [f"--{name}={free_port()}" for name in agents]
        self._commands = None
        self.log = (folder / "head.log").open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", *words, "--object-store-memory=100000000"],
            env=self.environment | {"STUDY_URL": f"postgresql+psycopg2://me:{SECRET}@127.0.0.1:1/studies"},
            stdout=self.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def wait(self):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            assert self._process.poll() is None, (self.folder / "head.log").read_text()
            try:
                if self.get("/api/version"):
                    return
            except OSError:
                time.sleep(0.5)
        raise AssertionError("the head did not answer within 120 seconds\n" + (self.folder / "head.log").read_text())

    def get(self, path):
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def run(self, *words, **variables):
        """A command of a user who knows the token, or of one with other variables.

        Ray reads its variables once. The first go to a process that has loaded everything, the others to one of their own.
        """
        if not variables:
            return self._started().submit(finished, words).result()
        environment = {name: value for name, value in (self.environment | variables).items() if value is not None}
        return subprocess.run(
            [sys.executable, "-m", "dite_search", *map(str, words)], env=environment, capture_output=True, text=True
        )

    def _started(self):
        if self._commands is None:
            self._commands = ProcessPoolExecutor(1, get_context("spawn"))
            with pytest.MonkeyPatch.context() as patch:
                for name in os.environ.keys() - self.environment.keys():
                    patch.delenv(name)
                for name, value in self.environment.items():
                    patch.setenv(name, value)
                self._commands.submit(os.getpid).result()
        return self._commands

    def result(self, *words):
        done = self.run(*words, "--address", self.address, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, *words, **variables):
        done = self.run(*words, **variables)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stderr.strip().splitlines()[-1]

    def end(self):
        if self._commands:
            self._commands.shutdown()
        end_all(psutil.Process(self._process.pid))
        self._process.wait(10)
        self.log.close()


def finished(words):
    """A command in this process, as a process that has ended."""
    result = run(*words)
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def head():
    folder = Path(tempfile.mkdtemp(prefix="dite-head-", dir="/tmp"))
    started = Head(folder)
    try:
        started.wait()
        yield started
    finally:
        started.end()
        shutil.rmtree(folder)


@pytest.fixture
def search(tmp_path):
    def write(**changes):
        fields = {
            "name": "small",
            "space": "tiny",
            "data": {"synthetic": {"train_images": 24, "val_images": 8}},
            "trials": 1,
            "training": {"epochs": 1, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1},
            "directory": str(tmp_path / "runs"),
        }
        file = tmp_path / f"{changes.get('name', 'small')}.yaml"
        file.write_text(yaml.safe_dump(fields | changes))
        return file

    return write


@pytest.mark.slow
@needs_server
def test_a_search_runs_on_the_cluster_to_its_end(head, search, tmp_path):
    # Ray's own client would let RAY_ADDRESS win over the address that was given.
    done = head.run(
        *("submit", search(), "--address", head.address, "--at-once", 2, "--follow", "--json"), RAY_ADDRESS="127.0.0.1:1"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == "SUCCEEDED"
    assert result["job"].startswith("small-")
    assert "trials_at_once  2" in done.stderr
    assert "No network has learned anything" in done.stderr
    assert (tmp_path / "runs" / "small" / "report" / "report.html").is_file()
    assert head.result("job", "status", result["job"]) == {
        name: result[name] for name in ("job", "status", "study", "seconds")
    }
    logs = head.run("job", "logs", result["job"], "--address", head.address, "--no-follow")
    assert "No network has learned anything" in logs.stdout


@pytest.mark.slow
@needs_server
def test_jobs_are_listed_and_stopped(head, search):
    job = head.result("submit", search(name="long", trials=100_000), "--no-follow")["job"]
    stopped = head.result("job", "stop", job)
    assert (stopped["job"], stopped["status"], stopped["study"]) == (job, "STOPPED", "long")
    listed = head.result("job", "status")["jobs"]
    assert {each["job"]: each["status"] for each in listed}[job] == "STOPPED"
    assert f"  {job}" in head.run("job", "status", "--address", head.address).stdout


@pytest.mark.slow
@needs_server
def test_a_password_is_seen_nowhere(head, search):
    """The head's environment has it; the file names the variable. A job that fails fails the command that follows it."""
    followed = head.run("submit", search(name="secret", study_url="${STUDY_URL}"), "--address", head.address, "--follow")
    assert "study_url postgresql+psycopg2://***@127.0.0.1:1/studies cannot be used" in followed.stdout.replace("\n", "")
    assert "FAILED" in followed.stdout
    (job,) = (each["job"] for each in head.result("job", "status")["jobs"] if each["study"] == "secret")
    for code in (followed.returncode, head.run("job", "logs", job, "--address", head.address, "--follow").returncode):
        assert code == 1
    shown = followed.stdout + followed.stderr + head.get("/api/jobs/") + head.get(f"/api/jobs/{job}/logs")
    assert f"secret.yaml --address {head.address}" not in shown
    assert SECRET not in shown
    assert TOKEN not in shown
    assert job in shown


@pytest.mark.slow
@needs_server
def test_tokens_and_jobs_that_are_wrong(head):
    words = ("job", "status", "--address", head.address)
    assert "refuses the token: RAY_AUTH_MODE must be token" in head.refused(*words, RAY_AUTH_TOKEN="wrong")
    unknown = {"RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN_PATH": None}
    assert "asks for a token: RAY_AUTH_MODE must be token" in head.refused(*words, **unknown)
    for command in ("status", "logs", "stop"):
        message = head.refused("job", command, "nobody-000000", "--address", head.address)
        assert f"job 'nobody-000000' does not exist at {head.address}" in message
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{head.address}/api/jobs/", timeout=10)


@pytest.mark.slow
@needs_server
def test_machines_that_do_not_come(head, search):
    file = search(name="large", resources={"cpus_per_worker": 64}, training={"batch_size": 128})
    message = head.refused(*("job", "reserve", file, "--trials", 1, "--wait", 2), RAY_ADDRESS=f"127.0.0.1:{head.port}")
    assert "the cluster must hold one trial of 1 x {'CPU': 64.0}, but did not within 2 seconds" in message


def test_an_address_that_does_not_answer(search):
    address = f"http://127.0.0.1:{free_port()}"
    message = refused("job", "status", "--address", address)
    assert message == f"Error: {address} cannot be reached: no Ray head with its dashboard answers there"
    assert "cannot be reached" in refused("submit", search(), "--address", address)


def test_a_file_that_does_not_exist(tmp_path):
    assert "none.yaml does not exist" in refused("submit", tmp_path / "none.yaml")


@pytest.mark.parametrize("address", ["head:8265", "ray://head:10001", "os://x", "http://", "http://head:x", ""])
def test_addresses_that_are_refused(address):
    with pytest.raises(InvalidInput, match="address must be http://HOST:PORT or https://HOST:PORT"):
        checked_address(address)


def test_an_address_is_not_shown_with_its_password():
    with pytest.raises(InvalidInput, match="got one with a user or password"):
        checked_address("http://me:hunter2@head:8265")
    assert checked_address("https://head:8265/") == "https://head:8265"


@pytest.mark.slow
def test_a_token_file_that_cannot_be_read(tmp_path, monkeypatch):
    """Ray would end the whole process."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(InvalidInput, match="RAY_AUTH_TOKEN_PATH must be a file that holds the token, got"):
        JobServer("http://127.0.0.1:1")
    (tmp_path / "none").write_text(" \n")
    with pytest.raises(InvalidInput, match="none is empty"):
        JobServer("http://127.0.0.1:1")
