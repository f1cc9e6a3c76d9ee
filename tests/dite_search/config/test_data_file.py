"""The data of a command: a folder or a file, with options that go before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dite_search.config.data_file import data_config_of
from search_spaces.common.errors import InvalidInput

PLACES = "train: {annotations: t.json, images: t}\nval: {annotations: v.json, images: v}\n"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "data.yaml"
    file.write_text(text)
    return file


def test_a_folder_is_the_root() -> None:
    data = data_config_of("/nowhere", {"format": "coco", "category": None, "on_orientation": "apply"})
    assert data.root == Path("/nowhere")
    assert data.layout is None


def test_paths_of_a_file_count_from_its_folder(tmp_path: Path) -> None:
    data = data_config_of(written(tmp_path, f"{PLACES}metric: nme\non_orientation: ignore\n"), {"on_orientation": "apply"})
    assert data.layout is not None
    assert data.layout.splits["val"].annotations == tmp_path / "v.json"
    assert data.root == tmp_path
    assert data.accuracy == "nme"
    assert data.on_orientation == "ignore", "an option at its default leaves the file's"


def test_options_go_before_the_file(tmp_path: Path) -> None:
    points = tmp_path / "points.yaml"
    points.write_text("names: [left_eye, right_eye]\n")
    file = written(tmp_path, "root: below\nmetric: nme\nkeypoints: points.yaml\n")
    data = data_config_of(file, {"metric": "epe", "val_share": 0.2})
    assert (data.accuracy, data.root) == ("epe", tmp_path / "below")
    assert data.keypoint_set.names == ("left_eye", "right_eye")
    assert data.layout is not None
    assert data.layout.val_share == 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metrics: nme\n", r"data.yaml: unknown field of the data 'metrics': did you mean 'metric'\?"),
        ("metric: pcp\n", r"data.yaml: unknown metric 'pcp'"),
        ("workers: many\n", r"data.yaml: workers must be an integer, got 'many'"),
        ("synthetic: {}\n", r"data.yaml must name people that are there: synthetic ones are of a search file"),
        (": [\n", r"data.yaml must be valid YAML or JSON"),
    ],
)
def test_what_breaks_a_rule_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        data_config_of(written(tmp_path, text), {})


@pytest.mark.parametrize("options", [{"val_share": 3.0}, {"metric": "nme", "boxes": "det", "detections": "/d"}])
def test_options_that_break_a_rule_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"^/nowhere: (val_share|metric)"):
        data_config_of("/nowhere", options)
