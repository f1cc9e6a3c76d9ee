"""Servers for tests on free ports of this machine: a real PostgreSQL, a real MLflow, and one that never answers."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.ports import free_port

USER, PASSWORD, DATABASE = "searcher", "s3cret-word", "studies"
START_SECONDS = 60
NEEDS_PROCESS_GROUPS = pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills a group of processes")
"""A mark of tests that start an `MlflowServer`, whose processes end as a group."""


def postgres_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: the newest that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    on_path = shutil.which("initdb")
    programs = found[-1].parent if found else Path(on_path).resolve().parent if on_path else None
    return programs if programs and (programs / "postgres").exists() else None


class Postgres:
    """A server that can be started, stopped, killed and started again; its data stay. Not durable: it never syncs."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self._initialise()

    def url(self, database: str = DATABASE, *, user: str = USER, password: str = PASSWORD, driver: str = "psycopg2") -> str:
        return f"postgresql+{driver}://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        assert self._process is None, "it runs"
        log = (self._folder / "log").open("ab")
        until = time.monotonic() + START_SECONDS
        while True:
            process = subprocess.Popen(
                [
                    str(self._programs / "postgres"),
                    *("-D", str(self._data), "-p", str(self.port), "-k", str(self._folder), "-h", "127.0.0.1"),
                    *("-c", "fsync=off", "-c", "full_page_writes=off"),
                ],
                **self._as_user(),
                stdout=log,
                stderr=log,
            )
            while process.poll() is None and not self._answers():
                assert time.monotonic() < until, (self._folder / "log").read_text()
                time.sleep(0.05)
            if process.poll() is None:
                break
            # Processes of a killed server take a moment to leave its memory.
            assert time.monotonic() < until, (self._folder / "log").read_text()
            time.sleep(0.2)
        log.close()
        self._process = process

    def stop(self) -> None:
        """End it as an administrator does: sessions are cut, and the data written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it as a failing machine does."""
        process = self._process
        assert process is not None, "it does not run"
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def sql(self, statement: str, *, database: str = DATABASE) -> str:
        """Run a statement as the owner; what ``psql`` prints of its rows."""
        done = subprocess.run(
            [str(self._programs / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, database],
            env=os.environ | self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def runs(self) -> bool:
        return self._process is not None

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _environment(self) -> dict[str, str]:
        return {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER, "PGPASSWORD": PASSWORD}

    def _as_user(self) -> dict[str, object]:
        return {"cwd": str(self._folder)} | ({"user": self._user, "group": self._user} if self._user else {})

    def _initialise(self) -> None:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        command = [str(self._programs / "initdb"), "-D", str(self._data), "-U", USER, "--auth=scram-sha-256", "-N"]
        subprocess.run([*command, f"--pwfile={secret}"], **self._as_user(), check=True, capture_output=True)
        secret.unlink()
        self.start()
        self.sql(f"CREATE DATABASE {DATABASE}", database="postgres")

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "-q", "-d", "postgres"]
        return subprocess.run(command, env=os.environ | self._environment, check=False).returncode == 0

    def _end(self, kind: signal.Signals) -> None:
        assert self._process is not None, "it does not run"
        self._process.send_signal(kind)
        self._process.wait(timeout=START_SECONDS)
        self._process = None


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server with an empty database; skips the test where PostgreSQL or its driver is not installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL (initdb, postgres) is not installed")
    pytest.importorskip("psycopg2", reason="psycopg2, the driver of PostgreSQL, is not installed")
    # Not in pytest's own folder, which only its user may enter.
    folder = Path(tempfile.mkdtemp(prefix="dite-search-postgres-"))
    server = None
    try:
        server = Postgres(programs, folder)
        yield server
    finally:
        if server is not None and server.runs:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield int(server.getsockname()[1])


class MlflowServer:
    """A tracking server in processes of its own, over a database that outlives them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._folder / 'server.db'}"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                # Without the seven processes for jobs that nothing asks of it.
                env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
                cwd=self._folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        raise AssertionError((self._folder / "server.log").read_text())

    def kill(self) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
