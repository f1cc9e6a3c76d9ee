"""The noise of a study, as far as it is known."""

from __future__ import annotations

import dataclasses

import pytest

from analysis.report.elements.options import Setup
from analysis.report.sections.noise import noise_of, noise_section, uncertainty
from analysis.statistics.bootstrap import Interval
from analysis.study.records import StudyRecord
from tests.analysis.studies import study, trial


def repeated_study(spread: float = 0.01) -> StudyRecord:
    base = trial(0, ap=0.5)
    trials = [
        dataclasses.replace(
            base, number=number, seed=number, metrics={"ap_gt": 0.5 + spread * (number - 1), "latency_ms": 3.0}, curve=()
        )
        for number in range(3)
    ]
    return study([*trials, trial(5, ap=0.2, curve=())])


def test_noise_that_is_not_known_is_not_made_up() -> None:
    record, setup = study([trial(0, ap=0.5), trial(1, ap=0.6)]), Setup()
    noise = noise_of(record, setup)
    assert noise.reach() is None
    assert uncertainty(record, setup, noise) == {}
    words = " ".join(noise_section(record, setup, noise).words)
    assert "is not known: no network was trained twice" in words
    assert "The interval over images is not known here" in words
    assert noise_of(study([]), setup).seeds is None


def test_noise_of_repeats() -> None:
    record, setup = repeated_study(), Setup()
    noise = noise_of(record, setup)
    assert noise.seeds is not None
    assert noise.seeds.deviation == pytest.approx(0.01)
    assert noise.reach() == pytest.approx(4.303 * 0.01, rel=1e-3), "Student's t with 2 degrees of freedom"
    section = noise_section(record, setup, noise)
    assert section.tables[0].rows[0][1:] == ("0, 1, 2", "0.500", "0.490", "0.510")
    assert section.tables[1].title == "Who would be on the front with other seeds"
    words = uncertainty(record, setup, noise)
    assert words[0].startswith("AP ± 0.025 over seeds, mean of 3 trainings"), "0.043 by the root of 3"
    assert words[5].startswith("AP ± 0.043 over seeds")
    assert set(words) == {0, 5}
    assert [chart.key for chart in section.charts] == ["repeats"]
    assert noise_of(record, setup) == noise, "the same seed, the same words"


def test_intervals_over_images_are_shown() -> None:
    record = study([trial(0, ap=0.5), trial(1, ap=0.6)])
    setup = Setup(intervals={1: Interval(value=0.6, low=0.55, high=0.64)})
    noise = noise_of(record, setup)
    assert noise.by_images is not None
    assert uncertainty(record, setup, noise) == {1: "0.550 to 0.640 over images"}
    assert "other images" in noise_section(record, setup, noise).tables[0].title
