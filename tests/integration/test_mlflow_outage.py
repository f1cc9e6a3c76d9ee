"""A tracking server that is killed in the middle of a search: no training waits, and nothing is missing or there twice."""

from __future__ import annotations

import functools
import io
import json
import sqlite3
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import mlflow
import pytest
from rich.console import Console

from analysis.pareto.front import front_of
from dite_search.config.search_config import parse_search
from dite_search.driver.run_search import run_search
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.reader import read_study
from dite_search.study.study import open_study
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run
from tests.dite_search.servers import NEEDS_PROCESS_GROUPS, MlflowServer
from tests.integration.replaying_runner import TABLE, ReplayingRunner
from tests.profiles import by_profile

pytestmark = [
    pytest.mark.xdist_group("ray"),
    NEEDS_PROCESS_GROUPS,
]

TRAINED = by_profile(False, True)
"""Whether trials are trained; otherwise they report recorded curves."""
TRAINING = {"epochs": 3, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1, "learning_rate": 0.005}


@pytest.fixture(autouse=True)
def recorded(monkeypatch):
    if not TRAINED:
        runner = functools.partial(ReplayingRunner, seconds=0.1)
        monkeypatch.setattr("dite_search.driver.run_search.TrialRunner", runner)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


def search_in(directory: Path, server: MlflowServer, name: str):
    fields = {
        "name": name,
        "space": "tiny" if TRAINED else TABLE,
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "trials": 4,
        "training": TRAINING if TRAINED else load_table(TABLE).config.to_dict()["training"],
        "scheduler": {"name": "none"},
        "mlflow_url": f"http://me:secret@127.0.0.1:{server.port}",
        "directory": str(directory),
    }
    return parse_search(fields, "search.yaml")


def when(condition, then) -> threading.Thread:
    """Do something in a thread as soon as a condition holds."""

    def watch() -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            if condition():
                then()
                return
            time.sleep(0.05)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


def epochs_in(config) -> int:
    """The epochs that a study has by now, read without touching it."""
    if not (config.study_directory / "provenance.json").exists():
        return 0
    with closing(sqlite3.connect(f"file:{config.study_directory / 'study.db'}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute("select count(*) from trial_user_attributes where key like 'epoch:%'").fetchone()[0]


def check_mlflow(config, server) -> None:
    """Every child once, every epoch's metric once, every run closed: asked of MLflow's own client."""
    study = read_study(config)
    client = mlflow.MlflowClient(server.url)
    experiment = client.get_experiment_by_name("dite-search").experiment_id
    tag = open_study(config).user_attrs["mlflow_study"]
    found = client.search_runs([experiment], f"tags.`dite_search.study` = '{tag}'")
    (parent,) = (one for one in found if "mlflow.parentRunId" not in one.data.tags)
    children = {one.data.tags["dite_search.trial"]: one for one in found if one is not parent}
    assert len(children) == len(found) - 1 == len(study.trials)
    assert [one.info.status for one in found] == ["FINISHED"] * len(found)
    for trial in study.trials:
        child = children[str(trial.number)]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.params["seed"] == str(config.seed)
        for name in ("loss", "ap_gt"):
            values = Counter((m.step, m.value) for m in client.get_metric_history(child.info.run_id, name))
            assert values == Counter((epoch["epoch"], epoch[name]) for epoch in trial.curve)
        assert [m.value for m in client.get_metric_history(child.info.run_id, "params")] == [trial.cost.params]
    front = json.loads(Path(client.download_artifacts(parent.info.run_id, "front.json")).read_text())
    assert [(row["trial"], row["run_id"]) for row in front] == [
        (trial.number, children[str(trial.number)].info.run_id) for trial in front_of(study)
    ]
    marked = {number for number, one in children.items() if one.data.tags.get("on_front") == "true"}
    assert marked == {str(trial.number) for trial in front_of(study)}


def assert_whole(study, config) -> None:
    assert [trial.status for trial in study.trials] == ["complete"] * 4
    assert [len(trial.curve) for trial in study.trials] == [config.train_config.epochs] * 4


# At a commit the crash matrix does this, with recorded curves.
@pytest.mark.nightly
def test_a_server_that_is_killed_and_started_again_lacks_nothing(server, runs, monkeypatch, capfd):
    monkeypatch.setattr("dite_search.tracking.mirror.GRACE_SECONDS", 240.0)
    config = search_in(runs, server, "outage")
    server.wait()
    down: list[int] = []

    def interrupt() -> None:
        down.append(epochs_in(config))
        server.kill()
        while epochs_in(config) < down[0] + 3:
            time.sleep(0.05)
        down.append(epochs_in(config))
        server.start()

    watcher = when(lambda: epochs_in(config) >= 2, interrupt)
    output = io.StringIO()
    study = run_search(config, Console(file=output, width=200))
    watcher.join(240)
    assert len(down) == 2
    assert down[1] > down[0]
    assert_whole(study, config)
    assert "lacks" not in output.getvalue()
    assert "secret" not in output.getvalue() + "".join(capfd.readouterr())
    check_mlflow(config, server)


# At a commit the crash matrix kills the server, and test_mirror writes what a server lacks.
@pytest.mark.nightly
def test_a_server_that_stays_away_costs_no_result_and_a_command_writes_the_rest(server, runs, monkeypatch, capfd):
    monkeypatch.setattr("dite_search.tracking.mirror.GRACE_SECONDS", 3.0)
    config = search_in(runs, server, "away")
    server.wait()
    watcher = when(lambda: epochs_in(config) >= 2, server.kill)
    output = io.StringIO()
    study = run_search(config, Console(file=output, width=200))
    watcher.join(240)
    assert_whole(study, config)
    (sentence,) = [line for line in output.getvalue().splitlines() if "MLflow" in line]
    assert sentence.startswith(f"MLflow at http://***@127.0.0.1:{server.port} lacks ")
    assert sentence.endswith(f"this writes the rest:  dite-search sync {config.study_directory}")
    assert "of 4 trials and the front; the study has everything" in sentence
    assert "secret" not in output.getvalue() + "".join(capfd.readouterr())
    assert "secret" not in (config.study_directory / "provenance.json").read_text()
    message = refused("sync", config.study_directory)
    assert f"mlflow_url http://***@127.0.0.1:{server.port} cannot be reached" in message
    assert "secret" not in message
    server.start()
    server.wait()
    first = json.loads(run("sync", config.study_directory, "--json").stdout)
    assert first["runs_closed"] >= 1
    assert first["metric_values"] >= 1
    check_mlflow(config, server)
    again = json.loads(run("sync", config.study_directory, "--json").stdout)
    assert [again[name] for name in ("runs_created", "runs_closed", "metric_values", "twins_deleted")] == [0, 0, 0, 0]
    check_mlflow(config, server)


def test_a_search_does_not_start_without_its_server(runs):
    unused = MlflowServer(runs)
    config = search_in(runs, unused, "never")
    began = time.monotonic()
    with pytest.raises(InvalidInput, match=r"mlflow_url http://\*\*\*@127\.0\.0\.1:\d+ cannot be reached"):
        run_search(config, Console(file=io.StringIO()))
    assert time.monotonic() - began < 120
    assert not (config.study_directory / "search.yaml").exists()
