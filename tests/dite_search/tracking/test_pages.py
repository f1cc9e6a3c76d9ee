"""The artifacts of a search as a whole."""

from __future__ import annotations

import dataclasses

from analysis.report import Setup
from dite_search.tracking.pages import pages_of
from tests.analysis.studies import study, trial

PLACE = {"uri": "http://host:5000", "experiment": "1", "runs": {7: "abc"}}


def test_the_files_of_a_search() -> None:
    record = study()
    made = pages_of(record, Setup(), **PLACE).make()
    assert set(made.files) == {
        "front.html",
        "front.png",
        "front_latency_ms.png",
        "front_mmacs.png",
        "front_params.png",
        "report.html",
        "trials.csv",
    }
    assert "http://host:5000/#/experiments/1/runs/abc" in str(made.files["front.html"])
    assert "#/experiments/1/runs/abc" in made.description
    assert '"link":"http://host:5000/#/experiments/1/runs/{run}?workflowType=machine_learning"' in str(
        made.files["report.html"]
    )


def test_the_digest_changes_with_what_is_shown() -> None:
    record = study()
    same = pages_of(record, Setup(), **PLACE).digest
    assert pages_of(study(), Setup(), **PLACE).digest == same
    others = [
        pages_of(study([*record.trials, trial(12, ap=0.4)]), Setup(), **PLACE),
        pages_of(record, Setup(), **(PLACE | {"runs": {7: "other"}})),
        pages_of(record, Setup(search={"trials asked for": 9}), **PLACE),
        pages_of(dataclasses.replace(record, reused=5), Setup(), **PLACE),
    ]
    assert len({same, *(pages.digest for pages in others)}) == 5
