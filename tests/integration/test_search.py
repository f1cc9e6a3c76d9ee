"""A whole search with real Ray processes, a real Optuna study and a real MLflow store, read back through their clients."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import onnxruntime
import optuna
import pytest
import yaml
from optuna.trial import TrialState
from rich.console import Console

from analysis.export import export_trial, load_export
from analysis.pareto.front import front_of
from analysis.pareto.selection import choose
from analysis.report import write_report
from dite_search.config.search_config import load_search, parse_search
from dite_search.driver.run_search import run_search
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.study.study import open_study
from dite_search.tracking.client import tracking_uri
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import OBJECTIVES
from search_spaces.families.dite_hrnet.config import ArchConfig
from tests.dite_search.commands import refused, run
from tests.dite_search.counting import Counts, counted_networks
from tests.forked import ForkedProcess, command
from tests.integration.nodes import PATIENCE, until
from tests.integration.replaying_driver import replayed_command
from tests.integration.replaying_runner import TABLE, ReplayingRunner
from tests.profiles import by_profile

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray")]
ROOT = Path(__file__).resolve().parents[2]
TRAINING = {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1, "learning_rate": 0.005}
TRAINED = by_profile(False, True)
"""Whether trials are trained where a search, and not a training, is under test; otherwise they report recorded curves."""
SECONDS = 1.0
"""For an epoch of a search that is paused in it."""


def search_in(directory: Path, **changes):
    fields = {
        "name": "whole",
        "space": "tiny",
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "trials": 3,
        "training": TRAINING,
        "scheduler": {"name": "none"},
        "directory": str(directory),
    }
    return parse_search(fields | changes, "search.yaml")


def search_of_curves(directory: Path, *, epochs: int, **changes):
    """A search whose trials report recorded curves, which have 12 epochs, or train for so many ``epochs``."""
    recorded = load_table(TABLE).config.to_dict()["training"]
    own = {"training": TRAINING | {"epochs": epochs}} if TRAINED else {"space": TABLE, "training": recorded}
    return search_in(directory, **own | changes)


@contextmanager
def driver(seconds: float, *words):
    """A command in a process of its own, and a function that returns what it has said; killed at the end of the block."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        log.touch()
        function, options = (command, words) if TRAINED else (replayed_command, (seconds, *words))
        process = ForkedProcess(function, *options, environment=os.environ, output=log)
        try:
            yield process, log.read_text
        finally:
            process.kill()


@pytest.fixture
def recorded_here(monkeypatch):
    """Searches of this process report recorded curves."""
    if not TRAINED:
        monkeypatch.setattr("dite_search.driver.run_search.TrialRunner", ReplayingRunner)


@pytest.fixture(scope="module")
def counts():
    """How often the driver of the finished search built each network and counted its cost."""
    return Counts()


@pytest.fixture(scope="module")
def finished(tmp_path_factory, counts):
    config = search_in(tmp_path_factory.mktemp("runs"), objectives=["ap_gt", "mmacs", "latency_ms"])
    output = io.StringIO()
    with counted_networks(counts):
        study = run_search(config, Console(file=output, width=200))
    return config, study, output.getvalue()


def children_of(config):
    client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
    experiment = client.get_experiment_by_name("dite-search").experiment_id
    runs = client.search_runs([experiment])
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags and run.info.run_name == config.name]
    (parent,) = parents
    return client, parent, [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]


def test_the_driver_builds_and_counts_no_candidate_more_than_twice(finished, counts):
    """Once before the search, when the largest network is looked for, and once at the admission."""
    _, study, _ = finished
    assert {record.arch.arch_id for record in study.trials} <= counts.counted.keys()
    assert 0 < max(counts.built.values()) <= 2
    assert 0 < max(counts.counted.values()) <= 2


def test_every_trial_is_complete_with_its_curve_and_its_checkpoint(finished):
    config, study, _ = finished
    assert [trial.status for trial in study.trials] == ["complete"] * 3
    for trial in study.trials:
        assert [epoch["epoch"] for epoch in trial.curve] == [1, 2]
        assert trial.checkpoint is not None
        assert trial.values["latency_ms"] > 0
        assert 0 <= trial.values["ap_gt"] <= 1
        arch_file = trial.checkpoint.parent / "arch.yaml"
        assert ArchConfig.from_dict(yaml.safe_load(arch_file.read_text())).arch_id == trial.arch.arch_id
    assert read_study(load_config(config.study_directory)).trials == study.trials


def test_optuna_agrees(finished):
    config, study, _ = finished
    found = optuna.load_study(study_name="whole", storage=f"sqlite:///{config.study_directory / 'study.db'}")
    assert [trial.state for trial in found.trials] == [TrialState.COMPLETE] * 3
    assert {trial.number for trial in found.best_trials} == {trial.number for trial in front_of(study)}


def test_mlflow_holds_the_parent_the_children_their_epochs_and_the_front(finished):
    config, study, _ = finished
    client, parent, children = children_of(config)
    assert parent.info.status == "FINISHED"
    assert parent.data.params["protocol.dataset"] == "synthetic"
    assert len(children) == 3
    by_run = {trial.mlflow_run_id: trial for trial in study.trials}
    for child in children:
        trial = by_run[child.info.run_id]
        assert child.info.status == "FINISHED"
        assert child.data.params["groups_branch4"] == str(trial.arch.groups[3])
        assert child.data.metrics["params"] == trial.cost.params
        history = client.get_metric_history(child.info.run_id, "ap_gt")
        assert {(metric.step, metric.value) for metric in history} == {
            (epoch["epoch"], epoch["ap_gt"]) for epoch in trial.curve
        }
        text = mlflow.artifacts.load_text(f"{child.info.artifact_uri}/arch.yaml")
        assert ArchConfig.from_dict(yaml.safe_load(text)).arch_id == trial.arch.arch_id
    front = json.loads(mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/front.json"))
    assert [row["trial"] for row in front] == [trial.number for trial in front_of(study)]
    marked = {child.info.run_id for child in children if child.data.tags.get("on_front") == "true"}
    assert marked == {row["run_id"] for row in front}


def test_the_screen_shows_each_trial_and_nothing_of_ray(finished):
    _, _, output = finished
    assert all(f"trial {number} complete" in output for number in range(3))
    assert "ray" not in output.lower()


def test_report_and_export(finished, tmp_path):
    _, study, _ = finished
    report = write_report(study, tmp_path / "report")
    assert all(trial.arch.arch_id in report.html.read_text() for trial in study.trials)
    assert report.png.stat().st_size > 1000
    chosen = choose(study)
    exported = export_trial(study, chosen, tmp_path / "export")
    arch, _ = load_export(exported.directory)
    assert arch.arch_id == chosen.arch.arch_id
    session = onnxruntime.InferenceSession(str(exported.onnx), providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        images = np.random.default_rng(batch).normal(size=(batch, 3, *arch.input_size)).astype(np.float32)
        assert session.run(None, {"images": images})[0].shape == (batch, 17, *arch.heatmap_size)


def test_a_name_in_use_is_refused_before_anything_starts(finished):
    config, _, _ = finished
    with pytest.raises(InvalidInput, match="study whole exists already"):
        run_search(config, Console(file=io.StringIO()))


def test_a_trial_that_fails_is_a_record_and_the_search_goes_on(tmp_path):
    # AdamW multiplies the weights by 1 - 10·10 at each step of the first trial; the second is an ordinary one.
    space = {"base": "tiny", "parameters": {"weight_decay": [0.0, 10.0], "learning_rate": [0.001, 10.0]}}
    start = {"widths": "16-24-32-48"} | dict.fromkeys(
        ("groups_branch3", "groups_branch4", "kernels_branch1", "kernels_branch2", "modules_stage3"), 1
    )
    config = search_in(
        tmp_path,
        name="failing",
        space=space,
        training=TRAINING
        | {"optimizer": "adamw", "epochs": 6, "batch_size": 4, "validate_every": 6, "warmup_iterations": 0},
        start_with=[
            start | {"weight_decay": 10.0, "learning_rate": 10.0},
            start | {"weight_decay": 0.0, "learning_rate": 0.001},
        ],
        trials=2,
    )
    study = run_search(config, Console(file=io.StringIO()))
    failed, complete = study.trials
    assert (failed.status, complete.status) == ("failed", "complete")
    assert failed.reason.startswith("NonFiniteLossError: loss is not finite")
    _, _, children = children_of(config)
    states = {child.info.run_id: child for child in children}
    assert states[failed.mlflow_run_id].info.status == "FAILED"
    assert states[failed.mlflow_run_id].data.tags["reason"] == failed.reason
    assert states[complete.mlflow_run_id].info.status == "FINISHED"
    assert "Traceback" in (config.study_directory / "trials" / "00000" / "error.txt").read_text()


# At a commit the crash matrix interrupts a search.
@pytest.mark.nightly
def test_an_interrupted_search_keeps_what_it_has(tmp_path):
    file = tmp_path / "search.yaml"
    file.write_text(yaml.safe_dump(search_of_curves(tmp_path, epochs=3, name="cut", trials=50).to_dict()))
    with driver(0.1, "search", file) as (process, said):
        until(lambda: " complete: network" in said(), "a trial to end", lambda: still_runs(process, said))
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)
        rest = said()
    config = load_config(tmp_path / "cut")
    before = read_study(config).trials
    statuses = [trial.status for trial in before]
    assert "complete" in statuses
    assert "running" not in statuses
    assert len(statuses) < 50
    assert "Traceback" not in rest
    assert (config.study_directory / "report" / "report.html").is_file()
    _, parent, children = children_of(config)
    by_status = {"complete": "FINISHED", "waiting": "SCHEDULED"}
    told = {int(child.data.tags["dite_search.trial"]): child.info.status for child in children}
    assert told == {trial.number: by_status[trial.status] for trial in before}
    assert parent.info.status == "SCHEDULED"


def still_runs(process, said):
    assert process.poll() is None, said()


@pytest.mark.longer
@pytest.mark.usefixtures("recorded_here")
def test_a_paused_search_goes_on_where_its_epochs_ended_and_is_extended(tmp_path):
    file, name = tmp_path / "search.yaml", str(tmp_path / "paused")
    search = search_of_curves(tmp_path, epochs=25, name="paused", trials=2, max_concurrent=1)
    file.write_text(yaml.safe_dump(search.to_dict()))
    with driver(SECONDS, "search", file) as (first, said):
        last = tmp_path / "paused" / "trials" / "00000" / "last.pt"
        until(last.exists, "the first checkpoint", lambda: still_runs(first, said))
        # In this process, where the libraries are loaded: a process of its own would come after the last epoch.
        assert f"study paused must have one driver, but process {first.pid} on" in refused("resume", name)
        assert run("pause", name).output.startswith(f"process {first.pid} on ")
        first.wait(PATIENCE)
        told = said()
    assert "dite-search pause: pausing as soon as the running epochs have ended and are saved" in told
    assert "Paused; to go on:  dite-search resume" in told
    config = load_config(name)
    (paused,) = read_study(config).trials
    assert paused.status == "waiting"
    epochs = search.train_config.epochs
    assert 1 <= len(paused.curve) < epochs
    assert "study paused must be running to be paused, but no driver runs it" in refused("pause", name)
    assert run("extend", name, "--trials", "1").exit_code == 0
    trials = read_study(load_config(name)).trials
    assert [trial.status for trial in trials] == ["complete"] * 3
    assert trials[0].arch == paused.arch
    assert list(trials[0].curve[: len(paused.curve)]) == list(paused.curve)
    assert [epoch["epoch"] for epoch in trials[0].curve] == list(range(1, epochs + 1))
    _, parent, children = children_of(config)
    assert {child.info.status for child in children} == {parent.info.status} == {"FINISHED"}


# At a commit the crash matrix does this, with recorded curves.
@pytest.mark.nightly
def test_a_killed_search_goes_on_and_makes_nothing_twice(tmp_path):
    file = tmp_path / "search.yaml"
    fields = search_in(tmp_path, name="killed", trials=4, training=TRAINING | {"epochs": 4}, max_concurrent=2).to_dict()
    file.write_text(yaml.safe_dump(fields))
    with ForkedProcess(command, "search", file, environment=os.environ, output=tmp_path / "log") as process:
        log = tmp_path / "log"
        until(lambda: log.is_file() and " complete: network" in log.read_text(), "a trial to end")
        process.kill()
    config = load_config(tmp_path / "killed")
    before = read_study(config).trials
    assert "running" in {trial.status for trial in before}
    resumed = run("resume", tmp_path / "killed", "--json")
    assert resumed.exit_code == 0, (resumed.output, resumed.exception)
    study, after = open_study(config), read_study(config).trials
    assert [trial.state for trial in study.trials if "reused_from" not in trial.user_attrs] == [TrialState.COMPLETE] * 4
    assert all(trial.state.is_finished() for trial in study.trials)
    assert len({trial.arch.arch_id for trial in after}) == len(after) == 4
    for earlier, later in zip(before, after, strict=False):
        assert earlier.arch == later.arch
        assert list(later.curve[: len(earlier.curve)]) == list(earlier.curve)
        assert [epoch["epoch"] for epoch in later.curve] == [1, 2, 3, 4]
    assert {row["trial"] for row in json.loads(resumed.stdout)["front"]} == {t.number for t in front_of(read_study(config))}
    _, parent, children = children_of(config)
    assert [child.info.status for child in children] == ["FINISHED"] * 4
    assert parent.info.status == "FINISHED"
    assert "study killed must have trials left to go on with, but all 4 have ended" in refused("resume", tmp_path / "killed")


@pytest.fixture
def judged_by_anything(monkeypatch):
    """Trials are judged although none has found anybody: trainings that would take minutes, and these are seconds long."""
    monkeypatch.setitem(OBJECTIVES, "ap_gt", dataclasses.replace(OBJECTIVES["ap_gt"], useless=0.0))


@pytest.mark.longer
@pytest.mark.usefixtures("judged_by_anything", "recorded_here")
def test_dominated_trials_stop_at_a_rung_and_nothing_over_the_budget_is_trained(tmp_path):
    limit = 4 if TRAINED else 2.81
    config = search_of_curves(
        tmp_path,
        epochs=4,
        name="thrifty",
        trials=8,
        scheduler={"name": "pareto", "grace_period": 1, "reduction_factor": 3},
        budget=[f"mmacs <= {limit}"],
        sampler={"name": "cost_aware", "startup_trials": 4},
    )
    study = run_search(config, Console(file=io.StringIO()))
    assert len([trial for trial in study.trials if not trial.epochs_before]) == 8
    assert all(trial.cost.mmacs <= limit for trial in study.trials)
    assert {trial.status for trial in study.trials} == {"complete", "stopped"}
    stopped = [trial for trial in study.trials if trial.status == "stopped"]
    assert all(len(trial.curve) in config.rungs for trial in stopped)
    states = {trial.number: trial.state for trial in open_study(config).trials}
    assert all(states[trial.number] is TrialState.PRUNED for trial in stopped)
    assert {trial.number for trial in open_study(config).best_trials} >= {trial.number for trial in front_of(study)}
    _, _, children = children_of(config)
    ends = {child.data.tags["stopped_at_epoch"] for child in children if "stopped_at_epoch" in child.data.tags}
    assert ends == {str(len(trial.curve)) for trial in stopped}


# At a commit the simulator and test_searcher let stopped trainings go on, and the crash matrix goes on from checkpoints.
@pytest.mark.nightly
@pytest.mark.usefixtures("judged_by_anything")
def test_a_stopped_trial_goes_on_from_its_checkpoint_when_nothing_else_is_left(tmp_path):
    fixed = ("groups_branch3", "groups_branch4", "kernels_branch1", "kernels_branch2", "modules_stage3")
    config = search_in(
        tmp_path,
        name="again",
        space={"base": "tiny", "parameters": dict.fromkeys(fixed)},
        trials=6,
        training=TRAINING | {"epochs": 4},
        scheduler={"name": "pareto", "grace_period": 1, "reduction_factor": 3},
        sampler={"name": "random"},
        max_concurrent=1,
    )
    study = run_search(config, Console(file=io.StringIO()))
    continued = [trial for trial in study.trials if trial.epochs_before]
    assert continued
    for trial in continued:
        (origin,) = [
            one
            for one in study.trials
            if one.arch == trial.arch and one.status == "stopped" and len(one.curve) == trial.epochs_before
        ]
        assert list(trial.curve[: trial.epochs_before]) == list(origin.curve)[: trial.epochs_before]
        assert [epoch["epoch"] for epoch in trial.curve] == list(range(1, len(trial.curve) + 1))
        assert trial.epochs_trained == len(trial.curve) - trial.epochs_before > 0


def kill_a_trial_process(after: Path, killed: list[int]) -> None:
    """Wait for a file, then kill -9 the process that trains for this one; between two epochs it has no such title."""
    deadline = time.monotonic() + 120
    while not killed and time.monotonic() < deadline:
        time.sleep(0.02)
        for process in Path("/proc").glob("[0-9]*") if after.is_file() else ():
            if is_training(process) and os.getpid() in ancestors(process):
                os.kill(int(process.name), signal.SIGKILL)
                killed.append(int(process.name))
                break


def is_training(process: Path) -> bool:
    try:
        return (process / "cmdline").read_bytes().startswith(b"ray::ImplicitFunc.train")
    except OSError:  # it ended since it was listed
        return False


def ancestors(process: Path) -> list[int]:
    """The process ids above a folder of /proc, nearest first."""
    found = []
    while process.name != "0" and process.is_dir():
        status = (process / "status").read_text()
        found.append(int(status.partition("PPid:")[2].split()[0]))
        process = process.parent / str(found[-1])
    return found


# At a commit the crash matrix kills a trial that reports a recorded curve, and test_training a worker of a real training.
@pytest.mark.nightly
@pytest.mark.skipif(not Path("/proc/self/cmdline").is_file(), reason="finds the process to kill under /proc")
def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint(tmp_path):
    config = search_in(tmp_path, name="killed", trials=1, training=TRAINING | {"epochs": 12})
    folder = config.study_directory / "trials" / "00000"
    killed: list[int] = []
    killer = threading.Thread(target=kill_a_trial_process, args=(folder / "last.pt", killed))
    killer.start()
    (trial,) = run_search(config, Console(file=io.StringIO())).trials
    killer.join()
    assert killed
    assert (trial.status, trial.reason) == ("complete", "")
    assert [epoch["epoch"] for epoch in trial.curve] == list(range(1, 13))
    assert open_study(config).trials[0].state is TrialState.COMPLETE


# At a commit test_listening trains a trial of a search on two workers, to its end.
@pytest.mark.nightly
def test_a_trial_on_two_workers(tmp_path):
    config = search_in(tmp_path, name="two", trials=1, resources={"workers": 2})
    (trial,) = run_search(config, Console(file=io.StringIO())).trials
    assert (trial.status, trial.reason) == ("complete", "")
    assert [epoch["epoch"] for epoch in trial.curve] == [1, 2]
    assert "ap_gt" in trial.values


def test_a_trial_that_does_not_fit_is_refused_with_the_arithmetic(tmp_path):
    config = search_in(tmp_path, resources={"workers": 4, "cpus_per_worker": 1000})
    with pytest.raises(InvalidInput, match=r"one trial takes 4 workers x 1000 CPU = 4000 CPU, but the cluster has \d+"):
        run_search(config, Console(file=io.StringIO()))
    assert not config.study_directory.exists()


@pytest.mark.longer
def test_the_example_on_real_photographs(coco_mini, tmp_path):
    config = load_search(
        ROOT / "examples" / "coco_mini.yaml",
        data_root=str(coco_mini),
        changes={"directory": str(tmp_path), "trials": by_profile(1, 2), "input_size": "64x64"}
        | {"training": {"epochs": 1, "batch_size": 16, "warmup_iterations": 2}},
    )
    study = run_search(config, Console(file=io.StringIO()))
    assert [trial.status for trial in study.trials] == ["complete"] * config.trials
    _, parent, children = children_of(config)
    assert parent.data.params["protocol.dataset"] == "coco_mini"
    assert len(children) == config.trials
    assert all("ap_gt" in child.data.metrics for child in children)
    assert json.loads(mlflow.artifacts.load_text(f"{parent.info.artifact_uri}/front.json"))
