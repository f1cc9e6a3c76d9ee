"""Searches on several Ray nodes of one machine: nodes that die, networks that are cut, a head that is started again.

Each node has processes, resources and an address of its own; see `nodes`. Whatever happens, the search ends with what it
would have found in peace, and trains nothing twice. At a commit trials report recorded curves; a nightly run trains them.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor

import mlflow
import pytest
import torch
import yaml
from optuna.trial import TrialState

from dite_search.config.search_data import data_of
from dite_search.driver.trainable import STARTS_FILE
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.attributes import REUSED
from dite_search.study.directory import load_config
from dite_search.study.reader import curve_of, read_study
from dite_search.study.study import open_study
from dite_search.tracking.client import TRIAL_TAG, tracking_uri
from tests.forked import command as dite_search
from tests.integration.nodes import PATIENCE, Driver, cluster_of, until, why_no_cables
from tests.integration.replaying_driver import SECONDS_VARIABLE, replay
from tests.integration.replaying_runner import TABLE
from tests.profiles import by_profile
from trainers.training import loop
from trainers.training.loop import LOOP_FIGURES

pytestmark = pytest.mark.xdist_group("cluster")
TRAINED = by_profile(False, True)
"""Whether trials are trained. Recorded curves cost no processor: an epoch is a wait."""
TRAINING = {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1, "learning_rate": 0.005}
WORKER, TRAINING_PROCESS = "ray::RayTrainWorker", "ray::ImplicitFunc"
"""How Ray names the processes of a trial: each of several workers, or the one that is all of it."""
HEALTH = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "4000",
    "RAY_health_check_failure_threshold": "4",
}
"""A node that is silent is dead to the head after 20 s.

The head checks each second, each check waits 4 s, and four failures in a row count.
"""
HEAD = {"RAY_gcs_rpc_server_reconnect_timeout_s": "20"}
"""Nodes and drivers of a head that is gone wait for a third of the minute that they wait by default."""


@pytest.fixture(scope="module")
def machines():
    """A cluster of nodes on cables, where there can be some, for one test after another: each starts the nodes it lacks."""
    with cluster_of(cables=not why_no_cables(), variables=HEALTH | HEAD) as cluster:
        yield cluster


@pytest.fixture
def end_drivers():
    drivers: list[Driver] = []
    yield drivers.append
    for driver in drivers:
        driver.end()


class Search:
    """A search driven by a process, and what its study says.

    Trials must outlast what a test does to the nodes meanwhile.

    Args:
        directory: The folder of the study.
        cluster: The cluster that the search runs on.
        keep: Keeps the driver, so that it is ended with the test.
        epochs: The length of a training; a real epoch takes a quarter of a second on an idle core.
        seconds: The time that a recorded epoch takes.
        trained: Whether trainings are real in any profile.
        changes: Fields of the search file.
    """

    def __init__(self, directory, cluster, keep, *, epochs, seconds=1.0, trained=TRAINED, **changes):
        recorded = load_table(TABLE).config.to_dict()["training"]
        fields = {
            "name": "nodes",
            "space": "tiny" if trained else TABLE,
            "data": {"synthetic": {"train_images": 24, "val_images": 8}},
            "trials": 2,
            "training": TRAINING | {"epochs": epochs} if trained else recorded,
            "scheduler": {"name": "none"},
            "retries": 3,
            "directory": str(directory),
        }
        self.folder, self.epochs = directory / "nodes", fields["training"]["epochs"]
        self.cluster, self.trained, self._keep, self._study = cluster, trained, keep, None
        self._log, self._file, self._seconds = directory / "driver.log", directory / "nodes.yaml", seconds
        self._file.write_text(yaml.safe_dump(fields | changes))
        self._drive("search", self._file)

    def resume(self):
        self._drive("resume", self.folder)

    def _drive(self, command, target):
        words = (dite_search, command, target) if self.trained else (replay, str(self._file))
        self.driver = Driver(self.cluster, self._log, *words, variables={SECONDS_VARIABLE: str(self._seconds)})
        self._keep(self.driver)

    @property
    def config(self):
        return load_config(self.folder)

    def curve(self, number):
        """The epochs of a trial that the study has, none before it has the trial."""
        if not (self.folder / "trials" / f"{number:05d}" / "last.pt").is_file():
            return []
        self._study = self._study or open_study(self.config)
        return [epoch["epoch"] for epoch in curve_of(self._study.get_trials(deepcopy=False)[number])]

    def until(self, holds, what):
        return until(holds, f"{what}\n{self.driver.said}", self.driver.fail_if_ended)

    def until_trained(self, number, epochs):
        return self.until(lambda: len(self.curve(number)) >= epochs, f"epoch {epochs} of trial {number}")

    def starts(self, number):
        return len((self.folder / "trials" / f"{number:05d}" / STARTS_FILE).read_text().splitlines())

    def check(self, *, same_as_alone=True):
        """Everything is there once: in the study, in its records and in MLflow."""
        assert "raylet" not in self.driver.said
        config = self.config
        study, records = open_study(config), read_study(config).trials
        # A network that is suggested again after a new start of the driver is known, and not trained.
        trained = [trial for trial in study.trials if REUSED not in trial.user_attrs]
        assert [trial.state for trial in trained] == [TrialState.COMPLETE] * config.trials
        assert all(trial.state.is_finished() for trial in study.trials)
        assert len({record.arch.arch_id for record in records}) == config.trials
        for record in records:
            assert (record.status, record.reason) == ("complete", "")
            assert [epoch["epoch"] for epoch in record.curve] == list(range(1, self.epochs + 1))
        client = mlflow.MlflowClient(tracking_uri(config.mlflow_url, config.study_directory.parent))
        runs = client.search_runs([client.get_experiment_by_name("dite-search").experiment_id])
        children = {int(run.data.tags[TRIAL_TAG]): run for run in runs if "mlflow.parentRunId" in run.data.tags}
        assert len(runs) == 1 + len(children)
        assert {run.info.status for run in runs} == {"FINISHED"}
        for record in records:
            history = client.get_metric_history(children[record.number].info.run_id, "ap_gt")
            assert [(point.step, point.value) for point in history] == [(e["epoch"], e["ap_gt"]) for e in record.curve]
            if not self.trained:
                found = [epoch["ap_gt"] for epoch in record.curve]
                assert found == [epoch["ap_gt"] for epoch in load_table(TABLE).curve(record.arch.arch_id, 0)]
        if same_as_alone and self.trained:
            # In a process of its own, as each trial is: what other tests set in this one may change the last digits.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                assert scores(records[-1].curve) == pool.submit(trained_alone, self.folder, -1).result()


def trained_alone(folder, number):
    """The curve of a trial that is trained in this process, undisturbed."""
    torch.set_num_threads(1)
    config, reported = load_config(folder), []
    record = read_study(config).trials[number]
    space, seed = config.search_space, open_study(config).trials[record.number].user_attrs["seed"]
    training = dataclasses.replace(space.train_config(record.parameters, config.train_config), seed=seed)
    loop.train(record.arch, training, data_of(config), directory=None, report=lambda metrics, _: reported.append(metrics))
    return scores(reported)


def scores(curve):
    """Return the figures that do not depend on how fast the machine was."""
    timed = set(LOOP_FIGURES) - {"epoch", "loss", "learning_rate"}
    return [{name: value for name, value in epoch.items() if name not in timed} for epoch in curve]


# At a commit test_training kills one of several workers, and the next test a node.
@pytest.mark.nightly
def test_a_trial_that_spans_nodes_outlives_one_of_them(tmp_path, end_drivers):
    with cluster_of(variables=HEALTH) as cluster:
        stays, dies = cluster.start_node(), cluster.start_node()
        resources = {"workers": 2, "cpus_per_worker": 1}
        search = Search(tmp_path, cluster, end_drivers, epochs=20, resources=resources, trained=True)
        search.until_trained(0, 2)
        assert len(stays.runs(WORKER)) == len(dies.runs(WORKER)) == 1
        dies.kill()
        before = search.curve(0)
        comes = cluster.start_node()
        took = search.until_trained(0, len(before) + 1)
        assert len(stays.runs(WORKER)) == len(comes.runs(WORKER)) == 1
        print(f"killed after epoch {before[-1]:g}; the next was there {took:.0f} s after another node had joined")
        search.until_trained(1, 1)
        assert len(stays.runs(WORKER)) == len(comes.runs(WORKER)) == 1
        assert search.driver.wait(PATIENCE) == 0, search.driver.said
        # Two workers add gradients in another order than one does.
        search.check(same_as_alone=False)


@pytest.mark.slow
@pytest.mark.longer
def test_a_trial_whose_node_is_killed_goes_on_elsewhere(machines, tmp_path, end_drivers):
    nodes = machines.running(2)
    search = Search(tmp_path, machines, end_drivers, epochs=40)
    for number in (0, 1):
        search.until_trained(number, 2)
    nodes[1].kill()
    killed_at, epochs = time.monotonic(), [len(search.curve(number)) for number in (0, 1)]
    machines.start_node()
    search.until(lambda: search.starts(0) + search.starts(1) == 3, "the trial to start again")
    (number,) = [number for number in (0, 1) if search.starts(number) == 2]
    search.until_trained(number, epochs[number] + 1)
    print(f"killed after epoch {epochs[number]}; the next was there {time.monotonic() - killed_at:.0f} s later")
    assert search.driver.wait(PATIENCE) == 0, search.driver.said
    assert f"trial {number}: its process died; it goes on from its last checkpoint" in search.driver.said
    search.check()


# At a commit a node and the head are killed.
@pytest.mark.nightly
def test_a_network_that_is_cut_costs_nothing_or_one_start(machines, tmp_path, end_drivers):
    why_not = why_no_cables()
    if why_not:
        pytest.skip(why_not)
    nodes = machines.running(2)
    search = Search(tmp_path, machines, end_drivers, epochs=120, seconds=2.0)
    for number in (0, 1):
        search.until_trained(number, 2)
    nodes[1].unplug()
    time.sleep(4)
    nodes[1].plug()
    for number in (0, 1):
        search.until_trained(number, len(search.curve(number)) + 2)
    assert [search.starts(number) for number in (0, 1)] == [1, 1]
    nodes[1].unplug()
    cut_at = time.monotonic()
    search.until(lambda: "its process died" in search.driver.said, "the cut to be noticed")
    noticed = time.monotonic() - cut_at
    nodes[1].plug()
    ended = until(lambda: nodes[1].has_ended, "a node that was given up to end")
    until(lambda: not nodes[1].runs(TRAINING_PROCESS), "its trainings to end")
    nodes[1].kill()
    machines.rejoin(nodes[1])
    search.until(lambda: search.starts(0) + search.starts(1) == 3, "the trial to start again")
    print(f"a cut was noticed after {noticed:.0f} s; mended, the node ended Ray within {ended:.0f} s")
    assert search.driver.wait(PATIENCE) == 0, search.driver.said
    search.check()


@pytest.mark.slow
@pytest.mark.longer
def test_a_head_that_is_killed_ends_the_driver_and_resume_goes_on(machines, tmp_path, end_drivers):
    (node,) = machines.running(1)
    search = Search(tmp_path, machines, end_drivers, epochs=20, seconds=0.5)
    search.until_trained(0, 2)
    machines.head.kill()
    killed_at, epochs = time.monotonic(), len(search.curve(0))
    assert search.driver.wait(PATIENCE) == 2, search.driver.said
    took = time.monotonic() - killed_at
    sentence = search.driver.said.strip().splitlines()[-1]
    assert f"the cluster at RAY_ADDRESS {machines.address} must answer" in sentence
    assert sentence.endswith(f"dite-search resume {search.folder}")
    assert "Traceback" not in search.driver.said
    until(lambda: node.has_ended, "the node of a head that is gone to end")
    print(f"the driver ended {took:.0f} s after its head, the node {time.monotonic() - killed_at:.0f} s after it")
    goes_on(search, node, epochs, machines.start_head)


@pytest.mark.nightly
def test_a_head_that_is_killed_and_back_at_once_does_too(tmp_path, end_drivers):
    why_not = why_no_cables()
    if why_not:
        pytest.skip(why_not)
    with cluster_of(cables=True) as cluster:
        node = cluster.start_node()
        search = Search(tmp_path, cluster, end_drivers, epochs=20, seconds=0.5)
        search.until_trained(0, 2)
        cluster.head.kill()
        killed_at, epochs = time.monotonic(), len(search.curve(0))
        cluster.start_head()
        back = time.monotonic() - killed_at
        status = search.driver.wait(PATIENCE)
        took = time.monotonic() - killed_at
        # Ray ends a process itself, with status 1 and a trace, that asks the new head before ours has noticed.
        assert status in (1, 2), search.driver.said
        print(f"the head was back after {back:.0f} s; the driver ended after {took:.0f} s, with status {status}")
        until(lambda: node.has_ended, "the node of a head that is gone to end")
        goes_on(search, node, epochs, lambda: None)


def goes_on(search, node, epochs, start_head):
    """Whether a search whose head is gone goes on under the next one with all that the study had by then."""
    kept = search.curve(0)
    assert len(kept) >= epochs
    until(lambda: not node.runs(TRAINING_PROCESS), "its trainings to end")
    node.kill()
    start_head()
    search.cluster.rejoin(node)
    search.resume()
    assert search.driver.wait(PATIENCE) == 0, search.driver.said
    assert search.curve(0)[: len(kept)] == kept
    search.check()
