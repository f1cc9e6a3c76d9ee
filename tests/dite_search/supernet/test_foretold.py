"""The figure and the values that a report takes of a study's inherited scores."""

from __future__ import annotations

from collections.abc import Callable

from dite_search.config.search_config import SearchConfig
from dite_search.supernet.foretold import foretold_of
from dite_search.tracking.pages import report_setup
from tests.dite_search.supernet.test_use import write_scores


def test_a_report_has_the_scores_that_lie_with_the_study(make_search: Callable[..., SearchConfig]) -> None:
    config = make_search(space="tiny_128")
    assert report_setup(config).inherited == {}
    write_scores(config)
    values = foretold_of(config)
    assert len(values) == 40
    assert report_setup(config).inherited == values
