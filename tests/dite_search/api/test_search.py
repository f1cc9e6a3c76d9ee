"""Searches as objects: the fields of a search file, refused in its sentences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import dite_search
from dite_search import InvalidInput, Search, objective
from dite_search.config.search_config import load_search
from dite_search.study.study import create_study
from tests.conftest import ROOT

FIELDS: dict[str, Any] = {
    "name": "small",
    "space": "tiny",
    "data": {"synthetic": {"train_images": 24, "val_images": 8}},
    "trials": 3,
}


def test_a_search_is_the_same_from_fields_and_from_a_file(tmp_path):
    fields = FIELDS | {"directory": str(tmp_path / "runs")}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(fields))
    search = Search.from_file(tmp_path / "search.yaml")
    assert search.config == Search(**fields).config == load_search(tmp_path / "search.yaml")
    assert (search.name, search.directory) == ("small", tmp_path / "runs" / "small")
    assert repr(search) == "Search('small', ap_gt, mmacs, 3 trials)"
    assert Search.from_file(tmp_path / "search.yaml", name="other", trials=5).config.trials == 5
    moved = Search.from_file(tmp_path / "search.yaml", data=tmp_path / "people").config.data
    assert (moved.root, moved.synthetic) == (str(tmp_path / "people"), None)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"trails": 3}, "Search: unknown field of the search file 'trails': did you mean 'trials'"),
        ({"space": "tyny"}, "Search: unknown space or network 'tyny': did you mean 'tiny'"),
        ({"objectives": ["ap_gt", "nowhere:energy"]}, "objective nowhere:energy needs the module nowhere"),
        ({"trials": 0}, "Search: trials must be at least 1, got 0"),
    ],
)
def test_a_wrong_field_is_one_sentence(fields, message):
    with pytest.raises(InvalidInput, match=message):
        Search(**FIELDS | fields)
    with pytest.raises(InvalidInput, match=r"gone\.yaml"):
        Search.from_file("gone.yaml")


def test_an_objective_may_be_the_function_itself(tmp_path, monkeypatch):
    (tmp_path / "mine_of_search.py").write_text(
        "from dite_search import objective\n@objective()\ndef energy(architecture, cost):\n    return cost.mmacs\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    import mine_of_search

    search = Search(**FIELDS, objectives=["ap_gt", mine_of_search.energy])
    (own,) = search.config.own_objectives
    assert (search.config.objectives, own.function, own.folder) == (
        ("ap_gt", "energy"),
        "mine_of_search:energy",
        str(tmp_path),
    )

    @objective()
    def here(architecture: Any, cost: Any) -> float:
        return 1.0

    here.__module__ = "__main__"
    with pytest.raises(InvalidInput, match="objective here must stand in a module, because trials run in other processes"):
        Search(**FIELDS, objectives=["ap_gt", here])


def test_a_search_by_shared_weights_begins_with_their_finalists(tmp_path, monkeypatch):
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(FIELDS | {"directory": str(tmp_path / "runs")}))
    begun: list[Any] = []

    def with_finalists(config: Any, *, file: str, console: Any) -> Any:
        begun.append(file)
        return config.replaced({"trials": 2}, "finalists")

    def run_search(config: Any, console: Any) -> None:
        begun.append(config.trials)
        create_study(config)

    monkeypatch.setattr("dite_search.tasks.supernet.pick_finalists.with_finalists", with_finalists)
    monkeypatch.setattr("dite_search.driver.run_search.run_search", run_search)
    file = str(tmp_path / "search.yaml")
    assert Search.from_file(file).run(quiet=True).config.trials == 2
    assert begun == [file, 2]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "extend must be given trials, hours, gpu_hours, epochs or until"),
        ({"trials": 0}, "trials to add must be a whole number above 0, got 0"),
        ({"epochs": 1.5}, "epochs to add must be a whole number above 0, got 1.5"),
        ({"hours": float("nan")}, "hours to add must be a number above 0, got nan"),
        ({"until": "soon"}, "until must be a date and time such as"),
        ({"trials": 1}, "study .*small' does not exist"),
    ],
)
def test_what_cannot_be_added_is_one_sentence(tmp_path, more, message):
    with pytest.raises(InvalidInput, match=message):
        Search(**FIELDS, directory=str(tmp_path)).extend(**more)


def test_a_study_that_is_not_there_cannot_be_resumed(tmp_path):
    with pytest.raises(InvalidInput, match=r"study .*small' does not exist"):
        Search(**FIELDS, directory=str(tmp_path)).resume()


def test_the_package_takes_no_time_and_imports_nothing_heavy():
    """In a process of its own, as this one has imported everything."""
    program = (
        "import sys, time, dite_search; dir(dite_search)\n"
        "assert time.process_time() < 0.5, time.process_time()\n"
        "found = {'torch', 'ray', 'pandas', 'optuna', 'mlflow', 'pydantic'} & set(sys.modules)\n"
        "assert not found, found\n"
        "from dite_search import Search\n"
        "found = {'torch', 'ray', 'optuna', 'mlflow'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_name_is_handed_out_and_no_other():
    for name in dite_search.__all__:
        assert getattr(dite_search, name) is not None
        assert name in dir(dite_search)
    with pytest.raises(AttributeError, match="module 'dite_search' has no attribute 'Sarch'"):
        _ = dite_search.Sarch  # type: ignore[attr-defined]
    assert Path(dite_search.__file__).parent == ROOT / "dite_search"
