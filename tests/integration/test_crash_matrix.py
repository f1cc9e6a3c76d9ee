"""Whatever a search needs is killed, or full, at any moment: nothing that was measured is lost, and nothing runs twice.

Each search has one trial at a time, and suggestions that follow from the study alone. However often something breaks, the
search therefore ends as one that was left in peace.
"""

from __future__ import annotations

import json
import random
import time

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


@so_often(1)
def test_a_worker_that_is_killed_goes_on(ray, peaceful, tmp_path, times):
    head, environment = ray

    def begin(number):
        return search_file(tmp_path, f"worker{number}", retries=50)

    for _ in broken(times, 1, begin, lambda chance: kill_worker(head), environment, peaceful[0]):
        pass


@so_often(1)
def test_a_database_that_is_killed_stops_no_training(cluster, peaceful, tmp_path, times):
    with postgres() as server:

        def begin(number):
            return search_file(tmp_path, f"database{number}", study_url=server.url())

        def breaks(chance):
            server.kill()
            time.sleep(chance.uniform(0.0, 6.0))
            server.start()
            return True

        for _ in broken(times, 2, begin, breaks, cluster, peaceful[0]):
            pass


@so_often(1)
def test_an_mlflow_server_that_is_killed_lacks_nothing(cluster, peaceful, tmp_path, times):
    server = MlflowServer(tmp_path)
    server.start()
    try:
        server.wait()

        def begin(number):
            return search_file(tmp_path, f"mlflow{number}", mlflow_url=server.url)

        def breaks(chance):
            server.kill()
            time.sleep(chance.uniform(0.0, 4.0))
            server.start()
            server.wait()
            return True

        for config in broken(times, 3, begin, breaks, cluster, peaceful[0]):
            # It may have been away when the search ended.
            run("sync", config.study_directory)
            again = json.loads(run("sync", config.study_directory, "--json").stdout)
            assert [again[name] for name in ("runs_created", "runs_closed", "metric_values", "twins_deleted")] == [0] * 4
    finally:
        server.kill()


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
