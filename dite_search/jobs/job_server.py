"""Jobs of a cluster over Ray Jobs: started, watched and stopped; and machines asked for before a search begins."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dite_search.config.search_config import SearchConfig
from dite_search.jobs.job_package import Package
from search_spaces.common.errors import InvalidInput
from search_spaces.common.retry import RetryPolicy

JOB_ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,149}"
ENDED_STATUSES = ("SUCCEEDED", "FAILED", "STOPPED")
CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 120.0
STOP_SECONDS = 60
"""From the signal that asks a search to end, to the one that ends it; Ray's own 3 seconds are too few to save everything."""
SECONDS_BETWEEN_LOOKS = 1.0
SUBMIT_RETRY = RetryPolicy(first_seconds=1.0, longest_seconds=1.0, total_seconds=60.0)
"""How a job is handed in again: a head that has just started takes jobs some seconds after it answers."""
_TALKATIVE_LOGGERS = (
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
    "ray._private.runtime_env.packaging",
)


def checked_address(address: str) -> str:
    """An address of a job server, without a slash at its end.

    Raises:
        InvalidInput: it is not http or https, has no host, or holds a user or a password.
    """
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    if not whole or "@" in address:
        shown = address if "@" not in address else "one with a user or password"
        raise InvalidInput(f"address must be http://HOST:PORT or https://HOST:PORT of the cluster's head, got {shown}")
    return address.rstrip("/")


class JobServer:
    """The jobs of one cluster, at the address of its head's dashboard.

    The token is Ray's own affair: RAY_AUTH_MODE=token with RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH.

    Raises:
        InvalidInput: everywhere: the address does not answer, the token is missing or wrong, the job does not exist.
    """

    def __init__(self, address: str) -> None:
        self.address = checked_address(address)
        _check_token_file(os.environ)
        with self._answering():
            self._client = _client(self.address)

    def submit(self, package: Package, *, pip: Mapping[str, Any] | None = None) -> str:
        """Send a search and start it; returns the job's ID, the study's name with a suffix."""
        job_id = f"{package.study}-{secrets.token_hex(3)}"
        environment: dict[str, Any] = {
            "working_dir": str(package.folder),
            "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)},
        } | ({"pip": dict(pip)} if pip else {})
        with self._answering():
            SUBMIT_RETRY.call(
                lambda: self._client.submit_job(
                    entrypoint=package.entrypoint,
                    submission_id=job_id,
                    runtime_env=environment,
                    metadata={"study": package.study},
                ),
                is_passing=lambda error: isinstance(error, RuntimeError) and "No available agent" in str(error),
            )
        return job_id

    def status(self, job_id: str) -> dict[str, Any]:
        """Return the state of a job: status, study, seconds since the start and, of a failure, Ray's reason."""
        with self._answering(job_id):
            return _summary(self._client.get_job_info(_checked_id(job_id)))

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs that the cluster remembers, the latest first."""
        with self._answering():
            found = [job for job in self._client.list_jobs() if job.submission_id]
        return [_summary(job) for job in sorted(found, key=lambda job: job.start_time or 0, reverse=True)]

    def logs(self, job_id: str) -> str:
        """Return the text that a job has printed so far."""
        self.status(job_id)
        with self._answering(job_id):
            return str(self._client.get_job_logs(job_id))

    def follow(self, job_id: str, write: Callable[[str], Any]) -> dict[str, Any]:
        """Pass on what a job prints until it ends; returns its status."""
        self.status(job_id)

        passed = ""

        async def tail() -> None:
            nonlocal passed
            async for lines in self._client.tail_job_logs(job_id):
                write(lines)
                passed += lines

        with self._answering(job_id):
            asyncio.run(tail())
        status = self.wait(job_id, seconds=10)
        # Ray ends the stream when the job ends, and the last lines may not have been in it yet.
        whole = self.logs(job_id)
        if whole.startswith(passed):
            write(whole[len(passed) :])
        return status

    def stop(self, job_id: str) -> dict[str, Any]:
        """End a job, and return its status once it has ended; a search has a minute to save what it has."""
        self.status(job_id)
        with self._answering(job_id):
            self._client.stop_job(job_id)
        return self.wait(job_id, seconds=STOP_SECONDS + 15)

    def wait(self, job_id: str, *, seconds: float) -> dict[str, Any]:
        """The status of a job once it has ended, or after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            status = self.status(job_id)
            if status["status"] in ENDED_STATUSES or time.monotonic() >= end:
                return status
            time.sleep(SECONDS_BETWEEN_LOOKS)

    @contextmanager
    def _answering(self, job_id: str | None = None) -> Iterator[None]:
        """Turn what Ray's client raises into one sentence."""
        import aiohttp
        import requests
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            what = "asks for a token" if "required" in error.message else "refuses the token"
            raise InvalidInput(
                f"{self.address} {what}: RAY_AUTH_MODE must be token, and RAY_AUTH_TOKEN or the file RAY_AUTH_TOKEN_PATH"
                " must hold the cluster's token"
            ) from None
        except (ConnectionError, requests.RequestException, aiohttp.ClientError) as error:
            late = isinstance(error, requests.Timeout)
            reason = "no answer in time" if late else "no Ray head with its dashboard answers there"
            raise InvalidInput(f"{self.address} cannot be reached: {reason}") from None
        except RuntimeError as error:
            raise InvalidInput(self._problem(str(error), job_id)) from None

    def _problem(self, message: str, job_id: str | None) -> str:
        if "does not exist" in message and job_id:
            return f"job {job_id!r} does not exist at {self.address}: dite-search job status lists those there are"
        if "returned 404" in message:
            return f"{self.address} has no job server: the head's environment needs ray[default]"
        return f"{self.address} did not take the request: {message.strip().splitlines()[0][:300]}"


def _checked_id(job_id: str) -> str:
    if not re.fullmatch(JOB_ID_PATTERN, job_id):
        raise InvalidInput(f"job must be an ID of letters, digits, '.', '_' and '-', got {job_id!r}")
    return job_id


def _check_token_file(environment: Mapping[str, str]) -> None:
    """See that the token's file can be read: Ray ends the process where it cannot."""
    path = environment.get("RAY_AUTH_TOKEN_PATH")
    if environment.get("RAY_AUTH_MODE", "").lower() != "token" or environment.get("RAY_AUTH_TOKEN") or not path:
        return
    try:
        empty = not Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(f"RAY_AUTH_TOKEN_PATH must be a file that holds the token, got {path}") from None
    if empty:
        raise InvalidInput(f"RAY_AUTH_TOKEN_PATH must be a file that holds the token, but {path} is empty")


def _client(address: str) -> Any:
    """Ray's client for exactly this address, which gives up on an address that does not answer."""
    from ray.job_submission import JobSubmissionClient

    for name in _TALKATIVE_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)

    class Client(JobSubmissionClient):
        """Asks with a time limit; Ray's own waits for ever."""

        def _do_request(self, *arguments: Any, **named: Any) -> Any:
            return super()._do_request(*arguments, **{"timeout": (CONNECT_SECONDS, ANSWER_SECONDS)} | named)

    # Ray lets these variables win over an address that was given.
    kept = {name: os.environ.pop(name) for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS") if name in os.environ}
    try:
        return Client(address)
    finally:
        os.environ.update(kept)


def _summary(job: Any) -> dict[str, Any]:
    end = job.end_time or time.time() * 1000
    summary: dict[str, Any] = {
        "job": job.submission_id,
        "status": str(job.status.value),
        "study": (job.metadata or {}).get("study", ""),
        "seconds": round((end - job.start_time) / 1000) if job.start_time else 0,
    }
    if summary["status"] == "FAILED":
        # What follows is the end of the log, which job logs shows.
        summary["reason"] = (job.message or "").strip().partition("\n")[0].partition(", last available logs")[0]
    return summary


def reserve(config: SearchConfig, *, trials: int, seconds: float) -> int:
    """Have an autoscaling cluster start the machines for so many trials at once; returns how many fit in the end.

    A search counts the machines that are there when it starts. What is asked for here is given back at once, and stays up
    as long as the autoscaler keeps idle machines.

    Raises:
        InvalidInput: after ``seconds`` not even one trial fits.
    """
    from ray.util import placement_group, remove_placement_group

    from dite_search.driver.ray_session import start_ray

    start_ray()
    wanted = config.resources
    bundle = {"CPU": float(wanted.cpus_per_worker), "GPU": wanted.gpus_per_worker}
    bundles = [{name: amount for name, amount in bundle.items() if amount}] * wanted.workers
    groups = [placement_group(bundles) for _ in range(trials)]
    end = time.monotonic() + seconds
    fitting = sum(bool(group.wait(max(0.1, end - time.monotonic()))) for group in groups)
    for group in groups:
        remove_placement_group(group)
    if fitting == 0:
        raise InvalidInput(
            f"the cluster must hold one trial of {config.resources.workers} x {bundles[0]},"
            f" but did not within {seconds:g} seconds"
        )
    return fitting
