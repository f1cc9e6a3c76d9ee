"""Drivers that are killed at any moment: nothing that was measured is lost, and nothing runs twice.

Each search has one trial at a time and suggestions that follow from the study alone, so that however often it is killed and
gone on with, it ends as one that was left in peace.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
import yaml
from optuna.trial import TrialState

from analysis.pareto import front_of
from dite_search.recorded import load_table
from dite_search.study import load_config, open_study, read_study
from dite_search.tracking import TRIAL_TAG, tracking_uri
from tests.dite_search.servers import postgres
from tests.integration.replaying_driver import TABLE

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 12
TRIALS = 10


def search_file(directory, name, **changes):
    fields: dict[str, object] = {
        "name": name,
        "space": "tiny_128",
        "data": {"synthetic": {"train_images": 1, "val_images": 1}},
        "budget": ["mmacs <= 2.81"],
        "sampler": {"name": "cost_aware", "startup_trials": 4},
        "trials": TRIALS,
        "max_concurrent": 1,
        "training": load_table(TABLE).config.to_dict()["training"],
        "directory": str(directory),
    }
    file = directory / f"{name}.yaml"
    file.write_text(yaml.safe_dump(fields | changes))
    return file


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Ray node that outlives every driver, as a cluster does."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    port, log = 6391, tmp_path_factory.mktemp("ray") / "ray.log"
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--port={port}", "--num-cpus=2"]
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, "--include-dashboard=false"], env=environment, cwd=ROOT, stdout=output, stderr=output
        ) as head,
    ):
        for _ in range(600):
            if "Ray runtime started" in log.read_text():
                break
            assert head.poll() is None, log.read_text()
            time.sleep(0.1)
        yield environment | {"RAY_ADDRESS": f"127.0.0.1:{port}"}
        # Its own processes only: "ray stop" would end every Ray of the machine.
        head.terminate()
        head.wait(timeout=60)


def drive(file, environment, *, seconds=None):
    """Let a driver run, to its end or until it is killed; whether it came to its end."""
    command = [sys.executable, "-m", "tests.integration.replaying_driver", str(file)]
    log = file.with_suffix(".log")
    with (
        log.open("a") as output,
        subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=output) as driver,
    ):
        try:
            code = driver.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
            return False
    assert code == 0, log.read_text()[-3000:]
    return True


def outcome(config):
    """What a search found, without times and numbers of processes."""
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


def children_of(config):
    client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
    experiment = client.get_experiment_by_name("dite-search")
    runs = client.search_runs([experiment.experiment_id], max_results=1000)
    mine = [run for run in runs if run.data.tags.get("mlflow.parentRunId") in {r.info.run_id for r in runs}]
    parents = [run for run in runs if run not in mine and run.info.run_name == config.name]
    (parent,) = parents
    return client, parent, [run for run in mine if run.data.tags["mlflow.parentRunId"] == parent.info.run_id]


def check_records(config):
    """Study, records and MLflow agree, and nothing is open or there twice."""
    study, records = open_study(config), read_study(config).trials
    assert {trial.state for trial in study.trials} <= {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert len([record for record in records if record.status in ("complete", "stopped")]) == TRIALS
    fresh = [record.arch.arch_id for record in records if not record.epochs_before]
    assert len(fresh) == len(set(fresh))
    table = load_table(TABLE)
    for record in records:
        recorded = [metrics["ap_gt"] for metrics in table.curve(record.arch.arch_id, 0)]
        assert [metrics["ap_gt"] for metrics in record.curve] == recorded[: len(record.curve)]
        assert (record.status == "complete") == (len(record.curve) == EPOCHS)
    client, parent, children = children_of(config)
    assert parent.info.status == "FINISHED"
    assert len(children) == len(records)
    by_number = {int(child.data.tags[TRIAL_TAG]): child for child in children}
    for record in records:
        child = by_number[record.number]
        assert record.mlflow_run_id in (child.info.run_id, None)
        assert child.info.status != "RUNNING"
        history = client.get_metric_history(child.info.run_id, "ap_gt")
        own = [metrics["epoch"] for metrics in record.curve if metrics["epoch"] > record.epochs_before]
        assert [point.step for point in history if point.step in own] == own


def killed_at_any_moment(cluster, directory, *, kills, seed):
    """Searches that are killed so often in all, each then compared with one that was left in peace."""
    chance = random.Random(seed)
    began = time.monotonic()
    peaceful = search_file(directory, "peaceful")
    assert drive(peaceful, cluster)
    longest = time.monotonic() - began
    expected = load_config(directory / "peaceful")
    check_records(expected)
    killed, searches = 0, 0
    while killed < kills:
        searches += 1
        file = search_file(directory, f"killed{searches}")
        while not drive(file, cluster, seconds=chance.uniform(0.3, 1.0) * longest if killed < kills else None):
            killed += 1
        config = load_config(directory / f"killed{searches}")
        check_records(config)
        assert outcome(config) == outcome(expected)
        front, same = front_of(read_study(config)), front_of(read_study(expected))
        assert [trial.values for trial in front] == [trial.values for trial in same]


@pytest.mark.slow
def test_a_driver_that_is_killed_now_and_then_loses_nothing(cluster, tmp_path):
    killed_at_any_moment(cluster, tmp_path, kills=4, seed=1)


def test_a_database_that_is_killed_under_a_search_stops_no_training(cluster, tmp_path):
    with postgres() as server:
        file = search_file(tmp_path, "outage", study_url=server.url(), max_concurrent=2)
        command = [sys.executable, "-m", "tests.integration.replaying_driver", str(file)]
        log = file.with_suffix(".log").open("w")
        with log, subprocess.Popen(command, env=cluster, cwd=ROOT, stdout=log, stderr=log) as driver:
            curves = tmp_path / "outage" / "trials"
            while len(list(curves.glob("*/curve.json"))) < 3:
                assert driver.poll() is None, file.with_suffix(".log").read_text()
                time.sleep(0.05)
            server.kill()
            time.sleep(6)
            assert driver.poll() is None, file.with_suffix(".log").read_text()
            server.start()
            assert driver.wait(timeout=300) == 0, file.with_suffix(".log").read_text()
        check_records(load_config(tmp_path / "outage"))


@pytest.mark.nightly
@pytest.mark.timeout(5400)
def test_a_driver_that_is_killed_fifty_times_loses_nothing(cluster, tmp_path):
    killed_at_any_moment(cluster, tmp_path, kills=50, seed=2)
