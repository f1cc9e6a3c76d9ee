"""How large a report of many trials is, how long it takes to build, and how soon its page can be used.

Run: ``python -m benchmarks.driver.report_scale``. The study is made up: networks of the space ``dite_hrnet`` drawn at
random, scores and curves of a formula with noise. One in ten is trained twice, so that every section has something to show.
The scores mean nothing. Times in the browser are by its own clock, from the start of the navigation. At ``ready`` the
script has filled the tables and reads clicks, and at ``front`` the figure of the front is drawn. ``filter`` is how long the
page is busy with a new budget, ``search`` with a word in the table of all trials. Processor time tells more on a busy
machine.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np

from analysis.report import Setup, write_report
from analysis.study.records import StudyRecord, TrialRecord
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.parameter import Point
from search_spaces.registry import cost_of
from search_spaces.space.space_file import space_from

EPOCHS = 30
REPEATED = 10
"""Every so many trials repeat the network before."""


def made_up_study(trials: int, *, seed: int = 0) -> StudyRecord:
    """A study of so many trials, whose scores are a formula: nothing was trained."""
    generator = np.random.default_rng(seed)
    space = space_from("dite_hrnet")
    records: list[TrialRecord] = []
    for number in range(trials):
        repeat = number % REPEATED == REPEATED - 1
        parameters = dict(records[-1].parameters) if repeat else space.sample(generator)
        records.append(_trial(number, space.build(parameters), parameters, generator))
    return StudyRecord(
        name=f"made up: {trials} trials of a formula",
        directory=Path("made_up"),
        objectives=("ap_gt", "mmacs", "latency_ms"),
        trials=records,
        protocol={"dataset": "none: scores are a formula", "boxes": "gt", "epochs": EPOCHS, "flip_test": True, "seed": seed},
        provenance={"command": "python -m benchmarks.driver.report_scale"},
        over_budget=trials // 5,
        reused=trials // 20,
    )


def _trial(number: int, arch: ArchConfig, parameters: Point, generator: np.random.Generator) -> TrialRecord:
    cost = cost_of(arch)
    final = 0.45 + 0.05 * math.log(cost.mmacs / 100 + 1) + float(generator.normal(0, 0.01))
    status = str(generator.choice(["complete", "stopped", "failed"], p=[0.55, 0.42, 0.03]))
    epochs = EPOCHS if status == "complete" else int(generator.integers(3, 11))
    curve = [
        {"epoch": float(epoch), "loss": 0.004 / epoch**0.5, "ap_gt": final * (1 - math.exp(-4 * epoch / EPOCHS))}
        for epoch in range(1, epochs + 1)
    ]
    reasons = {"complete": "", "stopped": f"dominated at the rung of {epochs} epochs", "failed": f"loss in epoch {epochs}"}
    return TrialRecord(
        number=number,
        status=status,
        reason=reasons[status],
        arch=arch,
        cost=cost,
        parameters=parameters,
        metrics={"ap_gt": curve[-1]["ap_gt"], "latency_ms": cost.mmacs / 10 + float(generator.normal(5, 0.3))},
        curve=curve,
        seconds=epochs * (20 + cost.mmacs / 4),
        mlflow_run_id=f"{int(generator.integers(2**62)):032x}",
    )


def browser_times(page_file: Path) -> dict[str, float]:
    """Seconds in headless Chromium; empty without Playwright or Chromium."""
    from tests.analysis.browser import chromium

    path = chromium()
    if path is None:
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1800})
        client = page.context.new_cdp_session(page)
        client.send("Performance.enable")

        def processor() -> float:
            metrics = client.send("Performance.getMetrics")["metrics"]
            return float(next(entry["value"] for entry in metrics if entry["name"] == "ThreadTime"))

        page.goto(page_file.as_uri())
        found = {"ready": page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000")}
        found["ready, processor"] = processor()
        page.wait_for_selector("#front-plot .main-svg >> nth=0", state="attached", timeout=120_000)
        found["front"] = page.evaluate("performance.now() / 1000")
        found["front, processor"] = processor()
        page.wait_for_timeout(3000)
        for name, field, value in (("filter", "#limit-mmacs", "200"), ("search", "#text", "stopped")):
            before = processor()
            page.fill(field, value)
            page.wait_for_timeout(4000)
            found[f"{name}, processor"] = processor() - before
        browser.close()
    return found


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 5000], help="sizes of the study (default: 100 5000)")
    parser.add_argument("--keep", type=Path, help="folder for the reports (default: removed)")
    arguments = parser.parse_args()
    print("| trials | what | seconds, or MB |\n| ---: | --- | ---: |")
    for trials in arguments.trials:
        study = made_up_study(trials)
        with tempfile.TemporaryDirectory() as scratch:
            folder = (arguments.keep or Path(scratch)) / str(trials)
            began, clock = time.process_time(), time.perf_counter()
            report = write_report(study, folder, Setup(workers=1, gpus_per_worker=1.0))
            rows = {
                "building": time.perf_counter() - clock,
                "building, processor": time.process_time() - began,
                "report.html (MB)": report.html.stat().st_size / 1e6,
                **browser_times(report.html.absolute()),
            }
        for name, value in rows.items():
            print(f"| {trials} | {name} | {value:.2f} |", flush=True)


if __name__ == "__main__":
    main()
