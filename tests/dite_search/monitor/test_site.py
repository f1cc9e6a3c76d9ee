"""The pages of the dashboard: a study with its trials and budget, its report, and all studies of a folder."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from dite_search.monitor.snapshot import LiveReader
from dite_search.study.places import REPORT_PAGE
from search_spaces.common.objectives import cost_names
from search_spaces.space.budget import Budget
from tests.analysis.browser import PHONE
from tests.dite_search.monitor import test_server
from tests.dite_search.monitor.test_server import Driver, get, looked_at, served
from tests.dite_search.monitor.test_snapshot import moment_of, trained

pytestmark = pytest.mark.filterwarnings("ignore")
browser, config = test_server.browser, test_server.config


def test_a_study_leads_to_its_report_and_to_all_studies(config):
    Driver(config).train("a", 0.4)
    report = config.study_directory / REPORT_PAGE
    with served(config) as page:
        assert json.loads(get(page, "/state.json")[1])["report"] is False
        assert get(page, "/report.html")[0].status == 404
        report.parent.mkdir()
        report.write_text("<title>report</title>")
        answer, body = get(page, "/report.html")
        assert (answer.status, body) == (200, b"<title>report</title>")
        assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
        body = get(page, "/studies")[1].decode()
        assert f'<a href="study/{config.name}/">{config.name}</a>' in body
        assert "0.400 ap_gt" in body
        for path in (f"/study/{config.name}/", f"/study/{config.name}/state.json", f"/study/{config.name}/report.html"):
            assert get(page, path)[0].status == 200, path
        assert b'src="../../plotly.js"' in get(page, f"/study/{config.name}/")[1]
        for path in ("/study/none/", "/study/../", "/study/%2e%2e%2fsmall/", "/study/", f"/study/{config.name}", "/x"):
            assert get(page, path)[0].status == 404, path


def test_a_study_that_was_deleted_and_made_anew_is_shown_anew(make_search, tmp_path):
    """Their databases lie elsewhere, so that only their folder tells one from the other."""
    config = make_search(trials=6, study_url=f"sqlite:///{tmp_path / 'first.db'}")
    place = f"/study/{config.name}/state.json"
    Driver(config).train("a", 0.4)
    with served(None, directory=config.study_directory.parent, every=0.0) as page:
        first = json.loads(get(page, place)[1])
        assert (first["asked"], [row["words"]["ap_gt"] for row in first["front"]]) == (6, ["0.400"])
        shutil.rmtree(config.study_directory)
        assert get(page, place)[0].status == 404
        url = f"sqlite:///{tmp_path / 'second.db'}"
        other = make_search(trials=9, study_url=url, objectives=["ap_gt", "params"])
        Driver(other).train("a", 0.7)
        found = json.loads(get(page, place)[1])
        assert (found["asked"], found["columns"], found["problem"]) == (9, ["ap_gt", "params"], "")
        assert [row["words"]["ap_gt"] for row in found["front"]] == ["0.700"]


def test_all_studies_come_first_where_none_is_named(config, tmp_path):
    Driver(config).train("a", 0.4)
    broken = config.study_directory.parent / "<b>roken"
    broken.mkdir()
    (broken / "search.yaml").write_text("name: [")
    with served(None, directory=config.study_directory.parent) as page:
        answer, body = get(page, "/")
        assert answer.status == 200
        assert "script-src 'none'" in answer.getheader("Content-Security-Policy")
        assert b"&lt;b&gt;roken" in body
        assert b"unreadable" in body
        assert get(page, "/state.json")[0].status == 404
    (tmp_path / "empty").mkdir()
    with served(None, directory=tmp_path / "empty") as page:
        assert b"No study lies here yet." in get(page, "/")[1]


@pytest.fixture
def filled(config, monkeypatch):
    """A search that runs: one complete trial, one that runs, one that was stopped, under a budget of MMACs."""
    driver = Driver(config)
    records = [
        trained(0, 12),
        trained(1, 3, status="running"),
        trained(2, 2, status="stopped", reason="no place at epoch 2"),
    ]
    records[0] = dataclasses.replace(records[0], metrics={"ap_gt": 0.004})
    moment = moment_of(records, {}, limits=Budget.parse(("mmacs <= 9", "params <= 2M"), cost_names()))
    monkeypatch.setattr(LiveReader, "read", lambda self, now: moment)
    return driver, moment


def test_the_state_has_loss_costs_stopped_trials_and_limits(config, filled):
    _, moment = filled
    with served(config) as page:
        state = json.loads(get(page, "/state.json")[1])
    assert state["limits"] == {"mmacs": 9.0, "params": 2e6}
    assert state["limit_words"] == "Budget of a network: MMACs at most 9.00 and parameters at most 2.000 M"
    (running,) = state["running"]
    assert running["words"]["mmacs"] == f"{moment.study.trials[1].cost.mmacs:.2f}"
    assert (running["latest"], running["loss"]) == ("0.150", "0.333")
    (stopped,) = state["stopped"]
    assert (stopped["trial"], stopped["epochs"], stopped["score"], stopped["reason"]) == (2, 2, 0.1, "no place at epoch 2")
    assert state["curves"]["trials"][0]["loss"][:2] == [[1, 1.0], [2, 0.5]]
    assert state["highest"] == 1


@pytest.mark.slow
def test_a_page_shows_them_on_axes_that_fit(config, filled, browser):
    with served(config) as page, looked_at(browser, page.url, size=PHONE) as found:
        found.wait("#loss-plot .point")
        assert "no place at epoch 2" in found.page.locator("#stopped tbody").inner_text()
        assert "MMACs" in found.page.locator("#running thead").inner_text()
        assert found.page.locator("#limits").inner_text().startswith("Budget of a network: MMACs at most 9")
        shown = found.page.evaluate(
            """() => ["front-plot", "curves-plot", "loss-plot"].map((id) => {
              const made = document.getElementById(id)._fullLayout;
              return { x: made.xaxis.range, y: made.yaxis.range, lines: (made.shapes || []).map((line) => line.x0) };
            })"""
        )
        front, curves, loss = shown
        assert front["lines"] == [9]
        assert front["x"][0] < 9 < front["x"][1]
        assert 0 <= front["y"][0] < 0.004 < front["y"][1] <= 0.2, "a score of 0.004 is not drawn from -1 to 1"
        assert curves["x"] == loss["x"] == [0.5, 12.5]
        assert 0 <= curves["y"][0] < 0.05
        assert 0.6 < curves["y"][1] <= 1
        assert found.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert found.violations() == []
        found.page.locator("nav a", has_text="All studies").click()
        found.wait("h1:has-text('Studies')")
        assert found.violations() == []
        found.page.locator("tbody a").first.click()
        found.wait("#loss-plot .point")
        assert found.messages == []
