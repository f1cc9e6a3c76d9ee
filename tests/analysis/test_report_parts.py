"""The sections of a report, each alone: columns for the script, what was spared, what matters, noise, Markdown."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.pareto.budget_filter import allows, front_within
from analysis.report.elements.options import Setup
from analysis.report.elements.script import script_json
from analysis.report.markdown import markdown
from analysis.report.page_data import CURVE_POINTS, cost_groups, curves, encoded, last_values, mlflow_place, page_data
from analysis.report.sections.front import front_axes
from analysis.report.sections.importance import interaction_table, what_matters
from analysis.report.sections.noise import noise_of, noise_section, uncertainty
from analysis.report.sections.progress import compute_words, reasons, saved_words, savings, tallies
from analysis.statistics.bootstrap import Interval
from analysis.study.records import StudyRecord
from search_spaces.families.cost import NOTHING
from search_spaces.families.dite_hrnet.config import MAX_COUNT
from search_spaces.families.dite_hrnet.family import FAMILY
from search_spaces.registry import cost_of
from search_spaces.space.budget import Budget, Constraint
from search_spaces.space.space_file import space_from
from tests.analysis.studies import TINY, study, trial

(GROUPS_AND_KERNELS,) = FAMILY.pairs
GPU = Setup(workers=4, gpus_per_worker=0.5)


def varied_study(count: int = 40) -> StudyRecord:
    """Accuracy rises with the width and with G on the last branch, and with nothing else."""
    trials = []
    for number in range(count):
        groups, kernels, width = (1, 1, 1, 2 ** (number % 3)), (1 + number % 2, 1, 1, 1), 16 + 8 * (number % 4)
        arch = dataclasses.replace(TINY, widths=(width, 2 * width, 4 * width, 8 * width), groups=groups, kernels=kernels)
        parameters = {"width": width, "groups_branch4": groups[3], "kernels_branch1": kernels[0], "other": number % 5}
        ap = 0.3 + width / 100 + groups[3] / 20
        trials.append(trial(number, ap=ap, arch=arch, cost=cost_of(arch), parameters=parameters))
    return study(trials, objectives=("ap_gt", "mmacs"))


def repeated_study(spread: float = 0.01) -> StudyRecord:
    base = trial(0, ap=0.5)
    trials = [
        dataclasses.replace(
            base, number=number, seed=number, metrics={"ap_gt": 0.5 + spread * (number - 1), "latency_ms": 3.0}, curve=()
        )
        for number in range(3)
    ]
    return study([*trials, trial(5, ap=0.2, curve=())])


@given(st.lists(st.one_of(st.integers(), st.text(), st.none(), st.tuples(st.integers()))))
def test_a_column_is_read_back_as_it_was(values: list[object]) -> None:
    column = encoded(values)  # type: ignore[arg-type]
    assert [column["values"][row] for row in column["rows"]] == values
    assert len(set(column["values"])) == len(column["values"])


@given(st.text())
def test_json_ends_no_script(text: str) -> None:
    written = str(script_json({"x": text}))
    assert not re.search("[<>&\u2028\u2029]", written)
    assert json.loads(written) == {"x": text}


def test_numbers_that_json_lacks_are_left_out() -> None:
    strange = trial(0, ap=math.nan, curve=[{"epoch": 1.0, "loss": math.inf}, {"epoch": 2.0, "loss": 0.1}])
    data = page_data(study([strange, trial(1, ap=0.5)]), Setup(), {1: "sure"})
    assert data["values"]["ap_gt"] == [None, 0.5]
    assert data["curves"]["loss"]["values"][0] == [0.1]
    assert data["uncertainty"] == {"1": "sure"}
    script_json(data)


def test_a_stopped_trial_shows_the_last_score_of_its_curve() -> None:
    curve = [{"epoch": 1.0, "ap_gt": 0.2}, {"epoch": 2.0, "ap_gt": 0.3}, {"epoch": 3.0, "loss": 0.1}]
    assert last_values(trial(0, status="stopped", curve=curve))["ap_gt"] == 0.3
    assert last_values(trial(0, ap=0.4, curve=curve))["ap_gt"] == 0.4


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_the_parts_of_a_network_add_up_to_its_cost(seed: int) -> None:
    space = space_from("dite_hrnet")
    arch = space.build(space.sample(np.random.default_rng(seed)))
    groups = cost_groups(arch)
    assert sum(groups.values(), NOTHING) == cost_of(arch)
    assert list(groups) == ["stem, transitions and head", "stage 2", "stage 3", "stage 4"]
    assert min(min(cost.params, cost.macs) for cost in groups.values()) > 0


def test_a_stage_of_the_most_modules_has_its_part_too() -> None:
    arch = dataclasses.replace(TINY, modules=(1, 1, MAX_COUNT))
    *fewer, one = cost_groups(TINY).values()
    *more, many = cost_groups(arch).values()
    assert (many.params, many.macs) == (MAX_COUNT * one.params, MAX_COUNT * one.macs)
    assert more == fewer


def test_many_curves_are_thinned_and_keep_their_ends() -> None:
    long = [{"epoch": float(epoch), "loss": 1 / epoch} for epoch in range(1, 401)]
    trials = [dataclasses.replace(trial(0), number=number, curve=long) for number in range(1000)]
    column = curves(trials, ["loss"])["loss"]
    (epochs,) = column["epochs"]["values"]
    assert (epochs[0], epochs[-1], len(epochs)) == (1, 400, CURVE_POINTS // 1000)
    assert sum(map(len, column["values"])) <= CURVE_POINTS


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("https://user:secret@mlflow.example/", "https://mlflow.example/#/runs/"),
        ("sqlite:////runs/mlflow.db", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_only_a_server_has_links(uri: str, link: str) -> None:
    found = mlflow_place({"mlflow_uri": uri})
    assert found["link"] == link
    assert "secret" not in str(found)


def test_what_was_not_measured_is_beyond_the_limit() -> None:
    budget = Budget(constraints=(Constraint(cost="latency_ms", limit=100.0),))
    assert allows(budget, trial(0, ap=0.5))
    assert not allows(budget, trial(0, ap=0.5, metrics={"ap_gt": 0.5}))
    assert [record.number for record in front_within(study(), Budget())] == [8, 0, 1, 2, 6, 7, 3]


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
        ("stopped", "early stopping (nothing further was recorded)", 1, 10),
    ]


@pytest.mark.slow
def test_what_matters_is_what_moved_the_accuracy() -> None:
    section = what_matters(varied_study())
    importance = section.tables[0]
    assert importance.columns == ("parameter", "AP (ground-truth boxes)", "MMACs")
    assert importance.rows[0][0] == "width"
    assert {row[0] for row in importance.rows} == {"width", "groups branch4", "kernels branch1", "other"}
    keys = [chart.key for chart in section.charts]
    assert keys[:2] == ["importance-ap_gt", "importance-mmacs"]
    assert keys[2:4] == ["dependence-ap_gt-width", "dependence-ap_gt-groups_branch4"]
    assert "R²" in section.words[0]


def test_the_table_of_g_and_n() -> None:
    table = interaction_table(varied_study(), GROUPS_AND_KERNELS)
    assert table is not None
    assert table.columns == ("G by N", "N 1-1-1-1", "N 2-1-1-1")
    assert [row[0] for row in table.rows] == ["G 1-1-1-1", "G 1-1-1-2", "G 1-1-1-4"]
    assert table.rows[0][1] == "0.579 (7)"
    assert interaction_table(study([trial(0, ap=0.5)]), GROUPS_AND_KERNELS) is None


def test_too_few_trials_are_told() -> None:
    section = what_matters(study())
    assert section.charts == []
    assert "Importances need at least 12 different networks trained to the end, got 7." in section.words


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
    assert "AP ± 0.043 over seeds" in uncertainty(record, setup, noise)[2]
    assert [chart.key for chart in section.charts] == ["repeats"]
    assert noise_of(record, setup) == noise, "the same seed, the same words"


def test_intervals_over_images_are_shown() -> None:
    record = study([trial(0, ap=0.5), trial(1, ap=0.6)])
    setup = Setup(intervals={1: Interval(value=0.6, low=0.55, high=0.64)})
    noise = noise_of(record, setup)
    assert noise.by_images is not None
    assert uncertainty(record, setup, noise) == {1: "0.550 to 0.640 over images"}
    assert "other images" in noise_section(record, setup, noise).tables[0].title


def test_no_axes_without_a_complete_trial() -> None:
    assert front_axes(study([trial(0, status="failed")])) == []


def test_the_summary_in_markdown() -> None:
    text = markdown(study(name="a|b *c*", over_budget=1), GPU)
    assert text.startswith("# a\\|b \\*c\\*\n")
    assert "| trial | what speaks for it | AP (ground-truth boxes) | MMACs | latency (ms) | parameters | network |" in text
    assert "| 7 | most accurate | 0.571 | 8.03 |" in text
    assert "![The front](front.png)" in text
    assert "s3cret" not in text
    rows = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("| ")]
    assert set(rows) == {8, 5, 3}
    assert "There is no network to recommend" in markdown(study([]), Setup())
