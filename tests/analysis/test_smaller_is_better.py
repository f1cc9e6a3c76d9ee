"""An accuracy that is an error: every choice takes the smallest, in the report, in a search and in a training."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest
from PIL import Image

from analysis.pareto.front import front_of, hypervolume_curve
from analysis.pareto.recommendations import knee_of, recommendations, summary
from analysis.pareto.selection import choose
from analysis.report import Setup, report_html
from analysis.report.elements.figures import curves_figure, front_layout, step_line
from analysis.report.front_png import write_front_png
from analysis.report.markdown import markdown
from analysis.report.page_data import page_data
from analysis.report.sections.noise import noise_of
from analysis.report.sections.progress import progress_charts
from analysis.study.records import StudyRecord
from dite_search.algorithms.successive_halving import Rungs
from search_spaces.common.objectives import costs_and_scores, gain
from tests.analysis.studies import PROTOCOL, study, trial

METRIC = {"metric": "mean distance in units of the longer side of the box"}
ERRORS = (0.20, 0.05, 0.04, 0.10)


def errors(name: str = "nme") -> StudyRecord:
    """Return a study whose dearer networks err less, but for the last."""
    trials = []
    for number, value in enumerate(ERRORS):
        record = trial(number, ap=0.5)
        curve = [{"epoch": float(epoch), "loss": 0.1 / epoch, name: value * 12 / epoch} for epoch in (6, 12)]
        trials.append(dataclasses.replace(record, metrics={name: value}, curve=curve))
    return study(trials, objectives=(name, "mmacs"), protocol=PROTOCOL | METRIC)


def test_the_front_and_its_recommendations_take_the_smallest() -> None:
    found = errors()
    best = min(found.trials, key=lambda record: record.values["nme"])
    (entry,) = [entry for entry in recommendations(found) if "most accurate" in entry.reason]
    assert entry.record == best
    assert choose(found, best="nme") == best == choose(found)
    assert f"The most accurate is trial {best.number}: NME 0.0400" in summary(found).found
    front = [record.values["nme"] for record in front_of(found)]
    assert front == sorted(front, reverse=True)
    assert knee_of(found) is None or knee_of(found) in front_of(found)[1:-1]


def test_the_knee_is_where_errors_stop_falling() -> None:
    cheap, bend, dear, _ = errors().trials
    found = errors()
    chosen = dataclasses.replace(found, trials=[cheap, bend, dear])
    assert knee_of(chosen) == bend


def test_the_line_of_the_best_goes_down() -> None:
    assert step_line([(1, 0.5), (2, 0.6), (3, 0.2)], sign=-1) == [(1, 0.5), (3, 0.5), (3, 0.2)]
    assert step_line([(1, 0.5), (2, 0.6)]) == [(1, 0.5), (2, 0.5), (2, 0.6)]


def test_the_volume_grows_and_is_a_share() -> None:
    curve = hypervolume_curve(errors())["hypervolume"]
    assert curve.is_monotonic_increasing
    assert 0 < curve.iloc[-1] < 1


def test_every_figure_is_stamped(tmp_path: Path) -> None:
    found = errors()
    for figure in (front_layout(found, "mmacs", "nme"), curves_figure(found, "nme")):
        assert figure.layout.yaxis.title.text == f"NME<br><sub>{METRIC['metric']}</sub>"
    assert curves_figure(found, "loss").layout.yaxis.title.text == "loss"
    hypervolume = progress_charts(found, Setup())[0]
    assert "and NME 0 at no cost" in hypervolume.caption
    write_front_png(found, tmp_path / "front.png")
    assert Image.open(tmp_path / "front.png").size[0] > 100
    page = report_html(found, b"")
    assert "Accuracy is an error, and smaller is better" in page
    assert METRIC["metric"] in page
    assert METRIC["metric"] in markdown(found, Setup())
    data = page_data(found, Setup(), {})
    assert data["scores"] == ["nme"]
    assert data["directions"]["nme"] == "minimize"


def test_noise_of_repeats_reaches_the_front_from_above() -> None:
    found = errors()
    again = [dataclasses.replace(found.trials[2], number=9, seed=9, metrics={"nme": 0.045}, curve=())]
    noise = noise_of(dataclasses.replace(found, trials=[*found.trials, *again]), Setup())
    assert noise.by_seeds is not None
    assert noise.by_seeds.probabilities[2] > 0.5


def test_scores_are_the_learned_objectives_whichever_way_they_are_better() -> None:
    assert costs_and_scores(["epe", "mmacs"]) == (["mmacs"], ["epe"])
    assert (gain("epe", 3.0), gain("pck", 0.5)) == (-3.0, 0.5)


@pytest.mark.parametrize(("value", "judged"), [(1.4, False), (0.9, True)])
def test_a_rung_stops_nobody_before_an_error_says_something(value: float, judged: bool) -> None:
    rungs = Rungs([1], ("minimize", "minimize"), 3.0, least=1.0, learned=0)
    answers = [rungs.report(number, 1, [value + number / 100, 1.0 + number]) for number in range(6)]
    assert all(answers) != judged


def test_the_script_of_the_page_asks_for_the_direction() -> None:
    scripts = Path(__file__).parents[2] / "analysis" / "templates" / "report"
    for name in ("front.js", "figures.js", "words.js"):
        text = (scripts / name).read_text()
        assert not re.search(r'find\(\(name\) => data\.directions\[name\] === "m', text), "a score is what is learned"
