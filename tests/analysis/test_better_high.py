"""A cost that is better high is judged as its reciprocal, which is better low."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from analysis.export import choose
from analysis.pareto.budget_filter import front_within
from analysis.pareto.confirmation import unconfirmed
from analysis.pareto.front import front_of, hypervolume_curve, matrix_of, scored
from analysis.pareto.recommendations import knee_of, recommendations, summary
from analysis.report.elements.figures import step_line
from analysis.report.elements.options import Setup
from analysis.report.front_page import front_page
from analysis.report.front_png import write_front_png
from analysis.report.sections.front import better_side
from analysis.report.sections.recommendations import budget_words
from analysis.study.records import StudyRecord
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import COUNTED, MAXIMIZE
from search_spaces.common.own_objectives import OwnObjective
from search_spaces.space.budget import Budget, Constraint
from tests.analysis.studies import study

FPS, HIGHEST = "fps", "highest images a second"
OWN = {"name": FPS, "function": "m:fps", "folder": "x", "source": COUNTED, "digest": "a", "label": "images a second"}


@pytest.fixture(autouse=True)
def fps() -> None:
    OwnObjective(direction=MAXIMIZE, **OWN)


def both() -> tuple[StudyRecord, StudyRecord]:
    """A study of accuracy and MMACs, and the same with images a second, 300 through the MMACs."""
    plain = study(objectives=("ap_gt", "mmacs"))
    trials = [
        dataclasses.replace(record, metrics=record.metrics | {FPS: 300.0 / record.cost.mmacs}) for record in plain.trials
    ]
    return plain, study(trials, objectives=("ap_gt", FPS))


def numbers(study: StudyRecord, limit: Constraint | None = None) -> list[int]:
    return [record.number for record in front_within(study, Budget(constraints=(limit,) if limit else ()))]


def test_the_front_and_what_speaks_for_it_are_the_same() -> None:
    plain, mirrored = both()
    assert numbers(mirrored) == numbers(plain)
    reasons = [{entry.record.number: entry.reason for entry in recommendations(each)} for each in (plain, mirrored)]
    assert HIGHEST in reasons[1].values()
    # Where the front bends depends on the scale of the cost.
    words = [{number: reason.replace("best balance", "") for number, reason in each.items()} for each in reasons]
    assert {number: reason.replace(HIGHEST, "fewest MMACs") for number, reason in words[1].items()} == words[0]
    assert unconfirmed(mirrored, 2) == unconfirmed(plain, 2) is not None
    (last,) = hypervolume_curve(mirrored)["hypervolume"].tail(1)
    assert 0 < last < 1


def test_the_front_bends_where_accuracy_begins_to_cost_more() -> None:
    _, mirrored = both()
    changed = [(record, record.metrics | {FPS: 100.0 - record.cost.mmacs}) for record in mirrored.trials]
    trials = [dataclasses.replace(record, metrics=metrics) for record, metrics in changed]
    straight = dataclasses.replace(mirrored, trials=trials)
    found = [knee_of(each) for each in (both()[0], straight)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].number == found[1].number


@pytest.mark.parametrize("mmacs", [2.5, 3.0, 4.0, 5.0, 100.0])
def test_a_limit_is_the_least_that_is_allowed(mmacs: float) -> None:
    plain, mirrored = both()
    least = Constraint(cost=FPS, limit=300.0 / mmacs)
    wanted = numbers(plain, Constraint(cost="mmacs", limit=mmacs))
    assert numbers(mirrored, least) == wanted
    said = budget_words(mirrored, Setup(budget=Budget(constraints=(least,))))
    assert f"images a second at least {300.0 / mmacs:.1f}" in said
    if wanted:
        assert choose(mirrored, limits={FPS: 300.0 / mmacs}).number == choose(plain, limits={"mmacs": mmacs}).number
        return
    assert "the highest images a second is " in said
    with pytest.raises(InvalidInput, match=r"is within min_fps 120: the highest fps is 107\.\d+ \(trial 8\)"):
        choose(mirrored, limits={FPS: 300.0 / mmacs})


def test_what_was_not_measured_is_within_no_limit() -> None:
    plain, mirrored = both()
    limit = Constraint(cost=FPS, limit=1e-9)
    assert numbers(plain, limit) == []
    assert numbers(mirrored, limit) == numbers(mirrored)
    with pytest.raises(InvalidInput, match="min_fps must be a positive number, got 0"):
        choose(mirrored, limits={FPS: 0})
    with pytest.raises(InvalidInput, match="no complete trial is within min_fps 1: fps was measured in none"):
        choose(plain, limits={FPS: 1})


def test_the_sentences_speak_of_most() -> None:
    found = summary(both()[1]).found
    assert "The one with the highest images a second is trial 8: AP " in found
    assert "cheapest" not in found


def test_the_line_of_the_front_goes_from_the_cheap_end() -> None:
    points = [(10.0, 0.5), (30.0, 0.3), (20.0, 0.4)]
    assert step_line(points, cost_sign=-1.0) == [(30.0, 0.3), (20.0, 0.3), (20.0, 0.4), (10.0, 0.4), (10.0, 0.5)]
    assert step_line(points) == [(10.0, 0.5)]


def test_the_page_says_where_better_is() -> None:
    plain, mirrored = both()
    assert better_side(plain) == "Up and to the left is better."
    assert better_side(mirrored) == "Up and to the left is better, but to the right of images a second."
    error = dataclasses.replace(plain, objectives=("nme", "mmacs"))
    assert better_side(error) == "Down and to the left is better."


def test_pages_and_pictures_are_drawn(tmp_path: Path) -> None:
    mirrored = both()[1]
    write_front_png(mirrored, tmp_path / "front.png", Budget(constraints=(Constraint(cost=FPS, limit=60.0),)))
    assert (tmp_path / "front.png").stat().st_size > 10_000
    assert "images a second" in front_page(mirrored, Setup(), {})
    rows = matrix_of(front_of(mirrored), (FPS,))[:, 0]
    assert rows.tolist() == sorted(rows, reverse=True)
    assert len(scored(mirrored)) > len(rows)
