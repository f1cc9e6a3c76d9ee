"""The content of a report, and that it is one safe page."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from analysis.pareto.front import front_of
from analysis.pareto.recommendations import knee_of, recommendations, summary
from analysis.report import Setup, report_html, write_report
from analysis.report.front_png import write_front_png
from analysis.report.sections.noise import noise_of
from analysis.study.records import StudyRecord, read_trials_table
from search_spaces.space.budget import Budget, Constraint
from tests.analysis.studies import PROTOCOL, study, trial

EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """The parts of a page: tags with attributes, visible text, and the contents of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append((self.tags[-1][1], data))
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def plots(self) -> dict[str, Any]:
        return {str(attrs["data-plot"]): json.loads(text) for attrs, text in self.scripts if "data-plot" in attrs}

    def axes(self) -> dict[str, Any]:
        return {str(attrs["data-axis"]): json.loads(text) for attrs, text in self.scripts if "data-axis" in attrs}

    def data(self) -> Any:
        return next(json.loads(text) for attrs, text in self.scripts if attrs.get("id") == "data")


def page_of(found: StudyRecord) -> Page:
    return Page(report_html(found))


def test_the_files_are_written_and_nothing_else(tmp_path: Path) -> None:
    report = write_report(study(), tmp_path / "new" / "report")
    names = ["front.png", "report.html", "summary.md", "trials.csv"]
    assert sorted(path.name for path in report.html.parent.iterdir()) == names
    assert report.png.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert report.html.stat().st_size < 3_000_000
    assert read_trials_table(report.csv)["trial"].tolist() == list(range(12))
    assert write_report(study([]), tmp_path / "new" / "report").csv.read_text().startswith("trial,status")


def test_the_answer_comes_first() -> None:
    page = page_of(study())
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == ["answer", "front", "progress", "matters", "noise", "protocol", "trials"]
    text = page.text
    assert text.index("7 networks are on the front") < text.index("Networks on the front, cheapest first")
    assert "The most accurate is trial 7: AP 0.571 for 8.03 MMACs" in text
    assert "The cheapest is trial 8: AP 0.398 for 2.80 MMACs" in text


def test_every_trial_its_status_and_its_reason() -> None:
    text = page_of(study()).text
    assert "✕ failed loss became nan in epoch 3; last finite value 0.0021" in text
    assert "▽ stopped below the median of epoch 3 (0.310)" in text, "a score of a lower fidelity stands in brackets"
    assert "9 complete (●, on the front ◆), 1 stopped early (▽), 1 failed (✕), 1 still running" in text


def test_conventions_and_boxes_are_stated() -> None:
    text = page_of(study()).text
    for part in (
        "that our network executes",
        "with the additions of biases",
        "Average precision of COCO keypoints",
        "boxes ground truth",
    ):
        assert part in text
    for part in ("Share of joints", "End-point error", "boxes of a person detector"):
        assert part not in text, "no trial has the quantity"


def test_no_complete_trial_says_so_plainly() -> None:
    text = page_of(study([trial(0, status="failed", reason="data set not found")])).text
    assert "There is no network to recommend: no trial is complete" in text
    assert "data set not found" in text
    assert "Networks on the front" not in text
    assert "The study has no trials yet." in page_of(study([])).text


def test_text_from_outside_is_text() -> None:
    evil = trial(0, ap=0.5, reason=EVIL, parameters={EVIL: EVIL})
    found = study(
        [evil, trial(1, ap=0.6, parameters={EVIL: 2}), trial(2, status="failed", reason=EVIL)],
        name=EVIL,
        protocol={EVIL: EVIL},
        provenance={EVIL: [EVIL]},
    )
    html = report_html(found)
    page = Page(html)
    assert EVIL in page.text, "it is shown as it is"
    assert all(str(attrs["src"]).startswith("data:image/png") for tag, attrs in page.tags if tag == "img")
    assert not any("onerror" in attrs for _, attrs in page.tags)
    assert html.count("<script") == html.count("</script>") == len(page.scripts)
    assert page.data()["reason"]["values"] == [EVIL, ""]


def test_nothing_is_loaded_from_outside() -> None:
    page = page_of(study())
    links = [attrs[name] for _, attrs in page.tags for name in ("src", "href") if attrs.get(name)]
    assert links
    assert all(str(link).startswith("#") for link in links)
    assert not re.search(r"url\(|@import", re.search("<style>.*?</style>", report_html(study([])), re.S)[0])  # type: ignore[index]
    policy = next(attrs["content"] for tag, attrs in page.tags if tag == "meta" and "http-equiv" in attrs)
    assert str(policy).startswith("default-src 'none'")


def test_credentials_stay_at_home() -> None:
    html = report_html(study())
    assert "s3cret" not in html
    assert "postgresql://***@db.example:5432/optuna" in html


def test_a_plot_for_each_cost_each_curve_and_each_axis_of_progress() -> None:
    trials = [dataclasses.replace(record, seed=1) if record.number == 5 else record for record in study().trials]
    page = page_of(study(trials))
    assert list(page.axes()) == ["mmacs", "latency_ms", "params"]
    assert list(page.plots()) == ["hypervolume-trials", "hypervolume-seconds", "curves-0", "curves-1", "repeats"]


@pytest.mark.parametrize(("dataset", "shown"), [("coco_val2017", True), ("coco_mini", False)])
def test_published_networks_only_under_their_protocol(dataset: str, shown: bool) -> None:
    trials = [trial(0, ap=0, metrics={"ap_det": 0.6})]
    protocol = {"dataset": dataset, "input_size": "256x192", "boxes": "det", "epochs": 30}
    page = page_of(study(trials, objectives=("ap_det", "params"), protocol=protocol))
    published = page.axes()["params"]["data"]
    assert all(trace["name"].startswith("published (Dite-HRNet paper") for trace in published)
    assert len(published) == (3 if shown else 0)
    assert ("they were trained for 210 or 270 epochs, here for 30" in page.text) is shown
    if shown:
        assert "Dite-HRNet-18" in published[0]["text"]
        assert [trace["marker"]["symbol"] for trace in published] == ["diamond", "diamond-open", "diamond-wide-open"]


def test_a_budget_leaves_its_networks_and_says_so() -> None:
    budget = Budget(constraints=(Constraint(cost="mmacs", limit=5.0),))
    page = Page(report_html(study(), Setup(budget=budget)))
    assert "Within the budget (MMACs at most 5.00) lie 4 of 9 complete trials; 3 of them are on the front." in page.text
    assert page.data()["limits"] == {"mmacs": 5.0}
    nothing = Budget(constraints=(Constraint(cost="mmacs", limit=1.0), Constraint(cost="latency_ms", limit=1.0)))
    text = Page(report_html(study(), Setup(budget=nothing))).text
    assert "(MMACs at most 1.00 and latency (ms) at most 1.00): the least MMACs is 2.80 (trial 8), the least latency" in text


@pytest.mark.slow
def test_more_trials_than_a_page_holds() -> None:
    page = page_of(study([trial(number, ap=0.3 + number / 1000) for number in range(130)]))
    rows = [attrs["id"] for tag, attrs in page.tags if tag == "tr" and attrs.get("id")]
    assert rows == [f"trial-{number}" for number in range(100)]
    assert page.data()["numbers"] == list(range(130))
    assert "The first 100 trials; trials.csv beside this page has all of them." in page.text


def test_what_is_missing_from_the_provenance_is_told() -> None:
    text = page_of(study(provenance={"command": "dite-search x"}, protocol={"epochs": 3})).text
    assert "command dite-search x git commit not recorded seed not recorded" in text
    setup = Setup(search={"sampler": "tpe"})
    text = Page(report_html(study(provenance={"git_commit": "abc123"}, protocol={"seed": 7}), setup)).text
    assert "command not recorded git commit abc123 seed 7" in text
    assert "search: sampler tpe" in text


def test_protocol_in_words() -> None:
    text = page_of(study(protocol={"boxes": "gt", "flip_test": True, "val_split": "val"})).text
    assert "boxes ground-truth boxes flip test (mirrored image averaged in) yes scored on the split val" in text


def test_recommendations_say_what_speaks_for_a_network() -> None:
    reasons = {entry.record.number: entry.reason for entry in recommendations(study())}
    assert reasons == {8: "fewest MMACs", 0: "fastest", 1: "", 2: "", 6: "best balance", 7: "most accurate", 3: ""}
    alone = recommendations(study([trial(0, ap=0.5)]))
    assert [entry.reason for entry in alone] == ["most accurate"]


def test_knee() -> None:
    trials = [trial(0, ap=0.1), trial(1, ap=0.5), trial(2, ap=0.55)]
    knee = knee_of(study(trials, objectives=("ap_gt", "mmacs")))
    assert knee is not None
    assert knee.number == 1
    hollow = [
        dataclasses.replace(record, metrics={"ap_gt": ap}) for record, ap in zip(trials, (0.1, 0.11, 0.55), strict=True)
    ]
    assert knee_of(study(hollow, objectives=("ap_gt", "mmacs"))) is None


def test_summary_of_one_network() -> None:
    seen = dataclasses.replace(study(), protocol=PROTOCOL | {"train_split": "val", "val_split": "val"})
    assert "They were scored on what they learned from (split val)" in summary(seen).notes
    other = dataclasses.replace(seen, protocol=PROTOCOL | {"train_split": "train", "val_split": "val"})
    assert "learned from" not in summary(other).notes
    alone = summary(study([trial(0, ap=0.5)]))
    assert alone.found == "One network was trained to its end, trial 0: there is none to compare it with."
    assert alone.notes.endswith("It was trained once: another training of it may score otherwise.")
    two = summary(study([trial(0, ap=0.5), dataclasses.replace(trial(0, ap=0.4), number=1)]))
    assert "One network, trial 0, is at least as good as every other" in two.found
    assert two.notes.endswith("Each network was trained once, so a small difference in accuracy may be chance.")


def test_the_summary_and_the_picture_are_of_the_budget(tmp_path: Path) -> None:
    made_up = study()
    best = max(front_of(made_up), key=lambda record: record.values["ap_gt"])
    budget = Budget(constraints=(Constraint(cost="mmacs", limit=best.cost.mmacs * 0.999),))
    assert f"The most accurate is trial {best.number}:" in summary(made_up).found
    within = summary(made_up, budget)
    assert within.found.startswith("Within the budget, ")
    assert f"trial {best.number}:" not in within.found
    assert within.ran == summary(made_up).ran
    nothing = Budget(constraints=(Constraint(cost="mmacs", limit=1e-6),))
    assert summary(made_up, nothing).found == "Within the budget, there is no network to recommend."
    for name, limits in (("all", Budget()), ("within", budget)):
        write_front_png(made_up, tmp_path / name, limits)
    assert (tmp_path / "all").read_bytes() != (tmp_path / "within").read_bytes()


def test_the_noise_is_of_the_front_within_the_budget() -> None:
    trials = [dataclasses.replace(trial(0, ap=ap), number=number, seed=number) for number, ap in enumerate((0.5, 0.52))]
    dear = trial(1, ap=0.9)
    trials.append(dataclasses.replace(dear, number=2))
    made_up = study(trials, objectives=("ap_gt", "mmacs"))
    limit = (trials[0].cost.mmacs + dear.cost.mmacs) / 2
    budget = Budget(constraints=(Constraint(cost="mmacs", limit=limit),))
    found = noise_of(made_up, Setup(budget=budget)).by_seeds
    assert found is not None
    assert 2 not in found.probabilities


def test_protocol_of_any_plain_value_is_shown() -> None:
    text = page_of(study(protocol={**PROTOCOL, "boxes_file": None, "nested": {"a": [1, 2.5]}})).text
    assert "boxes file –" in text
    assert "nested: a 1, 2.5" in text
