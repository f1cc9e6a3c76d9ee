"""`dite-search prepare` and what reads its output, from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.dite_search.commands import run
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import training_set
from trainers.data.synthetic.dataset import draw_dataset

ARCH = ArchConfig(input_size=(96, 64))


@pytest.fixture
def people(tmp_path: Path) -> Path:
    draw_dataset(tmp_path / "people", train_images=10, val_images=4, seed=2)
    return tmp_path / "people"


def test_prepares_once_and_then_keeps(people: Path) -> None:
    first = json.loads(run("prepare", "--data", people, "--input-size", "96x64", "--workers", 1, "--json").stdout)
    assert first["prepared"] == str(people / "prepared" / "96x64")
    assert (first["images"], first["shards_written"], first["shards_kept"], first["broken"]) == (14, 2, 0, [])
    assert first["bytes"] == sum(path.stat().st_size for path in Path(first["prepared"]).glob("*.bin"))
    again = run("prepare", "--data", people, "--input-size", "96x64", "--workers", 1)
    assert again.exit_code == 0, again.output
    assert "shards_kept       2" in again.output


def test_training_with_a_prepared_set_is_the_same_training(people: Path, tmp_path: Path) -> None:
    run("prepare", "--data", people, "--input-size", "96x64", "--workers", 1, "--output", tmp_path / "set")
    losses = []
    for name, options in (("plain", ()), ("ready", ("--prepared", tmp_path / "set"))):
        words = (
            "train",
            "lite_hrnet_18",
            "--input-size",
            "96x64",
            "--data",
            people,
            "--epochs",
            1,
            "--batch-size",
            8,
            "--json",
        )
        result = run(*words, "--threads", 1, "--output", tmp_path / name, *options)
        assert result.exit_code == 0, result.output
        losses.append(json.loads(result.stdout)["loss"])
    assert losses[0] == losses[1]
    damaged = tmp_path / "set" / "train-00000.bin"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    refused = run(*words, "--output", tmp_path / "other", *options)
    assert refused.exit_code == 2
    assert "is damaged" in refused.output
    assert f"mend with dite-search prepare --data {people}" in " ".join(refused.output.split())


def test_all_broken_images_are_listed(people: Path) -> None:
    first, second = sorted((people / "train2017").iterdir())[2:4]
    first.write_bytes(first.read_bytes()[:500])
    second.unlink()
    words = ("prepare", "--data", people, "--input-size", "96x64", "--workers", 1)
    stopped = run(*words)
    assert stopped.exit_code == 2
    assert f"image {first} is truncated: its 500 bytes stop before the end of the picture" in stopped.output
    assert f"image file not found: {second}" in stopped.output
    assert "2 of 14 images are broken, listed above" in stopped.output
    skipped = run(*words, "--on-broken-image", "skip", "--json")
    assert skipped.exit_code == 0, skipped.output
    assert json.loads(skipped.stdout)["broken"] == [str(first), str(second)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_photograph_in_cmyk_is_one_more_picture(people: Path, workers: int, progressive: bool) -> None:
    path = sorted((people / "train2017").iterdir())[3]
    Image.open(path).convert("CMYK").save(path, "JPEG", progressive=progressive)
    data = DataConfig(root=people)
    expected = [sample["image"] for sample in training_set(data, ARCH, TrainConfig())]
    words = ("prepare", "--data", people, "--input-size", "96x64", "--json")
    result = run(*words, "--workers", workers)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    mine = [person for person in data.people("train") if person.image_path == path]
    assert (figures["stored_as_png"], figures["broken"]) == (len(mine), [])
    ready = training_set(data, ARCH, TrainConfig())
    assert ready.prepared is not None
    for index, image in enumerate(expected):
        assert torch.equal(ready[index]["image"], image)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--input-size", "256"), "input_size must be written HEIGHTxWIDTH in pixels, as in 256x192, got '256'"),
        (("--data", "nowhere"), "data folder not found: "),
    ],
)
def test_mistakes_are_one_sentence(people: Path, words: tuple[str, ...], message: str) -> None:
    result = run("prepare", "--data", people, *words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.slow
def test_a_killed_preparation_goes_on(tmp_path: Path) -> None:
    """SIGKILL while two processes write; the next run keeps what was whole, and the processes end with their parent."""
    root = tmp_path / "people"
    draw_dataset(root, train_images=700, val_images=4, seed=2)
    folder = root / "prepared" / "96x64"
    words = ["prepare", "--data", str(root), "--input-size", "96x64", "--workers", "2", "--json"]
    process = subprocess.Popen([sys.executable, "-m", "dite_search", *words], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(folder.glob("train-?????.json")):
        assert time.monotonic() < deadline, "no shard was finished"
        assert process.poll() is None, "the preparation ended before it could be killed"
        time.sleep(0.01)
    children = _children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert children
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "processes outlive the preparation"
        time.sleep(0.05)
    assert not (folder / "manifest.json").exists()
    finished = {path.name: path.stat().st_mtime_ns for path in folder.glob("train-?????.json")}
    result = run(*words)
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["shards_kept"] == len(finished) < 4
    assert figures["shards_kept"] + figures["shards_written"] == 4
    assert all((folder / name).stat().st_mtime_ns == moment for name, moment in finished.items())
    assert not list(folder.glob(".train*"))


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
