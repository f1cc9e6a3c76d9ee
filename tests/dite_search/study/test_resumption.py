"""A study goes on as it was made, or one sentence says what differs, before anything is written or started."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3

import pytest

from dite_search.driver.run_search import data_of
from dite_search.driver.searcher import StudySearch
from dite_search.study.attributes import PROTOCOL
from dite_search.study.directory import load_config, study_url_of
from dite_search.study.places import PROVENANCE_FILE
from dite_search.study.protocol import provenance_of
from dite_search.study.reader import read_study
from dite_search.study.resumption import check_same_data, check_study, keep_record
from dite_search.study.study import create_study, open_study
from dite_search.study.warm_start import earlier_trials
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_json, write_mapping
from search_spaces.training_config import TrainConfig
from tests.dite_search.commands import refused
from tests.dite_search.study.test_directory import trained
from trainers.checkpoints.checkpoint import LAST, save_checkpoint
from trainers.data.identity import data_contents, data_identity
from trainers.data.synthetic.dataset import draw_dataset

TRAINING = {"epochs": 2, "batch_size": 16, "warmup_iterations": 2, "validate_every": 1}


@pytest.fixture
def people(tmp_path):
    """A small data set."""
    draw_dataset(tmp_path / "people", train_images=12, val_images=6, seed=5)
    return tmp_path / "people"


@pytest.fixture
def study(make_search, people):
    """A study of one complete trial and one that was cut off."""
    config = make_search(data={"root": str(people)}, sampler={"name": "random"}, training=TRAINING)
    data = data_of(config)
    create_study(config, contents=data_contents(data))
    write_json(config.study_directory / PROVENANCE_FILE, {"data": data_identity(data)})
    search = StudySearch(config)
    search.suggest("a")
    for epoch in (1, 2):
        search.on_trial_result("a", {"epoch": epoch, "loss": 0.5, "ap_gt": 0.2})
    search.on_trial_complete("a", {"epoch": 2, "loss": 0.4, "ap_gt": 0.3})
    search.suggest("b")
    return config


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    """Fail where Ray is started: a refusal comes before that."""

    def start():
        raise AssertionError("Ray was started")

    monkeypatch.setattr("dite_search.driver.run_search.start_ray", start)


def edit(config, **changes):
    """Change fields of a study's search file; None takes one away."""
    file = config.study_directory / "search.yaml"
    values = {name: value for name, value in (read_mapping(file) | changes).items() if value is not None}
    write_mapping(file, values)


def contents_of(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def older(config):
    """Make a study into one of an earlier version, which kept no settings."""
    with sqlite3.connect(config.study_directory / "study.db") as database:
        database.execute("DELETE FROM study_user_attributes WHERE key = ?", (PROTOCOL,))


CHANGES = [
    ({"training": TRAINING | {"epochs": 4}}, "training.epochs 2, but FILE has 4: "),
    ({"input_size": "64x64"}, "input_size 96x64, but FILE has 64x64: "),
    ({"seed": 4}, "seed 0, but FILE has 4: "),
    (
        {"space": {"base": "tiny", "parameters": {"groups_branch4": [2]}}},
        "space.parameters.groups_branch4 [1, 2, 4], but FILE has [2]: ",
    ),
    (
        {"space": {"base": "tiny", "parameters": {"groups_branch3": None}}},
        "space.parameters.groups_branch3 [1, 2], but FILE has none: ",
    ),
    ({"objectives": ["ap_gt", "params"]}, 'objectives ["ap_gt", "mmacs"], but FILE has ["ap_gt", "params"]: '),
]


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "sentence"), [*CHANGES, ({"repeats": 2}, "repeats 1, but FILE has 2: ")])
def test_other_settings_are_refused_by_whatever_reads_the_study(study, changes, sentence):
    edit(study, **changes)
    before = contents_of(study.study_directory)
    words = sentence.replace("FILE", str(study.study_directory / "search.yaml"))
    for command in (("extend", "--trials", 1), ("resume",), ("report",), ("sync",), ("watch", "--once")):
        message = refused(command[0], study.study_directory, *command[1:])
        assert message.startswith(f"Error: study small was made with {words}put it back, or make a new study")
    assert contents_of(study.study_directory) == before


def test_a_study_that_was_changed_is_no_start_of_another(study, make_search, people):
    longer = TRAINING | {"epochs": 4}
    edit(study, training=longer)
    known = {"studies": [str(study.study_directory)]}
    later = make_search(name="later", data={"root": str(people)}, warm_start=known, training=longer)
    with pytest.raises(InvalidInput, match=r"study small was made with training\.epochs 2, but"):
        earlier_trials(later)


@pytest.mark.parametrize("field", ["train", "val"])
def test_annotations_that_were_edited_are_refused(study, people, field):
    file = people / "annotations" / f"person_keypoints_{field}2017.json"
    document = json.loads(file.read_text())
    document["annotations"][0]["area"] *= 4
    file.write_text(json.dumps(document))
    before = contents_of(study.study_directory)
    words = {"train": "annotations to learn from", "val": "annotations to be scored on"}[field]
    for command in (("extend", "--trials", 1), ("resume",)):
        message = refused(command[0], study.study_directory, *command[1:])
        assert message.startswith(f"Error: study small was made with {words} of sha256 ")
        assert f", but {file} has sha256 " in message
        assert message.endswith(" now: put back what was there, or make a new study under another name")
    assert contents_of(study.study_directory) == before


def test_data_that_were_moved_are_the_same(study, people, tmp_path):
    moved = people.rename(tmp_path / "moved")
    file = study.study_directory / "search.yaml"
    assert refused("resume", study.study_directory) == (
        f"Error: data folder not found: {people}; if the data were moved, say in {file} where data.root is now"
    )
    edit(study, data={"root": str(moved), "workers": 2})
    config = load_config(study.study_directory)
    check_study(config)
    check_same_data(config, data_of(config), data_contents(data_of(config)))


def test_another_project_is_not_taken_for_the_own(make_search, tmp_path, monkeypatch):
    for name, images in (("one", 12), ("two", 14)):
        draw_dataset(tmp_path / name / "data", train_images=images, val_images=6, seed=images)
    monkeypatch.chdir(tmp_path / "one")
    config = make_search(data={"root": "data"}, training=TRAINING)
    create_study(config, contents=data_contents(data_of(config)))
    monkeypatch.chdir(tmp_path / "two")
    found = load_config(config.study_directory)
    assert data_of(found).root == tmp_path / "one" / "data"
    edit(config, data={"root": "data"})
    assert "was made with annotations to learn from of sha256 " in refused("resume", config.study_directory)


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "sentence"), CHANGES)
def test_trials_tell_the_settings_of_a_study_that_kept_none(study, changes, sentence):
    older(study)
    check_study(load_config(study.study_directory))
    edit(study, **changes)
    words = sentence.replace("FILE", str(study.study_directory / "search.yaml"))
    message = refused("extend", study.study_directory, "--trials", 1)
    assert message.startswith(f"Error: study small was made with {words}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training": TRAINING | {"epochs": 2, "warmup_iterations": 9}}, "training.warmup_iterations 2, but"),
        ({"data": {"root": "PEOPLE", "val_split": "train"}}, "data.val_split val, but"),
    ],
)
def test_a_checkpoint_tells_the_recipe_of_a_study_that_kept_none(study, people, changes, words):
    older(study)
    (trial,) = [trial for trial in read_study(study).trials if trial.status == "complete"]
    checkpoint = trained(trial.arch, epochs=2)
    data = {
        "root": str(people),
        "val_split": "val",
        "boxes": "gt",
        "name": "custom",
        "format": "coco",
        "train_split": "train",
    }
    place = study.study_directory / "trials" / "00000" / LAST
    place.parent.mkdir(parents=True, exist_ok=True)
    recipe = TrainConfig.from_dict(TRAINING)
    save_checkpoint(place, type(checkpoint)(**vars(checkpoint) | {"data": data, "train": recipe}))
    changes = json.loads(json.dumps(changes).replace("PEOPLE", str(people)))
    edit(study, **changes)
    assert f"study small was made with {words}" in refused("extend", study.study_directory, "--trials", 1)


def test_a_study_that_kept_none_keeps_them_from_then_on(study, people):
    older(study)
    config = load_config(study.study_directory)
    assert PROTOCOL not in open_study(config).user_attrs
    assert provenance_of(config)["data"] == data_identity(data_of(config))
    keep_record(config, data_contents(data_of(config)))
    assert open_study(config).user_attrs[PROTOCOL]["contents"] == data_contents(data_of(config))
    edit(config, training=TRAINING | {"batch_size": 8})
    with pytest.raises(InvalidInput, match=r"was made with training\.batch_size 16, but"):
        read_study(load_config(config.study_directory))


def test_data_of_a_study_that_kept_none_are_known_by_its_provenance(study, people):
    older(study)
    file = people / "annotations" / "person_keypoints_val2017.json"
    file.write_text(file.read_text() + " ")
    message = refused("extend", study.study_directory, "--trials", 1)
    assert message.startswith(
        f"Error: study small was made with annotations of {provenance_of(study)['data']}, but those in "
    )
    (study.study_directory / PROVENANCE_FILE).unlink()
    check_same_data(study, data_of(study), data_contents(data_of(study)))


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "gp", "qmc", "cost_aware"])
def test_what_may_change_changes(make_search, sampler):
    space = {"base": "tiny", "parameters": {"learning_rate": {"low": 0.001, "high": 0.01}}}
    config = make_search(space=space, sampler={"name": "random"})
    create_study(config)
    search = StudySearch(config)
    for number, name in enumerate("abc"):
        search.suggest(name)
        search.on_trial_complete(name, {"epoch": 2, "loss": 0.4, "ap_gt": 0.3 + number / 10})
    wider = {"base": "tiny", "parameters": {"learning_rate": {"low": 0.0001, "high": 0.1}}}
    edit(
        config,
        space=wider,
        sampler={"name": sampler, "startup_trials": 2},
        scheduler={"name": "none"},
        trials=9,
        resources={"cpus_per_worker": 2},
        max_concurrent=1,
        retries=3,
        reuse=False,
        latency={"threads": 2},
        training=TRAINING | {"precision": "bfloat16"},
        mlflow_url="http://127.0.0.1:9",
    )
    changed = load_config(config.study_directory)
    check_study(changed)
    again = StudySearch(changed)
    for name in "de":
        point = again.suggest(name)["point"]
        assert changed.search_space.is_valid(point)
        again.on_trial_complete(name, {"epoch": 2, "loss": 0.4, "ap_gt": 0.4})
    assert len(read_study(changed).trials) == 5
    edit(config, space={"base": "tiny", "parameters": {"learning_rate": {"low": 0.05, "high": 0.1}}})
    with pytest.raises(InvalidInput, match=r'parameters\.learning_rate .*"low": 0\.001, .*, but .*"low": 0\.05, '):
        check_study(load_config(config.study_directory))


def test_a_renamed_folder_holds_the_study_of_its_search_file(study, tmp_path):
    number = len(read_study(study).trials)
    renamed = study.study_directory.rename(study.study_directory.with_name("renamed"))
    found = load_config("renamed", directory=renamed.parent)
    assert (found.name, found.study_directory) == ("small", renamed)
    assert pickle.loads(pickle.dumps(found)).study_directory == renamed, "trials in processes of their own see it"
    assert study_url_of(found) == f"sqlite:///{renamed}/study.db"
    check_study(found)
    assert len(read_study(found).trials) == number
    moved = shutil.move(renamed, tmp_path / "elsewhere")
    assert len(read_study(load_config(moved)).trials) == number


def test_a_name_that_was_changed_is_put_back(study):
    edit(study, name="other")
    folder = study.study_directory
    assert refused("report", folder) == (
        f"Error: {folder}/study.db holds study small, but {folder}/search.yaml has name other: put it back"
    )
    assert "holds study small, but" in refused("resume", folder)
