"""The commands about shared weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dite_search.commands import refused, run

FILE = "name: s\nspace: tiny_128\ndata: {synthetic: {train_images: 8, val_images: 2, seed: 0}}\ntrials: 1\n"


def test_the_options_of_train_change_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def training(config: Any, *, restart: bool, console: Any, **_: Any) -> dict[str, Any]:
        asked.update(name=config.name, directory=config.directory, restart=restart, epochs=config.supernet_config.epochs)
        return {"supernet": "there", "epoch": 2.0}

    monkeypatch.setattr("dite_search.tasks.supernet.train_supernet.train_shared_weights", training)
    file = tmp_path / "search.yaml"
    file.write_text(FILE)
    done = run("supernet", "train", file, "--name", "other", "--directory", tmp_path, "--restart", "--json")
    assert done.exit_code == 0, done.output
    assert '"supernet": "there"' in done.output
    assert asked == {"name": "other", "directory": str(tmp_path), "restart": True, "epochs": 120}


def test_a_space_that_cannot_share_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(FILE.replace("tiny_128", "table6") + f"directory: {tmp_path}\n")
    sentence = refused("supernet", "train", file)
    assert "space table6 cannot have shared weights: stem must be one for all networks that share weights" in sentence
    assert not (tmp_path / "s").exists()
    assert "must name a file" in (missing := refused("supernet", "train", tmp_path / "none.yaml")) or "none.yaml" in missing


def test_the_options_of_score_reach_the_scoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def scoring(config: Any, *, file: str, networks: int | None, restart: bool, console: Any) -> dict[str, Any]:
        asked.update(name=config.name, networks=networks, restart=restart, file=file)
        return {"scores": "there", "networks": 7, "inherited_ap_gt": 0.5}

    monkeypatch.setattr("dite_search.tasks.supernet.score_supernet.score_inherited", scoring)
    file = tmp_path / "search.yaml"
    file.write_text(FILE)
    done = run("supernet", "score", file, "--name", "other", "--networks", "7", "--json")
    assert done.exit_code == 0, done.output
    assert '"inherited_ap_gt": 0.5' in done.output
    assert asked == {"name": "other", "networks": 7, "restart": False, "file": str(file)}


def test_networks_are_not_scored_without_weights(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(FILE + f"directory: {tmp_path}\n")
    sentence = refused("supernet", "score", file)
    assert f"{tmp_path / 's' / 'supernet'} has none: dite-search supernet train" in sentence
    assert not (tmp_path / "s").exists()


def test_shared_weights_that_do_not_exist_are_listed(tmp_path: Path) -> None:
    (tmp_path / "other" / "supernet").mkdir(parents=True)
    sentence = refused("supernet", "show", "s", "--directory", tmp_path)
    assert f"shared weights of study 's' do not exist: studies with some in {tmp_path}: other" in sentence
    sentence = refused("supernet", "show", "other", "--directory", tmp_path)
    assert "must have a checkpoint or scores, found neither" in sentence
