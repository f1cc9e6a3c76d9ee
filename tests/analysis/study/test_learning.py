"""Whether the networks of a study have learned anything, and why not."""

from __future__ import annotations

import pytest

from analysis.pareto.recommendations import recommendations, summary
from analysis.report import Setup
from analysis.report.markdown import markdown
from analysis.report.page import report_html
from analysis.report.sections.recommendations import budget_words, cards
from analysis.study.learning import (
    TrainingAmount,
    amount_of,
    few_images,
    learned,
    nothing_learned_words,
    reasons_words,
)
from analysis.study.records import StudyRecord
from dite_search.tracking.description import description
from tests.analysis.studies import PROTOCOL, PROVENANCE, study, trial

SHORT = {"epochs": 6, "batch_size": 32, "recipe_changes": {"warmup_iterations": 50}}
COUNTS = {"training_people": 40, "validation_people": 12, "validation_images": 9}
NOTHING = [trial(0, ap=0.0), trial(1, ap=0.004), trial(2, ap=0.002)]


def short(trials: list[object], **counts: int) -> StudyRecord:
    return study(
        trials,  # type: ignore[arg-type]
        objectives=("ap_gt", "mmacs"),
        protocol=PROTOCOL | SHORT,
        provenance=PROVENANCE | COUNTS | counts,
    )


@pytest.mark.parametrize(
    ("name", "nothing", "something"),
    [("ap_gt", 0.009, 0.01), ("pck", 0.019, 0.02), ("nme", 1.01, 0.99)],
)
def test_better_than_chance_is_by_the_metric(name: str, nothing: float, something: float) -> None:
    trials = [trial(0, metrics={name: nothing}), trial(1, metrics={name: something})]
    found = study(trials, objectives=(name, "mmacs"))
    assert [record.number for record in learned(found, found.trials)] == [1]


def test_an_error_in_pixels_has_no_chance() -> None:
    found = study([trial(0, metrics={"epe": 1e4})], objectives=("epe", "mmacs"))
    assert learned(found, found.trials) == list(found.trials)


def test_nothing_learned_is_said_with_its_counted_reasons_and_nobody_is_crowned() -> None:
    found = short(NOTHING)
    sentence = (
        "No network has learned anything: the best AP is 0.004 (trial 1), and one below 0.01 is no better than chance."
        " Likely reasons: a training takes 6 steps, 1 an epoch, and all of them are warm-up (training.warmup_iterations"
        " 50); 40 people are learned from; 9 images alone are scored."
    )
    assert summary(found).found == sentence
    assert summary(found).notes.startswith("Each network was trained once")
    assert [entry.reason for entry in recommendations(found)] == [""] * len(recommendations(found))
    assert cards(found, Setup(), {}) == []
    assert budget_words(found, Setup()) == "No budget was given: no complete trial has learned anything."
    assert "look at first" not in markdown(found, Setup())
    page = report_html(found)
    assert "dite-search export" not in page.split('<section id="front"')[0]
    assert sentence in page
    told = description(found, Setup(), {}, "1")
    assert told.startswith("No network has learned anything")
    assert "export" not in told
    assert "|" not in told


def test_what_has_learned_nothing_is_not_recommended_beside_what_has() -> None:
    found = short([trial(0, ap=0.0), trial(1, ap=0.5), trial(2, ap=0.6)], validation_images=500)
    assert {entry.record.number: entry.reason for entry in recommendations(found)} == {
        0: "", 1: "fewest MMACs", 2: "most accurate"
    }  # fmt: skip
    assert "The cheapest that has learned something is trial 1" in summary(found).found


def test_an_answer_on_few_images_says_how_few() -> None:
    found = short([trial(0, ap=0.5), trial(1, ap=0.6)])
    assert few_images(found) == 9
    assert summary(found).notes.startswith("The accuracy is that of 9 images only: of others it may differ much.")
    assert few_images(short([trial(0, ap=0.5)], validation_images=100)) is None
    assert few_images(study()) is None


def test_reasons_are_those_that_hold() -> None:
    enough = TrainingAmount(epochs=100, batch_size=32, warmup=100, people=3200, images=500)
    assert enough.doubts() == []
    assert reasons_words(enough) == (
        "A training takes 10000 steps, 100 an epoch, which should do. Look at the losses of the learning curves, at"
        " training.learning_rate, and at the annotations."
    )
    assert reasons_words(None).startswith("Look at the losses")
    assert TrainingAmount(epochs=1, batch_size=32, warmup=75, people=3200).doubts() == [
        "a training takes 100 steps, 100 an epoch, and 75% of them are warm-up (training.warmup_iterations 75)"
    ]
    few = TrainingAmount(epochs=3, batch_size=32, warmup=0, people=640)
    assert few.doubts() == ["a training takes 60 steps, 20 an epoch: fewer than 100 seldom teach anything"]
    assert TrainingAmount(epochs=3, batch_size=32, warmup=0, people=640, from_weights=True).doubts() == []
    assert TrainingAmount(epochs=3, batch_size=32, warmup=0).doubts() == []


def test_the_amount_of_a_study_is_read_from_its_protocol_and_provenance() -> None:
    assert amount_of(short(NOTHING)) == TrainingAmount(epochs=6, batch_size=32, warmup=50, people=40, images=9)
    assert amount_of(study()) is None
    assert "Look at" in nothing_learned_words(study(NOTHING), NOTHING)
