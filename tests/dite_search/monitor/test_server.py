"""The dashboard: what its server gives to whom, and the page in a browser beside a study that grows."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from plotly.offline import get_plotlyjs

from dite_search.driver.searcher import StudySearch
from dite_search.monitor.server import Dashboard
from dite_search.monitor.site import SnapshotCache, is_loopback, page_of, tools_of
from dite_search.storage.lease import Lease
from dite_search.study.study import DATABASE_AWAY, create_study, storage_of
from search_spaces.common.errors import InvalidInput
from tests.analysis.browser import DESKTOP, PHONE, Opened, launched
from tests.ports import free_port
from tests.profiles import first_at_a_commit

pytestmark = pytest.mark.filterwarnings("ignore")

PORTS = range(18420, 18520)


@contextmanager
def served(config, **options) -> Iterator[Dashboard]:
    with Dashboard(config, **({"host": "127.0.0.1", "ports": PORTS, "every": 0.2} | options)) as page:
        thread = threading.Thread(target=page.serve, daemon=True)
        thread.start()
        yield page
        page.stop()
        thread.join()


def get(page: Dashboard, path: str, *, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    parts = urlsplit(page.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


class Driver:
    """A search whose trainings are made up: what it writes is what a real one writes."""

    def __init__(self, config) -> None:
        create_study(config)
        self.search = StudySearch(config)
        self.lease = Lease(config.name, storage_of(config))
        self.lease.take()

    def begin(self, name: str) -> None:
        self.search.suggest(name)

    def epoch(self, name: str, epoch: int, score: float) -> None:
        figures = {"epoch": epoch, "loss": 0.5 / epoch, "ap_gt": score, "seconds": 5.0 * epoch}
        self.search.on_trial_result(name, figures | {"hostname": "gpu-3", "pid": 99})

    def end(self, name: str, score: float) -> None:
        self.search.on_trial_complete(name, {"epoch": 2, "loss": 0.2, "ap_gt": score, "seconds": 12.0})

    def train(self, name: str, score: float) -> None:
        self.begin(name)
        self.epoch(name, 1, score / 2)
        self.epoch(name, 2, score)
        self.end(name, score)


@pytest.fixture
def config(make_search):
    return make_search(objectives=["ap_gt", "mmacs"], trials=6)


def test_the_page_and_its_state_are_served_and_nothing_else(config):
    Driver(config).train("a", 0.4)
    with served(config) as page:
        answer, body = get(page, "/")
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
        policy = answer.getheader("Content-Security-Policy")
        (nonce,) = set(re.findall(r'nonce="([^"]+)"', body.decode()))
        assert f"script-src 'self' 'nonce-{nonce}'" in policy
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]
        again, _ = get(page, "/")
        assert nonce not in again.getheader("Content-Security-Policy"), "a nonce is used once"
        answer, body = get(page, "/state.json")
        state = json.loads(body)
        assert (state["spent"], state["asked"], state["state"]) == (1, 6, "running")
        assert [row["words"]["ap_gt"] for row in state["front"]] == ["0.400"]
        assert state["curves"]["trials"][0]["points"] == [[1, 0.2], [2, 0.4]]
        for path in ("/study.db", "/../study.db", "/templates/dashboard.html"):
            assert get(page, path)[0].status == 404
        assert get(page, "/", method="POST")[0].status == 501
        answer, body = get(page, "/", method="HEAD")
        assert (answer.status, body) == (200, b"")


def test_plotly_comes_from_the_same_server(config):
    Driver(config)
    with served(config) as page:
        answer, body = get(page, "/plotly.js")
        assert answer.getheader("Content-Encoding") == "gzip"
        assert gzip.decompress(body).decode() == get_plotlyjs()


def test_what_has_not_changed_is_not_sent_again(config):
    driver = Driver(config)
    driver.lease.release()
    with served(config) as page:
        answer, body = get(page, "/state.json")
        known, nothing = get(page, "/state.json", **{"If-None-Match": answer.getheader("ETag")})
        assert (known.status, nothing) == (304, b"")
        assert json.loads(body)["state"] == "stopped"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:18420", "127.0.0.1.evil.example", "", "[", "192.168.0.7"])
def test_another_name_does_not_lead_to_loopback(config, host):
    Driver(config)
    with served(config) as page:
        assert get(page, "/state.json", Host=host)[0].status == 403
        assert get(page, "/state.json", Host="localhost:1")[0].status == 200


def test_off_loopback_the_token_of_the_url_is_needed(config):
    Driver(config)
    with served(config, host="0.0.0.0") as page:
        assert page.url.startswith(f"http://{socket.gethostname()}:")
        path = urlsplit(page.url).path
        assert len(path) > 30
        for wrong in ("/", "/state.json", "//state.json", path[:-2] + "/state.json", path.rstrip("/"), "/%C3%A9/state.json"):
            status = get(page, wrong)[0].status
            assert status == 403, wrong
        assert get(page, f"{path}state.json", Host="gpu-node:8420")[0].status == 200
        assert b"plotly.js" in get(page, path)[1]


def test_by_default_only_this_machine_is_listened_to(config):
    Driver(config)
    with served(config) as page:
        assert urlsplit(page.url).hostname == "127.0.0.1"
        assert urlsplit(page.url).path == "/"
    assert [is_loopback(host) for host in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "10.0.0.4", "name")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_a_port_that_is_taken_is_passed_over_or_named(config):
    Driver(config)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"the dashboard must have port {port} of 127\.0\.0\.1, but: "):
            Dashboard(config, host="127.0.0.1", ports=[port])
        with served(config, ports=[port, *PORTS]) as page:
            assert urlsplit(page.url).port in PORTS
    with pytest.raises(InvalidInput, match=r"--host must be an address of this machine, got 'no such host\.invalid'"):
        Dashboard(config, host="no such host.invalid", ports=PORTS)


def test_a_database_that_goes_away_leaves_the_last_reading_with_a_word():
    class Reader:
        away = False

        def read(self, now: float) -> Any:
            if self.away:
                raise DATABASE_AWAY("connection refused\nand more")
            from tests.dite_search.monitor.test_snapshot import steady

            return steady(now=now)

    reader, clock = Reader(), iter(range(100))
    board = SnapshotCache(reader, every=0.5, clock=lambda: next(clock), now=lambda: 100_000.0)  # type: ignore[arg-type]
    assert json.loads(board.json())["problem"] == ""
    reader.away = True
    state = json.loads(board.json())
    assert state["problem"] == "The study cannot be read just now: connection refused"
    assert state["spent"] == 5
    reader.away = False
    assert json.loads(board.json())["problem"] == ""


def test_the_study_is_read_once_for_many_pages():
    class Reader:
        readings = 0

        def read(self, now: float) -> Any:
            from tests.dite_search.monitor.test_snapshot import steady

            self.readings += 1
            return steady(now=now)

    reader = Reader()
    board = SnapshotCache(reader, every=2.0, clock=lambda: 1.0, now=lambda: 100_000.0)  # type: ignore[arg-type]
    assert len({board.json() for _ in range(5)}) == 1
    assert reader.readings == 1


def test_other_dashboards_are_named_without_passwords(make_search, tmp_path):
    mlflow, optuna = tools_of(make_search(), mlflow="mlflow")
    assert mlflow.url == "http://127.0.0.1:5000"
    served = f"mlflow ui --backend-store-uri 'sqlite:///{tmp_path / 'runs' / 'mlflow.db'}'"
    assert mlflow.command == f"{served}   # then open http://127.0.0.1:5000"
    assert optuna.command == f"optuna-dashboard 'sqlite:///{tmp_path / 'runs' / 'small' / 'study.db'}'"
    served_one, optuna = tools_of(
        make_search(
            mlflow_url="https://alice:s3cret@mlflow.example/base?token=t0p",
            study_url="postgresql://alice:s3cret@db.example/optuna",
        )
    )
    assert served_one.url == "https://mlflow.example/base"
    assert optuna.command == "optuna-dashboard 'postgresql://***@db.example/optuna'"
    page = page_of("s", [served_one, optuna], every=2.0)("n").decode()
    assert "s3cret" not in page
    assert "t0p" not in page
    assert "put in the user and password" in page


def test_a_name_is_escaped():
    page = page_of("<script>alert(1)</script>", [], every=2.0)("n").decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@contextmanager
def looked_at(browser: Any, url: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False) -> Iterator[Opened]:
    """A page of a server, with what it wrote to the console and asked for."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if dark else "light")
    context.set_default_timeout(120_000)
    found = Opened(page=context.new_page())
    found.page.on("console", lambda message: found.messages.append(f"{message.type}: {message.text}"))
    found.page.on("pageerror", lambda error: found.messages.append(f"error: {error}"))
    found.page.on("request", lambda request: found.requests.append(request.url))
    found.page.goto(url)
    yield found
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dark"), first_at_a_commit([(PHONE, True), (DESKTOP, False)]))
def test_a_page_shows_the_front_and_follows_the_search(config, browser, size, dark):
    driver = Driver(config)
    with served(config) as page, looked_at(browser, page.url, size=size, dark=dark) as found:
        assert found.wait("#none").inner_text() == "No trial has ended with a score yet."
        assert found.wait("#unmeasured").inner_text() == "No epoch has ended yet."
        assert not found.page.locator("#curves-plot").is_visible(), "axes of nothing show nothing"
        driver.train("a", 0.4)
        driver.begin("b")
        driver.epoch("b", 1, 0.3)
        found.wait("#running tbody tr:has-text('1/2')")
        found.wait("#front-plot .point")
        assert not found.page.locator("#none").is_visible()
        assert found.page.locator("#front tbody tr").count() == 1
        assert "0.400" in found.page.locator("#front tbody").inner_text()
        assert "gpu-3, process 99" in found.page.locator("#running tbody").inner_text()
        assert found.page.locator("#curves-plot .point").count() == 3
        widths = [found.page.locator(f"#{name}-plot").bounding_box()["width"] for name in ("front", "curves")]
        drawn = [found.page.locator(f"#{name}-plot .main-svg").first.bounding_box()["width"] for name in ("front", "curves")]
        assert drawn == pytest.approx(widths, abs=2)
        found.page.evaluate("document.body.dataset.same = 'page'")
        driver.epoch("b", 2, 0.7)
        driver.end("b", 0.7)
        found.wait("#front tbody tr:has-text('0.700')")
        assert found.page.evaluate("document.body.dataset.same") == "page", "it was not loaded again"
        assert "2 of 6 trials ended" in found.page.locator("#tally").inner_text()
        driver.lease.release()
        found.wait("#advice code:has-text('dite-search resume')")
        assert found.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert found.messages == []
        assert {urlsplit(request).netloc for request in found.requests if not request.startswith("data:")} == {
            urlsplit(page.url).netloc
        }
        assert found.violations() == []


@pytest.mark.slow
def test_a_page_says_when_its_server_is_gone_and_comes_back_with_it(config, browser):
    Driver(config).train("a", 0.4)
    with served(config, ports=[free_port()]) as page:
        port = urlsplit(page.url).port
        with looked_at(browser, page.url) as found:
            found.wait("#front tbody tr")
            page.stop()
            page.__exit__()
            found.wait("#problem:has-text('The dashboard does not answer')")
            assert found.page.locator("#front tbody tr").count() == 1
            with served(config, ports=[port]):
                end = time.monotonic() + 60
                while found.page.locator("#problem").inner_text() and time.monotonic() < end:
                    time.sleep(0.1)
                assert found.page.locator("#problem").inner_text() == ""
