"""``dite-search data show``: a page, numbers, and a sentence for every mistake."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dite_search.tasks.data_page import default_output
from tests.dite_search.commands import refused, run
from trainers.data.synthetic.dataset import draw_dataset

QUICK = ("--people", "1", "--input-size", "128x96")


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "people"
    draw_dataset(root, train_images=6, val_images=3, seed=1)
    return root


def test_a_page_is_written_beside_the_work(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("data", "show", people, *QUICK)
    assert result.exit_code == 0, result.output
    assert "people-data.html" in result.output
    assert "train_images  6" in result.output
    page = (tmp_path / "people-data.html").read_text()
    assert page.startswith("<!doctype html>")
    assert run("data", "show", people, *QUICK).exit_code == 0, "an earlier page is replaced"


def test_the_page_is_named_as_the_user_names_the_data(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_data").symlink_to(people)
    assert default_output(Path("my_data")).name == "my_data-data.html"
    assert default_output(Path("my_data/..")).name == f"{tmp_path.name}-data.html"


def test_json_has_the_numbers_and_nothing_else(people: Path, tmp_path: Path) -> None:
    result = run("data", "show", people, *QUICK, "--output", tmp_path / "page.html", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["page"] == str(tmp_path / "page.html")
    assert document["splits"]["val"]["images"] == 3
    assert document["input_size"] == "128x96"


def test_one_split_is_enough(people: Path, tmp_path: Path) -> None:
    result = run("data", "show", people, *QUICK, "--split", "val", "--output", tmp_path / "page.html", "--json")
    assert list(json.loads(result.stdout)["splits"]) == ["val"]


def test_the_same_seed_gives_the_same_page(people: Path, tmp_path: Path) -> None:
    pages = []
    for number, seed in enumerate((0, 0, 1)):
        file = tmp_path / f"{number}.html"
        assert run("data", "show", people, *QUICK, "--seed", seed, "--output", file).exit_code == 0
        pages.append(file.read_bytes())
    assert pages[0] == pages[1] != pages[2]


def test_mistakes_are_answered_with_a_sentence(people: Path, tmp_path: Path) -> None:
    assert "data folder not found" in refused("data", "show", tmp_path / "none", "--output", tmp_path / "a.html")
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    assert "--output must be new or an earlier page of data show" in refused("data", "show", people, "--output", mine)
    assert mine.read_text() == "mine"
    page = ("--output", tmp_path / "page.html")
    assert "input_size must be" in refused("data", "show", people, *page, "--input-size", "100x90")
    assert "unknown split" in refused("data", "show", people, *page, "--split", "test")
    assert "category must be the name or the id" in refused("data", "show", people, *page, "--category", "dog")
    assert not (tmp_path / "page.html").exists()


def test_a_refused_annotation_file_leaves_no_page(people: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(people, tmp_path / "bad"))
    file = root / "annotations" / "person_keypoints_val2017.json"
    file.write_text(file.read_text()[:-40])
    assert "is not complete JSON" in refused("data", "show", root, "--output", tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_coco_mini_has_no_warning(coco_mini: Path, tmp_path: Path) -> None:
    result = run("data", "show", coco_mini, *QUICK, "--output", tmp_path / "page.html", "--json")
    document = json.loads(result.stdout)
    assert [document["splits"][split]["people"] for split in ("train", "val")] == [86, 68]
    assert [note for note in document["notes"] if note["severity"] == "warning"] == []
