"""Studies: made once, read back as records."""

from __future__ import annotations

import itertools

import optuna
import pytest

from dite_search.driver.searcher import StudySearch
from dite_search.storage.driver_storage import DriverStorage
from dite_search.study.directory import load_config
from dite_search.study.places import PROVENANCE_FILE
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, extend_study, finish_creation, open_study, reopen_running, storage_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_json
from tests.profiles import first_at_a_commit


def test_directions_and_names_are_those_of_the_objectives(make_search):
    config = make_search(objectives=["ap_gt", "mmacs", "params"])
    create_study(config)
    study = open_study(config)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    assert study.metric_names == ["ap_gt", "mmacs", "params"]


def test_a_storage_that_cannot_be_opened_is_named_without_its_password(make_search):
    config = make_search(study_url="postgresql://me:secret@127.0.0.1:1/none")
    with pytest.raises(InvalidInput, match=r"study_url postgresql://\*\*\*@127\.0\.0\.1:1/none cannot be opened") as caught:
        storage_of(config)
    assert "secret" not in str(caught.value)


def test_no_trial_is_left_running(make_search):
    config = make_search()
    create_study(config)
    search = StudySearch(config)
    search.suggest("finished")
    search.on_trial_complete("finished", {"ap_gt": 0.5})
    search.suggest("cut off")
    reopen_running(config)
    reopen_running(config)
    finished, cut_off = read_study(config).trials
    assert finished.status == "complete"
    assert (cut_off.status, cut_off.reason) == ("waiting", "")


def test_a_study_whose_driver_died_while_it_made_it_is_made_again(make_search):
    config = make_search(sampler={"name": "grid"}, trials=5)
    config.study_directory.mkdir(parents=True)
    for half in ("nothing", "a study", "some trials"):
        if half != "nothing":
            study = optuna.create_study(storage=storage_of(config), study_name=config.name, directions=["minimize"] * 2)
            if half == "some trials":
                study.enqueue_trial(next(iter(config.search_space.points())))
        finish_creation(config, lambda: ())
        study = open_study(config)
        assert len(study.get_trials()) == 5
        assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
        finish_creation(config, lambda: ())
        assert open_study(config)._study_id == study._study_id
        optuna.delete_study(study_name=config.name, storage=storage_of(config))


def test_a_study_that_its_database_lost_is_not_begun_anew(make_search, tmp_path):
    config = make_search(study_url=f"sqlite:///{tmp_path / 'one.db'}")
    create_study(config)
    write_json(config.study_directory / PROVENANCE_FILE, {})
    elsewhere = make_search(study_url=f"sqlite:///{tmp_path / 'other.db'}")
    with pytest.raises(InvalidInput, match=r"study small must be in its database, but study_url sqlite:.*other.db does not"):
        finish_creation(elsewhere, lambda: ())
    finish_creation(config, lambda: ())


def test_an_extended_study_says_so_in_its_folder_and_grids_go_on(make_search):
    config = make_search(sampler={"name": "grid"}, trials=3)
    create_study(config)
    extended = extend_study(config, {"trials": 7})
    assert extended.trials == load_config(config.study_directory).trials == 7
    points = [trial.system_attrs["fixed_params"] for trial in open_study(config).get_trials()]
    assert points == list(itertools.islice(config.search_space.points(), 7))


class Killed(BaseException):
    """A process dies here."""


@pytest.mark.parametrize("drawn", first_at_a_commit([1, 0, 3]))
@pytest.mark.parametrize("sampler", ["cost_aware", "random", "nsga2"])
def test_a_trial_that_was_cut_off_while_it_was_drawn_keeps_its_number(make_search, monkeypatch, sampler, drawn):
    config = make_search(sampler={"name": sampler}, seed=3)
    create_study(config)
    # What an earlier driver did counts as well.
    assert StudySearch(config).suggest("first")["number"] == 0
    reopen_running(config)
    left = iter([True] * drawn)

    def cut(storage, *arguments):
        if next(left, None) is None:
            raise Killed
        set_param(storage, *arguments)

    set_param = DriverStorage.set_trial_param
    search = StudySearch(config)
    assert search.suggest("again")["number"] == 0
    with monkeypatch.context() as patch:
        patch.setattr(DriverStorage, "set_trial_param", cut)
        with pytest.raises(Killed):
            search.suggest("second")
    before = open_study(config).trials[1].params
    reopen_running(config)
    resumed = StudySearch(config)
    (again, second) = (resumed.suggest(name) for name in ("again", "second"))
    assert again["number"] == 0
    # A sampler that draws anew may draw the point of the first, which is not trained twice.
    assert second["number"] == 1 or sampler != "cost_aware"
    study = open_study(config)
    assert before.items() <= study.trials[1].params.items()
    assert [trial.state for trial in study.trials[:2]] == [optuna.trial.TrialState.RUNNING] * 2
    assert {trial.state for trial in study.trials} == {optuna.trial.TrialState.RUNNING}
