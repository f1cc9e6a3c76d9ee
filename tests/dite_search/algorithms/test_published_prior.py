"""Published tables as a prior: a figure that follows the table, and says nothing about what the table never varies."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from analysis.study.published_results import PUBLISHED_TABLES, rows_by_family
from dite_search.algorithms.published_prior import published_prior
from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.presets import dite_hrnet_18


@pytest.mark.parametrize("name", PUBLISHED_TABLES)
def test_the_figure_follows_the_table(name):
    prior, rows = published_prior([name]), rows_by_family(name)["dite_hrnet"]
    figures = np.array([prior(row.arch)[0] for row in rows])
    scores = np.array([row.score for row in rows])
    assert np.isfinite(figures).all()
    assert np.corrcoef(figures, scores)[0, 1] > 0.7


def test_what_a_table_never_varies_changes_nothing():
    prior = published_prior(["table5"])
    base = dite_hrnet_18()
    assert prior(dataclasses.replace(base, blocks_per_module=3)) == prior(base)
    assert prior(dataclasses.replace(base, kernels=(1, 1, 1, 1))) != prior(base)


def test_one_figure_a_table():
    assert len(published_prior(["table2", "table5"])(dite_hrnet_18())) == 2


def test_only_a_sampler_with_a_model_takes_guides(make_search):
    for guides in (
        {"warm_start": {"published": ["table5"]}, "sampler": {"name": "tpe"}},
        {"sampler": {"name": "tpe", "proxies": ["naswot"]}},
    ):
        with pytest.raises(InvalidInput, match=r"must be empty unless sampler\.name is cost_aware, got"):
            make_search(**guides)
    with pytest.raises(InvalidInput, match="unknown published table 'table7': did you mean"):
        make_search(sampler={"name": "cost_aware"}, warm_start={"published": ["table7"]})
    with pytest.raises(InvalidInput, match="unknown proxy 'naswott': did you mean 'naswot'"):
        make_search(sampler={"name": "cost_aware", "proxies": ["naswott"]})
