"""The forecast of a supernet on the page: rank, ρ and n, and never an inherited score as a figure."""

from __future__ import annotations

import pytest

from analysis.report.elements.options import Setup
from analysis.report.page import report_html
from analysis.report.sections.foretold import foretold_section
from tests.analysis.studies import study, trial

STUDY = study([trial(number, ap=0.4 + 0.001 * number**2) for number in range(12)])
FORETOLD = {record.arch.arch_id: 0.7777 - 0.01 * place for place, record in enumerate(STUDY.trials)}


def test_a_study_without_scores_has_no_such_section() -> None:
    assert foretold_section(STUDY, Setup()) is None
    assert 'id="foretold"' not in report_html(STUDY)


def test_agreement_is_said_with_the_number_of_networks() -> None:
    section = foretold_section(STUDY, Setup(inherited=FORETOLD))
    assert section is not None
    count = len({record.arch.arch_id for record in STUDY.trials})
    assert f"Shared weights scored {count} networks of the space." in section.words[0]
    assert f"n = {count}" in section.words[0]
    (table,) = section.tables
    assert [row[1] for row in table.rows] == [str(place) for place in range(1, count + 1)]
    page = report_html(STUDY, Setup(inherited=FORETOLD))
    assert page.count('id="foretold"') == 1
    assert 'href="#foretold"' in page
    assert "0.777" not in page


def test_ranks_that_are_equal_agree_wholly() -> None:
    results: dict[str, list[float]] = {}
    for record in STUDY.trials:
        results.setdefault(record.arch.arch_id, []).append(record.values["ap_gt"])
    means = {name: sum(values) / len(values) for name, values in results.items()}
    section = foretold_section(STUDY, Setup(inherited={name: 10 * value - 3 for name, value in means.items()}))
    assert section is not None
    assert "by Spearman's ρ = 1.00 (1.00 to 1.00)" in section.words[0]
    assert all(row[1] == row[2] for row in section.tables[0].rows)


@pytest.mark.parametrize("known", [0, 2])
def test_too_few_networks_are_said_to_be_too_few(known: int) -> None:
    inherited = dict(list(FORETOLD.items())[:known]) | {"another": 0.5}
    section = foretold_section(STUDY, Setup(inherited=inherited))
    assert section is not None
    assert f"and {known} of them were trained to their last epoch here. At least 4" in section.words[0]
