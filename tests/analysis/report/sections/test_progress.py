"""The progress of a search: tallies, spared epochs and reasons."""

from __future__ import annotations

import dataclasses

from analysis.report.elements.options import Setup
from analysis.report.sections.progress import compute_words, reasons, saved_words, savings, tallies
from tests.analysis.studies import study, trial

GPU = Setup(workers=4, gpus_per_worker=0.5)


def test_tallies_and_what_they_saved() -> None:
    record = study(over_budget=2, reused=1)
    assert [(line.what, line.count, line.saved) for line in tallies(record, GPU)] == [
        ("trained to the end", 9, "–"),
        ("stopped early", 1, "9 epochs"),
        ("failed", 1, "–"),
        ("running when this was written", 1, "–"),
        ("suggested again, result reused", 1, "12 epochs"),
        ("beyond the search's budget, not trained", 2, "24 epochs"),
    ]
    found = savings(record)
    assert found is not None
    assert (found.stopped, found.over_budget, found.reused, found.epochs) == (9, 24, 12, 45)
    words = saved_words(record, GPU)
    assert "In all 117 epochs were trained and 45 were not, 28% of what" in words
    assert "GPU hours" in words
    assert "cannot be told" in saved_words(dataclasses.replace(record, protocol={}), GPU)
    assert "nothing was spared" in saved_words(study([trial(0, ap=0.5)]), GPU)


def test_an_earlier_result_spared_its_epochs() -> None:
    record = study([trial(0, ap=0.5, origin="trial 3 of first"), trial(1, ap=0.6, epochs_before=4)])
    found = savings(record)
    assert found is not None
    assert found.earlier == 12 + 4
    assert "taken over from earlier studies" in [line.what for line in tallies(record, GPU)]


def test_compute_counts_processors() -> None:
    assert compute_words(1800, GPU) == "1 GPU hours"
    assert compute_words(1800, Setup(workers=1, cpus_per_worker=2)) == "1 CPU core hours"
    assert compute_words(90, Setup()) == "1.5 min"


def test_reasons_are_counted_whatever_their_numbers() -> None:
    trials = [trial(number, status="stopped", reason=f"dominated at epoch {number}") for number in range(4)]
    trials += [trial(9, status="failed", reason="out of memory after 3 epochs"), trial(10, status="stopped")]
    assert reasons(study(trials)) == [
        ("stopped", "dominated at epoch #", 4, 0),
        ("failed", "out of memory after 3 epochs", 1, 9),
        ("stopped", "stopped at epoch 3", 1, 10),
    ]
