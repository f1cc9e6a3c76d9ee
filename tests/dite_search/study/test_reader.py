"""Trials of a study, read back as records."""

from __future__ import annotations

import pytest

from dite_search.driver.searcher import StudySearch
from dite_search.study.places import PROVENANCE_FILE
from dite_search.study.reader import read_study
from dite_search.study.study import create_study
from search_spaces.common.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_running_trial_is_a_record_too(make_search):
    config = make_search()
    create_study(config)
    search = StudySearch(config)
    search.suggest("t")
    (record,) = read_study(config).trials
    assert record.status == "running"
    assert record.cost.params > 0
    assert record.checkpoint is None


def test_a_provenance_that_is_no_mapping_is_named(make_search):
    config = make_search()
    create_study(config)
    (config.study_directory / PROVENANCE_FILE).write_text("[]")
    with pytest.raises(InvalidInput, match=r"provenance.json must hold a mapping, got list"):
        read_study(config)
