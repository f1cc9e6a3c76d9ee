"""Whatever a search needs is killed, or full, at any moment: nothing that was measured is lost, and nothing runs twice.

Each search has one trial at a time, and suggestions that follow from the study alone. However often something breaks, the
search therefore ends as one that was left in peace.
"""

from __future__ import annotations

import json
import random
import time
from contextlib import ExitStack

import pytest

from dite_search.config.search_config import load_search
from tests.dite_search.commands import run
from tests.dite_search.servers import MlflowServer, postgres
from tests.integration.crashes import (
    EPOCHS,
    check_curves,
    check_records,
    check_same,
    config_of,
    drive,
    drive_until_interrupted,
    drive_while_breaking,
    kill_worker,
    ray_head,
    said,
    search_file,
    small_disk,
)
from tests.integration.replaying_runner import MOMENTS

pytestmark = pytest.mark.xdist_group("cluster")
SHORT = pytest.mark.slow
LONG = (pytest.mark.nightly, pytest.mark.timeout(5400))


def so_often(few, many=50):
    """A short form of a test, and a nightly one."""
    return pytest.mark.parametrize("times", [pytest.param(few, marks=SHORT), pytest.param(many, marks=LONG)])


@pytest.fixture(scope="module")
def ray(tmp_path_factory):
    with ray_head(tmp_path_factory.mktemp("ray") / "ray.log") as head_and_environment:
        yield head_and_environment


@pytest.fixture(scope="module")
def cluster(ray):
    return ray[1]


@pytest.fixture(scope="module")
def peaceful(cluster, tmp_path_factory):
    """A search that was left in peace, and the seconds that it took."""
    file = search_file(tmp_path_factory.mktemp("peaceful"), "peaceful")
    began = time.monotonic()
    assert drive(file, cluster)
    took = time.monotonic() - began
    check_records(config_of(file), said(file))
    return config_of(file), took


def broken(times, seed, begin, breaks, environment, expected):
    """One search after another, until so often something was broken; each is then compared with the peaceful one."""
    chance, done, searches = random.Random(seed), 0, 0
    while done < times:
        searches += 1
        file = begin(searches)
        config = load_search(str(file))
        done += drive_while_breaking(file, config, environment, lambda: breaks(chance), chance=chance, most=times - done)
        yield config
        check_same(config_of(file), expected)
    print(f"{times} times in {searches} searches")


@so_often(1)
def test_a_driver_that_is_killed_now_and_then_loses_nothing(cluster, peaceful, tmp_path, times):
    (expected, longest), chance, killed, searches = peaceful, random.Random(times), 0, 0
    while killed < times:
        searches, before = searches + 1, killed
        file = search_file(tmp_path, f"killed{searches}")
        while not drive(file, cluster, seconds=chance.uniform(0.3, 1.0) * longest if killed < times else None):
            killed += 1
        check_same(config_of(file), expected)
        if killed == before:
            # The machine does less beside this than while it was measured.
            longest *= 0.7
    print(f"{killed} times in {searches} searches")


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([("saved", EPOCHS)], marks=SHORT, id="one"),
        pytest.param([(moment, epoch) for epoch in range(EPOCHS, 0, -1) for moment in MOMENTS], marks=LONG, id="all"),
    ],
)
def test_a_search_that_is_interrupted_at_any_moment_of_an_epoch_tells_one_curve(cluster, peaceful, tmp_path, moments):
    searches, paused, left = 0, 0, list(moments)
    while left:
        searches += 1
        file = search_file(tmp_path, f"interrupted{searches}")
        while left and drive_until_interrupted(file, cluster, *left.pop(0)):
            paused += 1
            check_curves(config_of(file))
        assert drive(file, cluster)
        check_same(config_of(file), peaceful[0])
    assert paused >= (len(moments) + 1) // 2
    print(f"{paused} times in {searches} searches")


WORKER, DATABASE, MLFLOW = "worker", "database", "mlflow"
KILLED = (WORKER, DATABASE, MLFLOW)


def restarted(server, wait):
    """Kill a server, and start it again after up to so many seconds."""

    def breaks(chance):
        server.kill()
        time.sleep(chance.uniform(0.0, wait))
        server.start()
        return True

    return breaks


@pytest.mark.parametrize(
    ("kinds", "times"),
    [
        pytest.param(KILLED, len(KILLED), marks=SHORT, id="each once"),
        *(pytest.param((kind,), 50, marks=LONG, id=kind) for kind in KILLED),
    ],
)
def test_a_search_goes_on_whatever_it_needs_is_killed(ray, peaceful, tmp_path, kinds, times):
    """Workers go on elsewhere, a database stops no training, and an MLflow server lacks nothing."""
    head, environment = ray
    breaks, changes, done = {WORKER: lambda chance: kill_worker(head)}, {"retries": 50}, []
    with ExitStack() as servers:
        if DATABASE in kinds:
            database = servers.enter_context(postgres())
            breaks[DATABASE] = restarted(database, 6.0)
        if MLFLOW in kinds:
            server = MlflowServer(tmp_path)
            servers.callback(server.kill)
            server.start()
            server.wait()
            breaks[MLFLOW], changes["mlflow_url"] = restarted(server, 4.0), server.url

        def begin(number):
            own = {"study_url": database.url()} if DATABASE in kinds else {}
            return search_file(tmp_path, f"{kinds[0]}{number}", **changes, **own)

        def in_turn(chance):
            kind = kinds[len(done) % len(kinds)]
            broke = breaks[kind](chance)
            if broke:
                done.append(kind)
            return broke

        for config in broken(times, len(kinds), begin, in_turn, environment, peaceful[0]):
            if MLFLOW in kinds:
                # It may have been away when the search ended.
                server.wait()
                run("sync", config.study_directory)
                again = json.loads(run("sync", config.study_directory, "--json").stdout)
                assert [again[name] for name in ("runs_created", "runs_closed", "metric_values", "twins_deleted")] == [0] * 4


@so_often(1)
def test_a_disk_that_is_full_stops_no_search(cluster, peaceful, tmp_path, times):
    with small_disk(tmp_path / "disk") as disk:

        def begin(number):
            return search_file(tmp_path, f"disk{number}", directory=str(disk.folder))

        def breaks(chance):
            with disk.full():
                time.sleep(chance.uniform(0.5, 6.0))
            return True

        for _ in broken(times, 4, begin, breaks, cluster, peaceful[0]):
            pass
