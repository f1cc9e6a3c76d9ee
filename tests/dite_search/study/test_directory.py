"""The folder of a search, found by its name or path, and its checkpoints: there, in another, or in an object store."""

from __future__ import annotations

import dataclasses
import io

import pytest
import ray
import torch
from rich.console import Console

from analysis.export import export_trial
from analysis.study.trial_checkpoint import CACHE_FOLDER
from dite_search.doctor.requirements import require
from dite_search.driver.run_search import resume_search, run_search
from dite_search.driver.searcher import StudySearch
from dite_search.driver.trainable import take_checkpoint
from dite_search.study.directory import (
    SEARCH_FILE,
    check_checkpoints,
    check_name,
    checkpoint_location,
    free_name,
    load_config,
    trial_directory,
)
from dite_search.study.reader import read_study
from dite_search.study.study import create_study
from dite_search.study.warm_start import earlier_trials
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_mapping
from search_spaces.training_config import TrainConfig
from tests.object_store import BUCKET, object_store
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.checkpoints.store import CheckpointStore
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.loop import train
from trainers.training.train_step import Learner

pytestmark = pytest.mark.xdist_group("ray")


def test_a_study_is_found_by_name_and_by_folder(make_search):
    config = make_search()
    create_study(config)
    directory = config.study_directory
    assert load_config("small", directory=directory.parent) == config
    assert load_config(directory) == config


@pytest.mark.parametrize("section", [{}, {"sampler": {"startup_trials": 4}}])
def test_a_study_whose_file_names_no_sampler_keeps_the_one_that_it_ran_with(make_search, section):
    config = make_search(sampler={"name": "tpe", "startup_trials": 4})
    create_study(config)
    file = config.study_directory / SEARCH_FILE
    values = {name: value for name, value in read_mapping(file).items() if name != "sampler"}
    write_mapping(file, values | section)
    assert load_config(config.study_directory).sampler.name == "tpe"
    assert load_config(config.study_directory).sampler.startup_trials == section.get("sampler", {}).get("startup_trials", 10)


def test_a_study_that_was_moved_is_found_where_it_is(make_search, tmp_path):
    config = make_search()
    create_study(config)
    moved = tmp_path / "elsewhere" / "small"
    moved.parent.mkdir()
    config.study_directory.rename(moved)
    assert load_config(moved).study_directory == moved
    assert read_study(load_config(moved)).trials == []


def test_a_folder_that_is_spelled_like_a_variable_is_refused_before_anything_is_written(make_search, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "home")
    config = make_search()
    create_study(config)
    place = tmp_path / "a ${HOME} b"
    place.mkdir()
    sentence = (
        r"the folder of studies .*/a \$\{HOME\} b must not have \$\{HOME\} in its path, .*: give that folder another name"
    )
    monkeypatch.chdir(place)
    with pytest.raises(InvalidInput, match=sentence):
        check_name(make_search(directory="."))
    assert not list(place.iterdir())
    moved = config.study_directory.rename(place / "small")
    with pytest.raises(InvalidInput, match=sentence):
        load_config(moved)
    # The name of a study's own folder is in no search file.
    renamed = moved.rename(tmp_path / "${HOME}")
    assert read_study(load_config(renamed)).trials == []


def test_a_study_that_does_not_exist(make_search, tmp_path):
    with pytest.raises(InvalidInput, match=r"study 'smal' does not exist: there are no studies in .*runs"):
        load_config("smal", directory=tmp_path / "runs")
    create_study(make_search())
    with pytest.raises(InvalidInput, match=r"study 'smal' does not exist: studies in .*runs: small"):
        load_config("smal", directory=tmp_path / "runs")


def test_a_name_is_taken_once(make_search):
    create_study(make_search())
    with pytest.raises(InvalidInput, match=r"study small exists already in .*small: choose another name"):
        create_study(make_search())
    assert free_name("small", make_search().directory) == "small-2"
    assert free_name("new", make_search().directory) == "new"


def test_checkpoints_lie_in_the_folder_of_their_trial_or_where_the_search_keeps_them(make_search, tmp_path):
    config = make_search()
    assert checkpoint_location(config, 3) == trial_directory(config, 3) == config.study_directory / "trials" / "00003"
    config = make_search(checkpoints=str(tmp_path / "kept"))
    assert checkpoint_location(config, 3) == tmp_path / "kept" / "small" / "trials" / "00003"
    config = make_search(checkpoints="s3://bucket/kept")
    assert checkpoint_location(config, 3) == "s3://bucket/kept/small/trials/00003"


def test_a_record_names_its_checkpoint(make_search, tmp_path):
    """In a folder where there is one; in an object store, which is not asked, once an epoch was reported."""
    for place in (None, str(tmp_path / "kept"), "s3://bucket/kept"):
        config = make_search(name=f"study-{str(place)[:2].strip('/')}", checkpoints=place)
        create_study(config)
        search = StudySearch(config)
        search.suggest("t")
        assert read_study(config).trials[0].checkpoint is None
        search.on_trial_result("t", {"epoch": 1, "loss": 0.5, "ap_gt": 0.2})
        folder = checkpoint_location(config, 0)
        if isinstance(folder, str):
            assert read_study(config).trials[0].checkpoint == f"{folder}/last.pt"
            continue
        for name in ("previous.pt", "last.pt"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
            assert read_study(config).trials[0].checkpoint == folder / name


def test_the_place_of_the_checkpoints_is_seen_before_a_search_begins(make_search, tmp_path, monkeypatch):
    check_checkpoints(make_search(), new=True)
    config = make_search(checkpoints=str(tmp_path / "kept"))
    check_checkpoints(config, new=True)
    assert list((tmp_path / "kept" / "small").iterdir()) == []
    with object_store(monkeypatch) as service:
        config = make_search(checkpoints=f"s3://{BUCKET}/kept")
        check_checkpoints(config, new=True)
        assert service.keys() == []
        service.put("kept/small/trials/00000/last.pt", b"of another study")
        message = (
            rf"must have a place of their own, but s3://{BUCKET}/kept/small/trials is there already: choose another name"
        )
        with pytest.raises(InvalidInput, match=message):
            check_checkpoints(config, new=True)
        check_checkpoints(config, new=False)
        with pytest.raises(InvalidInput, match=r"s3://nowhere/small/\.probe cannot be written: .*bucket does not exist"):
            check_checkpoints(make_search(checkpoints="s3://nowhere"), new=False)


def trained(arch, *, epochs: int) -> Checkpoint:
    """A checkpoint as a training of so many epochs leaves it."""
    learner = Learner(build_network(arch), TrainConfig(), Worker(device=torch.device("cpu")))
    curve = [{"epoch": float(epoch), "loss": 0.5} for epoch in range(1, epochs + 1)]
    return Checkpoint(arch=arch, train=TrainConfig(), data={}, state=learner.state(), curve=curve)


@pytest.mark.slow
def test_a_network_is_exported_from_an_object_store(make_search, tmp_path, monkeypatch):
    with object_store(monkeypatch):
        config = make_search(checkpoints=f"s3://{BUCKET}/kept")
        create_study(config)
        search = StudySearch(config)
        search.suggest("t")
        search.on_trial_result("t", {"epoch": 1, "loss": 0.5, "ap_gt": 0.2})
        search.on_trial_complete("t", {"epoch": 2, "loss": 0.4, "ap_gt": 0.3})
        study = read_study(config)
        CheckpointStore(checkpoint_location(config, 0)).save(trained(study.trials[0].arch, epochs=2))
        done = export_trial(study, study.trials[0], tmp_path / "net")
        assert done.onnx.is_file()
        assert len(list((config.study_directory / CACHE_FOLDER).iterdir())) == 1
        later = make_search(name="later", warm_start={"studies": [str(config.study_directory)]})
        create_study(later, known=earlier_trials(later))
        (known,) = read_study(later).trials
        assert known.checkpoint == study.trials[0].checkpoint


def test_a_trial_goes_on_from_the_checkpoint_of_another_in_an_object_store(make_search, monkeypatch):
    with object_store(monkeypatch):
        config = make_search(checkpoints=f"s3://{BUCKET}/kept")
        arch, notes = next(config.search_space.enumerate()), []
        CheckpointStore(checkpoint_location(config, 0)).save(trained(arch, epochs=1))
        take_checkpoint(checkpoint_location(config, 0), checkpoint_location(config, 4), notes.append)
        found = CheckpointStore(checkpoint_location(config, 4)).load()
        assert found is not None
        assert len(found.curve) == 1
        assert notes == []


@pytest.fixture
def own_ray(monkeypatch):
    """Ray processes that are started anew, so that they have the environment of this test."""
    ray.shutdown()
    monkeypatch.setenv("RAY_ADDRESS", "local")
    yield
    ray.shutdown()


# At a commit a trial goes on from an object store, and the crash matrix runs whole searches.
@pytest.mark.nightly
def test_a_whole_search_keeps_its_checkpoints_in_an_object_store(make_search, own_ray, monkeypatch, tmp_path):
    """Real Ray processes, which talk to the store by themselves, and a trial that goes on after it was cut off."""
    with object_store(monkeypatch) as service:
        config = make_search(checkpoints=f"s3://{BUCKET}/kept", trials=2, scheduler={"name": "none"})
        study = run_search(config, Console(file=io.StringIO()))
        assert [trial.status for trial in study.trials] == ["complete", "complete"]
        assert not list(config.study_directory.rglob("*.pt"))
        for number in (0, 1):
            prefix = f"kept/small/trials/{number:05d}"
            assert service.keys(prefix) == [f"{prefix}/{name}.pt" for name in ("best", "last", "previous")]
        assert export_trial(study, study.trials[1], tmp_path / "net").onnx.is_file()
        cut_off = make_search(name="cut", checkpoints=f"s3://{BUCKET}/kept", trials=1, scheduler={"name": "none"})
        create_study(cut_off)
        suggestion = StudySearch(cut_off).suggest("t")
        point, place = suggestion["point"], checkpoint_location(cut_off, 0)
        data, space = require(cut_off, Console(file=io.StringIO()), new=False).data, cut_off.search_space
        training = dataclasses.replace(space.train_config(point, cut_off.train_config), seed=suggestion["seed"])
        train(space.build(point), training, data, directory=place, report=lambda *_: None)
        service.client.delete_object(Bucket=BUCKET, Key="kept/cut/trials/00000/last.pt")
        screen = io.StringIO()
        (trial,) = resume_search(cut_off, Console(file=screen, width=300)).trials
        assert (trial.number, trial.status, len(trial.curve)) == (0, "complete", 2)
        assert "last.pt is missing; going on from previous.pt, after epoch 1" in screen.getvalue()
