"""The commands that watch a search."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

from dite_search.cli import main
from tests.dite_search.commands import refused, run
from tests.dite_search.monitor.test_server import Driver

pytestmark = pytest.mark.filterwarnings("ignore")

COMMAND = [sys.executable, "-c", "from dite_search.cli import main; main()"]


@pytest.fixture
def config(make_search):
    return make_search(objectives=["ap_gt", "mmacs"], trials=2)


def folder(config) -> str:
    return str(config.study_directory)


def test_one_frame_beside_a_live_driver(config):
    driver = Driver(config)
    driver.train("a", 0.4)
    driver.begin("b")
    driver.epoch("b", 1, 0.3)
    for words in (("--once",), ()):
        text = run("watch", folder(config), *words).output
        assert f"small runs, driven by process {os.getpid()} on" in text
        assert "1 of 2 trials ended: 1 complete, 1 running" in text
        assert "gpu-3, process 99" in text


def test_a_frame_as_json(config):
    driver = Driver(config)
    driver.train("a", 0.4)
    found = json.loads(run("watch", folder(config), "--json").stdout)
    assert [row["values"]["ap_gt"] for row in found["front"]] == [0.4]
    assert (found["state"], found["spent"]) == ("running", 1)


def test_a_driver_that_was_killed_is_noticed(config):
    driver = Driver(config)
    driver.begin("a")
    driver.epoch("a", 1, 0.3)
    driver.lease.release()
    hold = "import sys; from dite_search.storage.lease import Lease; from optuna.storages import RDBStorage;"
    hold += "Lease('small', RDBStorage(sys.argv[1])).take(); print('taken', flush=True); import time; time.sleep(60)"
    url = f"sqlite:///{config.study_directory / 'study.db'}"
    other = subprocess.Popen([sys.executable, "-c", hold, url], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "taken\n"
    assert f"driven by process {other.pid}" in run("watch", folder(config), "--once").output
    other.kill()
    other.wait()
    other.stdout.close()
    result = run("watch", folder(config), "--once")
    assert result.exit_code == 0, (result.output, result.exception)
    text = " ".join(result.output.split())
    assert f"its driver, process {other.pid} on" in text
    assert "is gone, and what it had is kept" in text
    assert "dite-search resume" in text


def test_mistakes_are_answered_in_a_sentence(make_search, tmp_path):
    assert "study 'nothing' does not exist" in refused("watch", "nothing", "--directory", tmp_path)
    assert "study 'nothing' does not exist" in refused("dashboard", "nothing", "--directory", tmp_path)


@pytest.mark.parametrize("words", [("watch", "--once"), ("watch", "--json"), ("dashboard",)])
def test_a_damaged_study_is_told_in_a_sentence(config, words):
    Driver(config).train("a", 0.4)
    with sqlite3.connect(config.study_directory / "study.db") as database:
        database.execute("UPDATE trial_user_attributes SET value_json = '{' WHERE key = 'arch'")
    command, *options = words
    message = refused(command, config.study_directory, *options)
    assert "must be whole, but is damaged or missing" in message


def terminal(*words: str) -> tuple[subprocess.Popen[bytes], list[bytes], threading.Thread]:
    """A command in a terminal of its own, and what it writes there."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "30"}
    process = subprocess.Popen([*COMMAND, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written: list[bytes] = []

    def collect() -> None:
        try:
            while block := os.read(ours, 65536):
                written.append(block)
        except OSError:
            # The terminal's end of file.
            pass
        os.close(ours)

    thread = threading.Thread(target=collect)
    thread.start()
    return process, written, thread


def wait_for(written: list[bytes], wanted: str, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while wanted not in b"".join(written).decode(errors="replace"):
        assert time.monotonic() < end, b"".join(written).decode(errors="replace")[-2000:]
        time.sleep(0.05)


@pytest.mark.slow
def test_a_terminal_follows_the_search_until_it_has_finished(config):
    driver = Driver(config)
    driver.begin("a")
    process, written, thread = terminal("watch", folder(config), "--every", "0.2")
    wait_for(written, "0 of 2 trials ended")
    driver.epoch("a", 1, 0.3)
    wait_for(written, "gpu-3, process 99")
    driver.epoch("a", 2, 0.6)
    driver.end("a", 0.6)
    wait_for(written, "1 of 2 trials ended")
    driver.train("b", 0.7)
    driver.lease.release()
    assert process.wait(timeout=120) == 0
    thread.join()
    text = b"".join(written).decode()
    assert "has finished" in text
    assert "Traceback" not in text


@pytest.mark.slow
def test_ctrl_c_ends_the_watching_and_not_the_search(config):
    driver = Driver(config)
    driver.begin("a")
    process, written, thread = terminal("watch", folder(config), "--every", "0.2")
    wait_for(written, "0 of 2 trials ended")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    thread.join()
    text = b"".join(written).decode()
    assert "Traceback" not in text
    assert text.rstrip().endswith("\x1b[?25h"), "the cursor is shown again"
    assert driver.lease.renew() is False


@pytest.mark.slow
def test_a_dashboard_prints_its_address_and_ends_with_ctrl_c(config):
    Driver(config).train("a", 0.4)
    process, written, thread = terminal("dashboard", folder(config))
    wait_for(written, "Ctrl-C ends it")
    text = b"".join(written).decode()
    found = re.search(r"Dashboard of small:  (http://127\.0\.0\.1:\d+/)", text)
    assert found is not None
    with urllib.request.urlopen(found[1] + "state.json", timeout=30) as answer:
        assert json.load(answer)["spent"] == 1
    assert "ui --backend-store-uri 'sqlite:///" in text.replace("\r\n", "")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    thread.join()
    assert "Traceback" not in b"".join(written).decode()


def test_both_commands_are_listed():
    assert {"watch", "dashboard", "show"} <= set(main.commands)
