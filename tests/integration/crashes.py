"""The parts of the crash matrix: cheap searches, ways to break what they need, and the conditions that hold after it."""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import psutil
import pytest
import yaml
from optuna.trial import TrialState

from analysis.pareto.front import front_of
from analysis.study.records import trials_table
from dite_search.config.search_config import SearchConfig
from dite_search.driver.trainable import STARTS_FILE
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.directory import checkpoint_location, load_config
from dite_search.study.reader import read_study
from dite_search.study.study import open_study
from dite_search.tracking.client import TRIAL_TAG, tracking_uri
from tests.child_processes import python_path
from tests.forked import ForkedProcess
from tests.integration.replaying_driver import INTERRUPT_VARIABLE, SECONDS_VARIABLE, replay
from tests.integration.replaying_runner import TABLE
from tests.ports import FEWER_PROCESSES, free_port, ray_ports
from tests.profiles import by_profile
from trainers.checkpoints.store import CheckpointStore

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 12
TRIALS, STARTUP_TRIALS = by_profile((3, 2), (10, 4))

Environment = Mapping[str, str]


def search_file(folder: Path, name: str, **changes: object) -> Path:
    """A file of a search with one trial at a time, whose suggestions follow from the study alone."""
    fields: dict[str, object] = {
        "name": name,
        "space": "tiny_128",
        "data": {"synthetic": {"train_images": 1, "val_images": 1}},
        "budget": ["mmacs <= 2.81"],
        "sampler": {"name": "cost_aware", "startup_trials": STARTUP_TRIALS},
        "trials": TRIALS,
        "max_concurrent": 1,
        "training": load_table(TABLE).config.to_dict()["training"],
        "directory": str(folder),
    }
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(fields | changes))
    return file


@contextmanager
def ray_head(log: Path) -> Iterator[tuple[psutil.Process, Environment]]:
    """A Ray node that outlives every driver, as a cluster does, and the variables by which drivers find it."""
    environment = os.environ | python_path(ROOT) | {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    port = free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}", "--num-cpus=2"]
    # The files of tests may lie in the memory of which Ray would take a third.
    command += ["--include-dashboard=false", "--object-store-memory=100000000", *FEWER_PROCESSES]
    with (
        log.open("w") as output,
        subprocess.Popen([*command, *ray_ports(head=True)], env=environment, cwd=ROOT, stdout=output, stderr=output) as head,
    ):
        for _ in range(600):
            if "Ray runtime started" in log.read_text():
                break
            assert head.poll() is None, log.read_text()
            time.sleep(0.1)
        yield psutil.Process(head.pid), environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
        # Its own processes only: "ray stop" would end every Ray of the machine.
        head.terminate()
        head.wait(timeout=60)


@contextmanager
def driver_of(file: Path, environment: Environment) -> Iterator[ForkedProcess]:
    """A driver that begins the search of a file, or goes on with it; killed where a test ends before it."""
    driver = ForkedProcess(replay, str(file), environment=environment, output=file.with_suffix(".log"))
    try:
        yield driver
    finally:
        driver.kill()


def said(file: Path) -> str:
    """The last words of the drivers of a search."""
    return file.with_suffix(".log").read_text()[-3000:]


def drive(file: Path, environment: Environment, *, seconds: float | None = None) -> bool:
    """Let a driver run, to its end or until it is killed; whether it came to its end."""
    with driver_of(file, environment) as driver:
        try:
            code = driver.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
    # One that is killed after its last write leaves nothing to go on with.
    assert code == 0 or f"must have trials left to go on with, but all {TRIALS} have ended" in said(file), said(file)
    return True


def drive_until_interrupted(file: Path, environment: Environment, moment: str, epoch: int) -> bool:
    """Let a driver run until its trial interrupts it at a moment of an epoch; whether it left trials to go on with."""
    with driver_of(file, dict(environment) | {INTERRUPT_VARIABLE: f"{moment} {epoch}"}) as driver:
        code = driver.wait(timeout=600)
    assert code == 0, said(file)
    return read_study(config_of(file)).spent < TRIALS


def drive_while_breaking(
    file: Path,
    config: SearchConfig,
    environment: Environment,
    breaks: Callable[[], bool],
    *,
    chance: random.Random,
    most: int,
) -> int:
    """Let a search run to its end by itself while ``breaks`` is called, at random moments; how often it broke something."""
    broken = 0
    with driver_of(file, dict(environment) | {SECONDS_VARIABLE: "0.1"}) as driver:
        while not list(config.study_directory.glob("trials/*/last.pt")):
            assert driver.poll() is None, said(file)
            time.sleep(0.05)
        while driver.poll() is None and broken < most:
            time.sleep(chance.uniform(0.2, 4.0))
            if driver.poll() is None:
                broken += breaks()
        code = driver.wait(timeout=600)
    assert code == 0, said(file)
    return broken


def kill_worker(head: psutil.Process) -> bool:
    """SIGKILL to the process in which a trial runs now; whether there was one."""
    for process in head.children(recursive=True):
        try:
            if process.cmdline()[0].startswith("ray::ImplicitFunc.train"):
                process.kill()
                return True
        except (psutil.NoSuchProcess, IndexError):
            continue
    return False


class SmallDisk:
    """A small file system in memory that can be full for a while."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def be_full(self, over: threading.Event) -> None:
        """Have no byte left until it is over: what others free is taken as well."""
        with self._ballast.open("wb", buffering=0) as ballast:
            while not over.is_set():
                for size in (2**20, 2**12, 1):
                    _write_all(ballast, bytes(size))
                over.wait(0.02)
        self._ballast.unlink()

    def free(self) -> int:
        """The bytes that are left."""
        return shutil.disk_usage(self.folder).free

    @contextmanager
    def full(self) -> Iterator[None]:
        """A block in which there is no room."""
        over = threading.Event()
        filling = threading.Thread(target=self.be_full, args=(over,))
        filling.start()
        try:
            while self.free() and filling.is_alive():
                time.sleep(0.01)
            yield
        finally:
            over.set()
            filling.join()


def _write_all(file: Any, piece: bytes) -> None:
    while True:
        try:
            file.write(piece)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return


@contextmanager
def small_disk(folder: Path, *, size: str = "192m") -> Iterator[SmallDisk]:
    """A file system of this size; skips the test where none may be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Processes of Ray's may still look at it for a moment.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def outcome(config: SearchConfig) -> list[tuple[object, ...]]:
    """Return the result of a search, without times and numbers of processes."""
    return [
        (
            trial.number,
            trial.status,
            trial.arch.arch_id,
            [(e["epoch"], e["ap_gt"]) for e in trial.curve],
            trial.epochs_before,
        )
        for trial in read_study(config).trials
    ]


def children_of(config: SearchConfig) -> tuple[mlflow.MlflowClient, Any, list[Any]]:
    """MLflow's client, the run of a search, and those of its trials."""
    client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
    experiment = client.get_experiment_by_name("dite-search")
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    mine = [run for run in runs if run.data.tags.get("mlflow.parentRunId") in {r.info.run_id for r in runs}]
    parents = [run for run in runs if run not in mine and run.info.run_name == config.name]
    (parent,) = parents
    return client, parent, [run for run in mine if run.data.tags["mlflow.parentRunId"] == parent.info.run_id]


def check_curves(config: SearchConfig) -> None:
    """Study, checkpoints, table of trials and MLflow tell the same curve of every trial, however the search has ended."""
    records = read_study(config).trials
    client, _, children = children_of(config)
    by_number = {int(child.data.tags[TRIAL_TAG]): child for child in children}
    table = trials_table(records).set_index("trial")
    for record in records:
        assert record.status != "running"
        checkpoint = CheckpointStore(checkpoint_location(config, record.number)).load()
        assert list(record.curve) == (checkpoint.curve if checkpoint else [])
        assert table.loc[record.number, "epochs"] == len(record.curve)
        child, curve = by_number[record.number], [(metrics["epoch"], metrics["ap_gt"]) for metrics in record.curve]
        told = client.get_metric_history(child.info.run_id, "ap_gt")
        assert [(point.step, point.value) for point in told] == curve
        if record.status == "complete":
            assert curve[-1] == (EPOCHS, record.values["ap_gt"])
            assert child.data.metrics["ap_gt"] == record.values["ap_gt"] == table.loc[record.number, "ap_gt"]


def check_records(config: SearchConfig, last_words: str = "") -> None:
    """Study, records, MLflow and what Ray's trials left agree, and nothing is open or there twice."""
    study, records = open_study(config), read_study(config).trials
    assert len(study.trials) == len(records)
    assert {trial.state for trial in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    ends = [(record.number, str(record.status), len(record.curve), record.reason) for record in records]
    assert len([end for end in ends if end[1] in ("complete", "stopped")]) == TRIALS, (ends, last_words)
    fresh = [record.arch.arch_id for record in records if not record.epochs_before]
    assert len(fresh) == len(set(fresh))
    table = load_table(TABLE)
    for record in records:
        recorded = [metrics["ap_gt"] for metrics in table.curve(record.arch.arch_id, 0)]
        assert [metrics["ap_gt"] for metrics in record.curve] == recorded[: len(record.curve)]
        assert (record.status == "complete") == (len(record.curve) == EPOCHS)
    begun = {int(file.parent.name) for file in config.study_directory.glob(f"trials/*/{STARTS_FILE}")}
    trained = {record.number for record in records if record.curve}
    assert trained <= begun <= {record.number for record in records}, "Ray began each trial of the study, and no other"
    _, parent, children = children_of(config)
    assert parent.info.status == "FINISHED"
    assert len(children) == len(records)
    by_number = {int(child.data.tags[TRIAL_TAG]): child for child in children}
    for record in records:
        child = by_number[record.number]
        assert record.mlflow_run_id == child.info.run_id
        assert child.info.status != "RUNNING"
    check_curves(config)


def check_same(config: SearchConfig, expected: SearchConfig) -> None:
    """A search has everything, once, and found what one that was left in peace did."""
    check_records(config)
    assert outcome(config) == outcome(expected)
    front, same = front_of(read_study(config)), front_of(read_study(expected))
    assert [trial.values for trial in front] == [trial.values for trial in same]


def config_of(file: Path) -> SearchConfig:
    """The search of a file, as its study has it."""
    fields = yaml.safe_load(file.read_text())
    return load_config(Path(fields["directory"]) / fields["name"])
