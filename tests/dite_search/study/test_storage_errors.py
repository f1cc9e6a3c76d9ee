"""The message of a database is told without the text that is wrapped around it."""

from __future__ import annotations

import pytest

from dite_search.doctor.databases import study_findings
from dite_search.doctor.findings import FAILED
from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.study.storage_errors import answering
from dite_search.study.study import create_study, open_study
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused

PAGE = 4096
WRAPPED = "exception is raised during the commit"


@pytest.fixture
def study(make_search):
    """A study of two trials in SQLite."""
    config = make_search()
    create_study(config)
    search = StudySearch(config)
    for name in "ab":
        search.suggest(name)
        search.on_trial_result(name, {"epoch": 1, "ap_gt": 0.1, "loss": 1.0})
        search.on_trial_complete(name, {"epoch": 2, "ap_gt": 0.2})
    return config


def damaged(config, *, at: int) -> None:
    """16 KiB of zeros in the database, where a disk lost them."""
    file = config.study_directory / "study.db"
    content = bytearray(file.read_bytes())
    content[at : at + 16384] = bytes(len(content[at : at + 16384]))
    file.write_bytes(content)


@pytest.mark.parametrize("page", [0, 1, 4, 8, 16])
def test_every_command_and_doctor_tell_the_cause_of_damage(study, page):
    damaged(study, at=page * PAGE)
    said = "file is not a database" if page == 0 else "database disk image is malformed"
    folder = study.study_directory
    for words in (("report", folder), ("watch", folder, "--once"), ("export", folder), ("sync", folder), ("show", folder)):
        sentence = refused(*words)
        assert said in sentence, words
        assert "study.db" in sentence
        assert WRAPPED not in sentence
    (finding,) = study_findings(study)
    assert finding.status == FAILED
    assert said in finding.sentence


def test_damage_while_a_search_begins_is_not_called_an_outage(study):
    damaged(study, at=4 * PAGE)
    with (
        pytest.raises(InvalidInput, match=r"small in .* must be whole, but is damaged or missing: database disk image"),
        answering(study),
    ):
        open_study(study).get_trials()
    with pytest.raises(InvalidInput, match=r"database disk image is malformed$"):
        read_study(load_config(study.study_directory))
