"""The description of a search in MLflow."""

from __future__ import annotations

import shlex

from analysis.report import Setup
from dite_search.tracking.description import MAX_CHARACTERS, description
from tests.analysis.studies import study, trial


def test_it_answers_in_a_sentence_and_links_the_runs_of_the_front() -> None:
    found = description(study(), Setup(), {7: "abc"}, "1")
    assert found.startswith("7 networks are on the front")
    rows = [line for line in found.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) == 1 + 7
    assert "| [7](#/experiments/1/runs/abc?workflowType=machine_learning) | 0.571 |" in found
    assert "| 8 |" in found
    command = found.split("```")[1].strip()
    assert shlex.split(command) == ["dite-search", "export", "studies/tiny", "--trial", "7"]


def test_a_long_front_keeps_what_speaks_for_itself_and_counts_the_rest() -> None:
    trials = [trial(n, ap=0.3 + n / 1000, metrics={"ap_gt": 0.3 + n / 1000, "latency_ms": 1.0 + n}) for n in range(200)]
    found = description(study(trials), Setup(), dict.fromkeys(range(200), "f" * 32), "1")
    assert len(found) <= MAX_CHARACTERS
    assert "most accurate" in found
    assert "fastest" in found
    left = len([line for line in found.splitlines() if line.startswith("| [")])
    assert f"{200 - left} more are in front.html." in found


def test_a_search_without_a_result_says_so() -> None:
    found = description(study([trial(0, status="failed", reason="x")]), Setup(), {}, "1")
    assert found.startswith("There is no network to recommend")
    assert "|" not in found
