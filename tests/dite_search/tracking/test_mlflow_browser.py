"""A search in MLflow's own pages, on a real server in a browser; the trainings are recorded ones."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import mlflow
import pytest
from PIL import Image

from dite_search.config.search_config import parse_search
from dite_search.driver.searcher import StudySearch
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.study.places import PROVENANCE_FILE
from dite_search.study.study import create_study, reopen_running
from dite_search.tracking.address import TRAINING_VIEW
from dite_search.tracking.client import tracker_of
from dite_search.tracking.mirror import Mirror
from dite_search.tracking.source import StudySource, search_address
from search_spaces.common.files import write_json
from tests.analysis.browser import launched
from tests.dite_search.servers import NEEDS_PROCESS_GROUPS, MlflowServer
from tests.integration.replaying_runner import TABLE

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("cluster"),
    NEEDS_PROCESS_GROUPS,
    pytest.mark.filterwarnings("ignore"),
]

TRIALS, STOPPED = 9, 3
"""Trials of the search, and how many of them are stopped in the middle."""
PICTURES_VARIABLE = "MLFLOW_PICTURES"
"""Names the environment variable of a folder that the pictures are written to."""
COLOURS, WIDTH, SHOWN_SHARE = 250, 1100, 0.742
SECONDS = 60


@dataclass(frozen=True)
class Shown:
    """A search on a server, and a page of a browser."""

    server: MlflowServer
    address: str
    runs: dict[int | None, str]
    page: Any

    def open(self, path: str) -> Any:
        self.page.goto("about:blank")
        self.page.goto(f"{self.server.url}/{path}")
        return self.page

    def seen(self, text: str) -> None:
        self.page.get_by_text(text, exact=False).first.wait_for(timeout=1000 * SECONDS)

    def picture(self, name: str) -> None:
        """Write the page as a small picture, where a folder is named, and see that something is drawn."""
        shot = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        assert len(shot.getcolors(1 << 20) or ()) > 20, f"{name} is blank"
        folder = os.environ.get(PICTURES_VARIABLE)
        if folder:
            small = shot.resize((WIDTH, round(shot.height * WIDTH / shot.width)), Image.Resampling.LANCZOS)
            # To its right stands MLflow's assistant.
            small = small.crop((0, 0, round(SHOWN_SHARE * WIDTH), small.height))
            small.quantize(COLOURS).save(Path(folder) / f"mlflow_{name}.png", optimize=True)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    try:
        with launched() as browser:
            config = recorded_search(tmp_path_factory.mktemp("runs"), server)
            server.wait()
            tracker, source = tracker_of(config), StudySource(config)
            Mirror(tracker, source).reconcile()
            found = tracker.find_runs(source.tag)
            runs = {int(number) if (number := run.tags.get("dite_search.trial")) else None: run.run_id for run in found}
            context = browser.new_context(viewport={"width": 1500, "height": 950})
            context.set_default_timeout(1000 * SECONDS)
            yield Shown(server=server, address=search_address(config), runs=runs, page=context.new_page())
    finally:
        server.kill()


def recorded_search(directory: Path, server: MlflowServer) -> Any:
    """Make a search whose trials report the curves of trainings that were recorded."""
    table = load_table(TABLE)
    fields = {
        "name": "tiny-networks",
        "space": TABLE,
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "trials": TRIALS + 1,
        "training": table.config.to_dict()["training"],
        "sampler": {"name": "random"},
        "mlflow_url": server.url,
        "directory": str(directory),
        "seed": 3,
    }
    config = parse_search(fields, "search.yaml")
    create_study(config)
    told = {
        "command": "dite-search search tiny.yaml",
        "git_commit": "0123456789abcdef+changes",
        "data": "sha256 0123456789abcdef",
    }
    write_json(config.study_directory / PROVENANCE_FILE, told | {"mlflow_uri": server.url})
    search = StudySearch(config)
    for count in range(TRIALS + 1):
        name = f"trial-{count}"
        arch = search.suggest(name)["arch"]  # type: ignore[index]
        curve = table.curve(arch.arch_id, 0)
        if count == TRIALS:
            search.on_trial_result(name, dict(curve[0]))
            continue
        is_stopped = count % 3 == 2
        for metrics in curve[: len(curve) // 2 if is_stopped else len(curve)]:
            search.on_trial_result(name, dict(metrics))
        search.on_trial_complete(name, dict(curve[-1]))
    reopen_running(config)
    return config


def test_the_run_of_the_search_is_enough_by_itself(shown: Shown) -> None:
    page = shown.page
    page.goto(shown.address)
    shown.seen("networks are on the front")
    for text in ("best_ap_gt", "hypervolume", "Scheduled", "tiny.yaml", "0123456789abcdef"):
        shown.seen(text)
    page.get_by_text("Show more").first.click()
    links = page.locator("td a[href*='/runs/'], table a[href*='/runs/']")
    shown.picture("search")
    addresses = [links.nth(place).get_attribute("href") for place in range(links.count())]
    assert any(f"/runs/{run_id}" in str(address) for address in addresses for run_id in shown.runs.values())


def test_the_front_is_a_page_whose_points_name_their_runs(shown: Shown) -> None:
    page = shown.open(f"#/experiments/1/runs/{shown.runs[None]}/artifacts/front.html?{TRAINING_VIEW}")
    frame = page.frame_locator("iframe.mlflow-html-iframe")
    frame.locator("#front-plot .main-svg").first.wait_for()
    link = frame.locator("#front-table a").first.get_attribute("href")
    assert link.startswith(f"{shown.server.url}/#/experiments/1/runs/")
    frame.locator("#front-plot .point").last.click(force=True)
    chosen = frame.locator("#chosen a")
    chosen.wait_for()
    assert str(chosen.get_attribute("href")).split("/runs/")[1].partition("?")[0] in shown.runs.values()
    for name in ("report.html", "front.png", "front_mmacs.png", "trials.csv", "search.yaml"):
        shown.seen(name)
    shown.picture("front")


def test_a_trial_has_its_accuracy_and_its_costs(shown: Shown) -> None:
    shown.open(f"#/experiments/1/runs/{shown.runs[0]}?{TRAINING_VIEW}")
    for text in ("final_ap_gt", "mmacs", "params", "Finished"):
        shown.seen(text)
    shown.picture("trial")


def test_trials_are_compared_by_accuracy_and_cost(shown: Shown) -> None:
    ids = [run_id for number, run_id in shown.runs.items() if number is not None][:6]
    query = f"runs={quote(json.dumps(ids))}&experiments={quote(json.dumps(['1']))}&{TRAINING_VIEW}"
    page = shown.open(f"#/compare-runs?{query}")
    page.get_by_text("Parallel Coordinates Plot").first.wait_for()
    shown.picture("compare")
    page.get_by_text("Scatter Plot").first.click()
    page.locator(".js-plotly-plot, .plotly").first.wait_for()
    for place, name in enumerate(("mmacs", "final_ap_gt")):
        page.locator("[role=combobox]").nth(place).click()
        page.get_by_role("option", name=name, exact=True).click()
    page.locator(".xtitle, .ytitle", has_text="mmacs").first.wait_for()
    shown.picture("scatter")


def test_the_experiment_opens_in_the_view_of_trainings(shown: Shown) -> None:
    experiment = mlflow.MlflowClient(shown.server.url).get_experiment("1")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    page = shown.open(f"#/experiments/1?{TRAINING_VIEW}")
    page.wait_for_url(lambda url: "/experiments/1/runs" in url)
    page.get_by_role("link", name="tiny-networks").first.wait_for()
    shown.picture("experiment")
