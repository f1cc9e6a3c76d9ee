"""The search file: what it accepts, what it refuses, and in which words."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml

from analysis.study.published_results import PUBLISHED_TABLES, recipe_changes
from dite_search.config.search_config import SearchConfig, load_search, parse_search
from dite_search.driver.scheduler import scheduler_of
from dite_search.driver.trainable import TrialRunner
from dite_search.study.protocol import protocol_of
from search_spaces.common.errors import InvalidInput
from tests.conftest import ROOT
from trainers.data.config import DataConfig

MINIMAL = {"name": "x", "space": "tiny", "data": {"synthetic": {}}, "trials": 4, "training": {"epochs": 2}}


@pytest.mark.parametrize(
    "file", [*(ROOT / "examples").glob("*.yaml"), ROOT / "dite_search" / "quickstart.yaml"], ids=lambda file: file.stem
)
def test_every_search_file_of_the_project_is_valid(file):
    config = load_search(file)
    assert config.search_space.count() >= 16 or config.name in ("table4", "table6", "table6_mpii")
    assert config.sampler.name != "grid" or config.trials == config.search_space.count()
    assert parse_search(config.to_dict(), "again") == config


@pytest.mark.parametrize(
    ("file", "rows"),
    [
        ("table5", PUBLISHED_TABLES["table5"]),
        ("table6", PUBLISHED_TABLES["table6"]),
        ("table6_mpii", PUBLISHED_TABLES["table6_mpii"]),
    ],
)
def test_the_ablations_follow_the_protocol_of_the_paper(file, rows):
    """Network by network; those that Lite-HRNet's authors trained for fewer epochs apart from that."""
    config = load_search(ROOT / "examples" / f"{file}.yaml")
    assert [arch.arch_id for arch in config.search_space.enumerate()] == [row.arch.arch_id for row in rows]
    protocol = protocol_of(config)
    for row in rows:
        assert {name: protocol[name] for name in row.protocol} == row.protocol | {"epochs": rows[-1].epochs}
        assert config.accuracy == row.metric
        if row.epochs == config.train_config.epochs:
            assert recipe_changes(config.train_config) == recipe_changes(row.recipe)


@pytest.mark.parametrize("table", ["table2", "table3", "table4"])
def test_every_row_of_a_table_is_a_trial_of_its_own_recipe(table):
    """All that a row states of its training but its length: codec, learning rate, batch and augmentation."""
    config = load_search(ROOT / "examples" / f"{table}.yaml")
    space, rows = config.search_space, PUBLISHED_TABLES[table]
    tried = {}
    for point in config.start_with:
        recipe = space.train_config(point, config.train_config)
        tried[space.build(point).arch_id, recipe.codec] = recipe
    assert len(tried) == config.trials == len(rows) == len(config.start_with)
    for row in rows:
        recipe = tried[row.arch.arch_id, row.recipe.codec]
        assert config.accuracy == row.metric
        if row.epochs:
            kept = {name: value for name, value in recipe_changes(row.recipe).items() if name != "milestones"}
            assert {name: value for name, value in recipe_changes(recipe).items() if name != "milestones"} == kept
            assert recipe.batch_size == row.recipe.batch_size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trails": 3}, "unknown field of the search file 'trails': did you mean 'trials'"),
        (
            {"data": {"synthetic": {"train_image": 3}}},
            "unknown field of data.synthetic 'train_image': did you mean 'train_images'",
        ),
        ({"confirm": 3, "repeats": 2}, "confirm must be 1 where repeats is 2, got 3"),
        ({"trials": 0}, "trials must be at least 1, got 0"),
        ({"trials": "many"}, "trials must be an integer, got 'many'"),
        ({"name": "../up"}, "name must be 1 to 100 letters without accents, digits, .* got '../up'"),
        ({"data": {}}, "data must name exactly one of root and synthetic"),
        ({"data": {"root": "${DITE_NOWHERE}/x"}}, "root needs the environment variable DITE_NOWHERE, which is not set"),
        (
            {"checkpoints": "s3://me:pw@bucket/x"},
            "checkpoints: a location by s3:// must not hold credentials: they come from",
        ),
        ({"checkpoints": "gs://bucket/x"}, "checkpoints: a location must be a folder, file:///folder or s3://bucket/prefix"),
        ({"objectives": ["ap_gtt", "mmacs"]}, "unknown objective 'ap_gtt': did you mean 'ap_gt'"),
        ({"objectives": ["mmacs"]}, "objectives must hold exactly one accuracy, ap_gt for data.boxes gt, got \\[\\]"),
        ({"objectives": ["ap_det", "mmacs"]}, "exactly one accuracy, ap_gt for data.boxes gt, got \\['ap_det'\\]"),
        ({"objectives": ["ap_gt", "ap_gt"]}, "objectives must not name one twice"),
        ({"sampler": {"name": "tpee"}}, "sampler.name: unknown sampler 'tpee': did you mean 'tpe'"),
        ({"training": {"epoch": 3}}, "unknown training field 'epoch': did you mean 'epochs'"),
        ({"training": {"epochs": 0}}, "my.yaml: training.epochs must be an integer from 1 to 100000, got 0"),
        ({"training": {"seed": 1}}, "seed of the search is the seed of every training"),
        ({"space": "tyny"}, "unknown space or network 'tyny': did you mean 'tiny'"),
        (
            {"space": {"base": "dite_hrnet_18", "parameters": {"groups_branch3": [7]}}},
            "has no valid network: groups of branch 3 must divide half its width: G = 7 does not divide 80",
        ),
        ({"space": {"base": "dite_hrnet_18"}}, "is empty: it names no parameter to search"),
        ({"resources": {"workers": 200}}, "batch_size must be at least 400, 2 samples for each of 200 workers, got 256"),
        ({"resources": {"workers": 3, "max_workers": 2}}, "max_workers must be at least workers 3, got 2"),
        ({"start_with": [{"widths": "1-2"}]}, r"start_with\[0\]: widths must be one of"),
        ({"sampler": {"name": "grid"}, "trials": 500}, "trials must be at most the 192 points of a grid search, got 500"),
        ({"input_size": "100x75"}, "input_size must be multiples of 32"),
        (
            {"data": {"root": "x", "category": True}},
            "data.category: category must be the name or the id of a category, got True",
        ),
        ({"data": {"root": "x", "category": " "}}, "category must be the name or the id of a category, got ' '"),
        (
            {"data": {"root": "x", "format": "mpii", "category": 1}},
            "category must not be given in format mpii, which has none",
        ),
        ({"data": 3}, "data must hold fields, each with its value, got 3"),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(changes, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_search(MINIMAL | changes, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert "\n" not in str(caught.value)


def test_all_mistakes_of_a_file_are_told_at_once():
    wrong = {
        "name": "équipe",
        "data": {"synthetic": {"seed": -1}, "boxes": "both"},
        "training": {"epochs": 0, "epoch": 3},
        "objectives": ["ap_gt", "mmac"],
        "budget": "mmacs < 20",
        "resources": {"workers": 3, "max_workers": 2},
    }
    with pytest.raises(InvalidInput, match=r"^my\.yaml has 8 mistakes:\n  - name must be ") as caught:
        parse_search(MINIMAL | wrong, "my.yaml")
    starts = [line[4:] for line in str(caught.value).splitlines()[2:]]
    for start, begins in zip(
        starts,
        (
            "data.synthetic.seed must be at least 0, got -1",
            "data.boxes must be 'gt' or 'det', got 'both'",
            "resources: max_workers must be at least workers 3, got 2",
            "unknown objective 'mmac'",
            "unknown training field 'epoch'",
            "training.epochs must be an integer from 1 to 100000, got 0",
            "a limit must be written like 'mmacs <= 250' or 'params <= 1.5M', got 'mmacs < 20'",
        ),
        strict=True,
    ):
        assert start.startswith(begins)


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        # The keypoints and the accuracy of data that cannot be read are not known: nothing is said of them.
        ({"data": {"root": 3}, "objectives": ["nme", "mmacs"], "space": {"base": "dite_hrnet_18"}}, 1),
        ({"space": 3, "start_with": [{"widths": 1}]}, 1),
        ({"trials": None, "trails": 3}, 1),
        ({"trials": None, "name": "a b"}, 2),
        ({"sampler": {"name": "grit"}, "trials": 5000}, 1),
    ],
)
def test_a_mistake_that_follows_from_another_is_not_told(changes, count):
    with pytest.raises(InvalidInput, match=r"my\.yaml") as caught:
        parse_search(MINIMAL | changes, "my.yaml")
    assert max(1, str(caught.value).count("\n")) == count


def test_one_limit_needs_no_list():
    found = parse_search(MINIMAL | {"budget": "mmacs <= 20"}, "my.yaml")
    assert found.budget == ("mmacs <= 20",)
    assert found.to_dict()["budget"] == ["mmacs <= 20"]


def test_a_field_that_is_missing():
    with pytest.raises(InvalidInput, match=r"my\.yaml: trials must be given"):
        parse_search({name: value for name, value in MINIMAL.items() if name != "trials"}, "my.yaml")


def test_environment_and_arguments_fill_the_data_root(tmp_path, monkeypatch):
    file = tmp_path / "search.yaml"
    file.write_text(yaml.safe_dump(MINIMAL | {"data": {"root": "${PEOPLE:-/usual}/x"}}))
    assert load_search(file).data.root == "/usual/x"
    monkeypatch.setenv("PEOPLE", "/other")
    assert load_search(file).data.root == "/other/x"
    assert load_search(file, data_root="/given").data.root == "/given"
    assert load_search(file, changes={"trials": 9, "name": None}).trials == 9


def test_every_field_is_documented():
    def undocumented(section):
        return [name for name, field in section.model_fields.items() if not (field.description or field.annotation.__doc__)]

    assert undocumented(SearchConfig) == []


def test_the_study_lies_in_an_absolute_folder():
    assert parse_search(MINIMAL, "f").study_directory == Path.cwd() / "runs" / "x"


def test_where_checkpoints_are_kept_does_not_depend_on_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DITE_BUCKET", "mine")
    for text, kept in (
        ("kept/here", str(tmp_path / "kept" / "here")),
        ("file:///kept", "/kept"),
        ("s3://${DITE_BUCKET}/runs/", "s3://mine/runs"),
        (None, None),
    ):
        config = parse_search(MINIMAL | {"checkpoints": text}, "x")
        assert config.checkpoints == kept
        assert parse_search(config.to_dict(), "again") == config


def test_a_password_in_a_variable_stays_there(make_search, monkeypatch):
    monkeypatch.setenv("DATABASE_PASSWORD", "s3cret-word")
    url = "postgresql+psycopg2://me:${DATABASE_PASSWORD}@db/studies"
    config = make_search(study_url=url, mlflow_url="${NO_SUCH_SERVER:-}")
    assert config.study_url == "postgresql+psycopg2://me:s3cret-word@db/studies"
    assert config.to_dict()["study_url"] == url
    assert "s3cret" not in str(config.to_dict())
    again = parse_search(config.to_dict(), "search.yaml")
    assert (again.study_url, again.mlflow_url) == (config.study_url, "")
    for stored in (config, scheduler_of(config), TrialRunner(search=config, data=DataConfig(root=Path("x")))):
        assert b"s3cret" not in pickle.dumps(stored)
    assert pickle.loads(pickle.dumps(config)).to_dict() == config.to_dict()


def test_a_variable_may_name_an_earlier_study(make_search, monkeypatch):
    monkeypatch.setenv("OLD_RUNS", "/runs")
    assert make_search(warm_start={"studies": ["${OLD_RUNS}/first"]}).warm_start.studies == ("/runs/first",)


@pytest.mark.parametrize("field", ["directory", "checkpoints"])
def test_a_path_has_printable_characters_only(make_search, field):
    with pytest.raises(InvalidInput, match=rf"{field}: must hold printable characters only, got 'a\\x00b'"):
        make_search(**{field: "a\x00b"})
