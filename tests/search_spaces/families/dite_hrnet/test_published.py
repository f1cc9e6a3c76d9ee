"""The published figures of the family are of networks that can be built, and agree with the closed form."""

from __future__ import annotations

import pytest

from search_spaces.registry import FAMILIES, cost_of

FIGURES = FAMILIES["dite_hrnet"].published


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.table_name}-{figure.name}")
def test_printed_parameters_are_within_a_tenth_of_the_closed_form(figure) -> None:
    assert 0 < figure.score < 1
    if figure.printed_params_m is not None:
        assert cost_of(figure.arch).params / 1e6 == pytest.approx(figure.printed_params_m, rel=0.1)


def test_every_table_proposes_a_network() -> None:
    names = {figure.table_name for figure in FIGURES}
    assert {figure.table_name for figure in FIGURES if figure.proposed} == names
    assert len(FIGURES) == len({(figure.table_name, figure.name, figure.arch) for figure in FIGURES})
