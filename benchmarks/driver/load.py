"""The load of a real search on its driver: processor time and memory while trials report, and whether it grows with them.

Run: ``python -m benchmarks.driver.load``. A Ray head is started that counts more cores than the machine has, so that many
tiny networks train side by side. They are real, and so are Ray, the study and MLflow. Only the driver's own process is
measured, because the duration of the search says nothing on a machine with fewer cores than trials. A trial's process holds
about 0.35 GiB of its own, so that 64 want 23 GiB, and swap space must have room for the rest. Ray is told not to end
processes when memory runs short, and to be patient with those that start.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import yaml

from dite_search.study.directory import load_config
from dite_search.study.reader import read_study

MEBIBYTE = 2**20
PATIENT = {"RAY_memory_monitor_refresh_ms": "0", "RAY_worker_register_timeout_seconds": "600"}
ENDED = re.compile(r"trial \d+ complete")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """The driver's processor time in seconds and resident memory in bytes when so many trials had ended."""

    ended: int
    processor: float
    memory: int


@contextmanager
def head(cores: int, folder: Path) -> Iterator[dict[str, str]]:
    """A Ray head on loopback that counts ``cores`` cores; yields the environment of who may use it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = ["--head", "--block", "--node-ip-address=127.0.0.1", f"--port={port}", f"--num-cpus={cores}"]
    words += ["--include-dashboard=false", f"--temp-dir={folder}", "--object-store-memory=200000000"]
    # Another Ray of this machine may have the ports that processes and agents take by default.
    words += ["--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"]
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment = os.environ | PATIENT | token | {"OMP_NUM_THREADS": "1"}
    with (folder / "head.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", *words],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_for(port, process, folder / "head.log")
            yield environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
        finally:
            family = [process, *psutil.Process(process.pid).children(recursive=True)]
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            for each in family[1:]:
                if each.is_running():
                    each.send_signal(signal.SIGKILL)


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the head answers, a minute at most."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(5.0)  # The node joins a moment after its head answers.
                return
        time.sleep(0.5)
    raise RuntimeError(f"the Ray head does not answer: {log.read_text()[-500:]}")


def readings_of(driver: psutil.Process, output: IO[str], every: int) -> list[Reading]:
    """Follow a search: a reading at its first report of an end, and after every so many."""
    readings: list[Reading] = []
    ended = 0
    for line in output:
        if not ENDED.search(line):
            continue
        ended += 1
        if ended == 1 or ended % every == 0:
            times, memory = driver.cpu_times(), driver.memory_info().rss
            readings.append(Reading(ended=ended, processor=times.user + times.system, memory=memory))
    return readings


@dataclass(frozen=True, kw_only=True)
class Load:
    """The load of a search on its driver; ``complete`` trials of it were trained to their end."""

    complete: int
    seconds: float
    readings: list[Reading]


def measure(concurrent: int, trials: int, epochs: int, *, every: int) -> Load:
    """One search of so many trials, as many side by side as asked for."""
    # Ray's sockets need a short path.
    with tempfile.TemporaryDirectory(prefix="load-", dir="/tmp") as directory:
        folder = Path(directory)
        fields = {
            "name": "load",
            "space": "tiny",
            "data": {"synthetic": {"train_images": 24, "val_images": 8}},
            "trials": trials,
            "sampler": {"name": "random"},
            "scheduler": {"name": "none"},
            "training": {"epochs": epochs, "batch_size": 4, "warmup_iterations": 2, "validate_every": 1},
            "max_concurrent": concurrent,
            "directory": str(folder / "runs"),
        }
        file = folder / "load.yaml"
        file.write_text(yaml.safe_dump(fields))
        (folder / "ray").mkdir()
        with head(concurrent, folder / "ray") as environment:
            began = time.monotonic()
            command = [sys.executable, "-m", "dite_search", "search", str(file)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
                assert process.stdout is not None
                readings = readings_of(psutil.Process(process.pid), process.stdout, every)
            seconds = time.monotonic() - began
        study = read_study(load_config(folder / "runs" / "load"))
        complete = sum(trial.status == "complete" for trial in study.trials)
        return Load(complete=complete, seconds=seconds, readings=readings)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--concurrent", type=int, nargs="+", default=[16, 64], help="trials side by side")
    parser.add_argument("--trials", type=int, default=192, help="trials of each search")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of a trial, each validated and reported")
    parser.add_argument("--every", type=int, default=32, help="trials between two readings")
    arguments = parser.parse_args()
    for concurrent in arguments.concurrent:
        load = measure(concurrent, arguments.trials, arguments.epochs, every=arguments.every)
        print(
            f"{concurrent} trials side by side, {load.complete} of {arguments.trials} complete, {arguments.epochs} epochs"
            f" each, {load.seconds:.0f} s"
        )
        for before, after in itertools.pairwise(load.readings):
            spent = (after.processor - before.processor) / ((after.ended - before.ended) * arguments.epochs)
            print(
                f"  trials {before.ended:>4} to {after.ended:>4}: {1000 * spent:6.1f} ms of the driver's processor a report,"
                f" {after.memory / MEBIBYTE:6.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
