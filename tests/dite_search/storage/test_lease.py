"""One driver for each study."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from optuna.storages import RDBStorage
from sqlalchemy import inspect

from dite_search.storage.lease import Lease, ask_to_pause, holder_of
from dite_search.storage.pause import Pause
from search_spaces.common.errors import InvalidInput
from tests.dite_search.servers import postgres

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("clock")]

HOLD = """
import sys, time
from optuna.storages import RDBStorage
from dite_search.storage.lease import Lease
Lease("s", RDBStorage(sys.argv[1])).take()
print("taken", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def server():
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'study.db'}"
    server = request.getfixturevalue("server")
    name = f"leases{abs(hash(tmp_path.name))}"
    server.sql(f"CREATE DATABASE {name}")
    return server.url(name)


@pytest.fixture
def storage(url):
    return RDBStorage(url)


def wait_until(holds):
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def test_the_second_driver_is_refused_until_the_first_lets_go(storage):
    first, second = Lease("s", storage), Lease("s", storage)
    first.take()
    with pytest.raises(InvalidInput, match=r"study s must have one driver, but process \d+ on .* ends in (59|60) s"):
        second.take()
    Lease("another", storage).take()
    assert first.renew() is False
    first.release()
    second.take()
    assert first.renew() is None


def test_of_drivers_that_start_together_one_wins(url):
    won, barrier = [], threading.Barrier(6)

    def start():
        lease = Lease("s", RDBStorage(url))
        barrier.wait()
        try:
            lease.take()
            won.append(lease)
        except InvalidInput:
            pass

    RDBStorage(url)
    threads = [threading.Thread(target=start) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert won[0].renew() is False


def test_a_driver_that_was_killed_on_this_machine_is_followed_at_once(storage, url):
    with subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        with pytest.raises(InvalidInput, match=f"process {process.pid} on"):
            Lease("s", storage).take()
        process.kill()
        process.wait()
    Lease("s", storage).take()


def test_a_lease_that_expires_goes_to_the_next_and_the_first_driver_stops_at_once(storage):
    pause, told = Pause(), []
    pause.listener = told.append
    with Lease("s", storage, lifetime=0.0).held(pause, every=0.3):
        Lease("s", storage).take()
        wait_until(lambda: pause.immediate)
    assert pause.superseded
    assert told == ["another driver has taken over the study: stopping at once; trainings go on from their last checkpoints"]
    with pytest.raises(InvalidInput, match="must have one driver"):
        Lease("s", storage).take()


def test_a_pause_is_asked_of_the_driver_that_runs(storage):
    for _ in range(2):
        with pytest.raises(InvalidInput, match="study s must be running to be paused, but no driver runs it"):
            ask_to_pause("s", storage)
        pause = Pause()
        with Lease("s", storage).held(pause, every=0.05):
            assert not pause.asked
            assert ask_to_pause("s", storage).startswith("process ")
            wait_until(lambda pause=pause: pause.asked)
            assert not pause.immediate


def test_a_database_that_goes_away_for_a_while_costs_no_lease(server):
    pause = Pause()
    storage = RDBStorage(server.url(), engine_kwargs={"pool_pre_ping": True})
    with Lease("s", storage).held(pause, every=0.05):
        server.kill()
        time.sleep(0.3)
        server.start()
        ask_to_pause("s", storage)
        wait_until(lambda: pause.asked)


def test_who_holds_a_lease_can_be_read_without_taking_part(storage, url):
    assert holder_of("s", storage) is None
    assert not inspect(storage.engine).has_table("dite_search_leases"), "nothing is written"
    lease = Lease("s", storage)
    lease.take()
    held = holder_of("s", storage)
    assert (held.pid, held.state, held.pause_asked) == (os.getpid(), "drives", False)
    assert str(held) == f"process {os.getpid()} on {held.host}"
    assert 0 < held.since <= time.time()
    ask_to_pause("s", storage)
    assert holder_of("s", storage).pause_asked
    lease.release()
    ended = holder_of("s", storage)
    assert (ended.state, ended.pause_asked) == ("ended", False)
    assert holder_of("another", storage) is None
    Lease("short", storage, lifetime=0.0).take()
    assert holder_of("short", storage).state == "gone"


def test_a_driver_that_died_on_this_machine_is_gone_at_once(storage, url):
    other = subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "taken\n"
    assert holder_of("s", storage).state == "drives"
    other.kill()
    other.wait()
    assert holder_of("s", storage).state == "gone"
