"""The command line: results a script can read, help with examples, and one sentence for each mistake."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from dite_search.cli import main
from tests.dite_search.commands import refused, run
from trainers.data.synthetic.dataset import draw_dataset


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("cli") / "people"
    draw_dataset(root, train_images=16, val_images=6, seed=1)
    return root


def test_every_command_has_help_with_an_example():
    assert set(main.commands) == {
        "quickstart",
        "init",
        "search",
        "resume",
        "sync",
        "extend",
        "pause",
        "compare",
        "dashboard",
        "watch",
        "doctor",
        "replay",
        "train",
        "evaluate",
        "predict",
        "complexity",
        "show",
        "latency",
        "report",
        "export",
        "synth",
        "data",
        "prepare",
        "submit",
        "job",
        "supernet",
        "list",
        "delete",
    }
    for name in main.commands:
        output = run(name, "--help").output
        assert f"Example:  dite-search {name}" in output


def test_complexity_prints_plain_integers():
    result = json.loads(run("complexity", "dite_hrnet_18", "--json").output)
    assert {name: result[name] for name in ("params", "macs", "macs_paper")} == {
        "params": 1186933,
        "macs": 199443320,
        "macs_paper": 200093728,
    }
    assert len(result["arch_id"]) == 12
    larger = json.loads(run("complexity", "dite_hrnet_18", "--input-size", "384x288", "--json").output)
    assert larger["params"] == result["params"]
    assert larger["macs"] > 2 * result["macs"]
    measured = json.loads(run("complexity", "lite_hrnet_18", "--input-size", "64x32", "--measure", "--json").output)
    assert (measured["params_measured"], measured["macs_measured"]) == (measured["params"], measured["macs"])
    text = run("complexity", "dite_hrnet_18").output
    assert "COCO  384x288  1,186,933 params   450.1 M macs_paper" in text
    assert "MPII  256x256  1,186,892 params   266.6 M macs_paper" in text


def test_the_module_runs_as_the_command_does():
    done = subprocess.run(
        [sys.executable, "-m", "dite_search", "complexity", "lite_hrnet_18", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)["params"] == 1130769
    assert done.stderr == ""


def test_complexity_of_a_file(tmp_path):
    file = tmp_path / "arch.yaml"
    file.write_text("groups: [1, 1, 1, 1]\nkernels: [1, 1, 1, 1]\n")
    assert json.loads(run("complexity", file, "--json").output)["params"] == 1096357


def test_mistakes_in_an_architecture(tmp_path):
    assert "unknown network 'dite_hrnet_8': did you mean 'dite_hrnet_18'" in refused("complexity", "dite_hrnet_8")
    file = tmp_path / "arch.yaml"
    file.write_text("groups: [3, 1, 1, 1]\n")
    message = refused("complexity", file)
    assert "arch.yaml: groups of branch 1 must divide half its width: G = 3 does not divide 20 (width 40)" in message
    file.write_text("groups: [1, 1")
    assert "must be valid YAML or JSON" in refused("complexity", file)
    assert "input_size must be written HEIGHTxWIDTH" in refused("complexity", "dite_hrnet_18", "--input-size", "big")


@pytest.mark.slow
def test_train_then_evaluate(people, tmp_path):
    training = ["--input-size", "64x64", "--epochs", "1", "--batch-size", "8", "--set", "warmup_iterations=1"]
    arch = tmp_path / "arch.yaml"
    arch.write_text("{widths: [16, 24, 32, 48], stem_width: 16, modules: [1, 1, 1], blocks_per_module: 1}")
    result = run("train", arch, "--data", people, "--output", tmp_path / "out", *training, "--json")
    assert result.exit_code == 0, result.output
    trained = json.loads(result.stdout)
    dump = tmp_path / "results.json"
    scored = run("evaluate", tmp_path / "out" / "best.pt", "--data", people, "--dump", dump, "--json")
    assert json.loads(scored.stdout)["ap_gt"] == pytest.approx(trained["ap_gt"])
    assert {"image_id", "category_id", "keypoints", "score"} == set(json.loads(dump.read_text())[0])
    best = tmp_path / "out" / "best.pt"
    alone = json.loads(run("evaluate", best, "--metric", "epe", "--json").stdout)
    assert alone.keys() != json.loads(scored.stdout).keys(), "the data of the training, and another metric"
    assert "epe" in alone
    sentence = "--val-share must be left out without --data, because the data are then read as in the training"
    assert refused("evaluate", best, "--val-share", 0.5) == f"Error: {sentence}"
    moved = people.rename(tmp_path / "moved")
    assert f"--data must name a data set, because that of {best} is gone from" in refused("evaluate", best)
    moved.rename(people)
    message = refused("train", arch, "--data", people, "--output", tmp_path / "out", *training, "--set", "seed=3")
    assert "must have seed 3 to go on from it, got 0" in message


def test_mistakes_in_training(people, tmp_path):
    assert "nowhere" in refused("train", "dite_hrnet_18", "--data", tmp_path / "nowhere")
    assert "--set must be FIELD=VALUE, got 'seed'" in refused("train", "dite_hrnet_18", "--data", people, "--set", "seed")
    assert "--set milestones must be a value of YAML, got '[0.5'" in refused(
        "train", "dite_hrnet_18", "--data", people, "--set", "milestones=[0.5"
    )
    assert "unknown training field 'sed': did you mean 'seed'" in refused(
        "train", "dite_hrnet_18", "--data", people, "--set", "sed=3"
    )
    assert "epochs must be an integer from 1" in refused("train", "dite_hrnet_18", "--data", people, "--epochs", "0")
    broken = tmp_path / "best.pt"
    broken.write_bytes(b"PK\x03\x04 not a checkpoint")
    assert "best.pt must be a whole torch file of plain tensors" in refused("evaluate", broken, "--data", people)


def test_a_truncated_photograph_is_named(people, tmp_path):
    copy = tmp_path / "people"
    shutil.copytree(people, copy)
    for image in (copy / "train2017").iterdir():
        image.write_bytes(image.read_bytes()[:-200])
    message = refused(
        *("train", "lite_hrnet_18", "--data", copy, "--output", tmp_path / "out"),
        *("--input-size", "32x32", "--epochs", "1", "--batch-size", "4"),
    )
    assert f"image {copy}" in message
    assert "is truncated" in message


def test_mistakes_in_a_study(tmp_path):
    for command in ("report", "export", "resume"):
        message = refused(command, "quikstart", "--directory", tmp_path)
        assert f"study 'quikstart' does not exist: there are no studies in {tmp_path}" in message
    (tmp_path / "search.yaml").write_text("{name: a, space: tiny, trails: 3, data: {synthetic: {}}, trials: 3}")
    assert "did you mean 'trials'" in refused("search", tmp_path / "search.yaml")
    assert "does not exist" in refused("search", tmp_path / "none.yaml")
    (tmp_path / "search.yaml").write_text("{name: a, space: tiny, data: {root: /nowhere}, trials: 3}")
    assert "/nowhere" in refused("search", tmp_path / "search.yaml")


def test_synth_refuses_a_folder_in_use(tmp_path):
    assert run("synth", tmp_path / "people", "--train-images", "2", "--val-images", "1").exit_code == 0
    assert "must be new or empty" in refused("synth", tmp_path / "people")


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    message = refused("synth", tmp_path / "file" / "people", "--train-images", "1", "--val-images", "1")
    assert "cannot write a synthetic data set to" in message
