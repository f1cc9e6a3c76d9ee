"""The influence of parameters, as a report shows it."""

from __future__ import annotations

import dataclasses

import pytest

from analysis.report.sections.importance import interaction_table, what_matters
from analysis.study.records import StudyRecord
from search_spaces.families.dite_hrnet.family import FAMILY
from search_spaces.registry import cost_of
from tests.analysis.studies import TINY, study, trial

(GROUPS_AND_KERNELS,) = FAMILY.pairs


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
