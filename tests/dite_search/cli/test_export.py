"""The export command, on a study whose trainings are left out: only their checkpoints are there."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import pytest
import torch

from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import checkpoint_location
from dite_search.study.reader import read_study
from dite_search.study.study import create_study
from dite_search.tracking.client import tracking_uri
from search_spaces.training_config import TrainConfig
from tests.dite_search.commands import refused, run
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner

QUICK = ("--no-program", "--no-int8", "--no-accuracy", "--json")


@pytest.fixture
def finished(make_search, tmp_path):
    """A study of two trials, the dearer one better, whose data have been moved to another folder since."""
    draw_dataset(tmp_path / "people", train_images=4, val_images=2, seed=0)
    config = make_search()
    create_study(config)
    search = StudySearch(config)
    for name in ("first", "second"):
        search.suggest(name)
    costs = {record.number: record.cost.macs for record in read_study(config).trials}
    scores = {number: 0.2 if costs[number] == min(costs.values()) else 0.4 for number in costs}
    for name, record in zip(("first", "second"), read_study(config).trials, strict=True):
        search.on_trial_result(name, {"epoch": 1, "loss": 0.5, "ap_gt": 0.1})
        search.on_trial_complete(name, {"epoch": 2, "loss": 0.4, "ap_gt": scores[record.number]})
        torch.manual_seed(record.number)
        state = Learner(build_network(record.arch), TrainConfig(), Worker(device=torch.device("cpu"))).state()
        data = DataConfig(root=tmp_path / "moved", name="synthetic").to_dict()
        curve = [{"epoch": 2.0, "loss": 0.4}]
        CheckpointStore(checkpoint_location(config, record.number)).save(
            Checkpoint(arch=record.arch, train=TrainConfig(), data=data, state=state, curve=curve)
        )
    return config


def exported(*words: object):
    result = run("export", *words)
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.mark.slow
def test_every_form_is_made_unless_told_otherwise(finished, tmp_path):
    """The program, which takes seconds, is told otherwise."""
    words = (finished.study_directory, "--no-program", "--data", tmp_path / "people", "--json")
    result = exported(*words)
    folder = Path(result["directory"])
    assert folder == finished.study_directory / "export"
    assert {path.name for path in folder.iterdir()} >= {"model.int8.onnx", "model.onnx", "infer.py", "parity.json"}
    assert not (folder / "model.pt2").exists()
    assert {"ap_gt", "int8_loss", "model.onnx latency_ms", "model.int8.onnx latency_ms"} <= set(result)
    assert read_study(finished).trials[result["trial"]].metrics["ap_gt"] == 0.4


def test_a_trial_is_named_as_everywhere(finished):
    for number in (0, 1):
        result = exported(
            f"{finished.study_directory}:{number}", *QUICK, "--output", finished.study_directory / f"net{number}"
        )
        assert result["trial"] == number
    sentence = refused("export", f"{finished.study_directory}:0", "--trial", 1)
    assert sentence.endswith(":0 names a trial, so --trial must be left out, got 1")


def test_data_that_are_gone_are_said_on_the_card(finished):
    folder = Path(exported(finished.study_directory, "--no-program", "--json")["directory"])
    assert "moved" in json.loads((folder / "parity.json").read_text())["left_out"]["model.int8.onnx"]


@pytest.mark.slow
def test_each_budget_has_a_folder_and_an_alias(finished):
    costs = sorted(record.cost.mmacs for record in read_study(finished).trials)
    cheap, dear = f"mmacs <= {costs[0] + 0.01:.2f}", "mmacs <= 200"
    words = (finished.study_directory, "--budget", cheap, "--budget", dear, "--budget", "params <= 9M", "--register", *QUICK)
    results = exported(*words)["exports"]
    assert [result["version"] for result in results] == [1, 2]
    assert results[1]["aliases"] == "best-under-200-mmacs, best-under-9000000-params"
    assert results[1]["uri"] == "models:/small@best-under-200-mmacs"
    assert Path(results[1]["directory"]) == finished.study_directory / "exports" / "best-under-200-mmacs"
    client = mlflow.MlflowClient(tracking_uri=tracking_uri(None, finished.study_directory.parent))
    assert len(client.get_registered_model("small").aliases) == 3
    result = exported(finished.study_directory, "--register", "--model", "pose", *QUICK)
    assert (result["model"], result["aliases"]) == ("pose", "best")


def test_mistakes(finished, tmp_path):
    study = finished.study_directory
    assert "--register must be given too" in refused("export", study, "--model", "pose")
    assert "--trial and --max-... must be left out" in refused("export", study, "--budget", "mmacs <= 3", "--trial", 0)
    assert "a limit must be written like 'mmacs <= 250'" in refused("export", study, "--budget", "3 mmacs")
    assert "no complete trial is within max_mmacs 0.01" in refused("export", study, "--budget", "mmacs <= 0.01")
    assert "none" in refused("export", study, "--data", tmp_path / "none")
    sentence = refused("export", study, "--html", tmp_path / "none")
    assert f"--html {tmp_path / 'none'} must hold ort.wasm.min.js of onnxruntime-web, but does not: `npm pack" in sentence
    assert "model must be a name of letters" in refused("export", study, "--register", "--model", "a b")
    assert not (study / "export").exists()


def test_no_budget_is_exported_where_one_place_is_taken(finished):
    costs = sorted(record.cost.mmacs for record in read_study(finished).trials)
    cheap, dear = f"mmacs <= {costs[0] + 0.01:.2f}", "mmacs <= 200"
    taken = finished.study_directory / "exports" / "best-under-200-mmacs"
    taken.mkdir(parents=True)
    (taken / "mine.txt").write_text("kept")
    sentence = refused("export", finished.study_directory, "--budget", cheap, "--budget", dear, *QUICK)
    assert f"export directory {taken} must be new, empty or an earlier export, but it holds mine.txt" in sentence
    assert [path.name for path in taken.parent.iterdir()] == [taken.name]
    output = finished.study_directory / "search.yaml" / "x"
    assert f"{output} cannot be used: Not a directory" in refused("export", finished.study_directory, "--output", output)


def test_a_checkpoint_is_exported_as_its_trial_is(finished, tmp_path):
    file = checkpoint_location(finished, 1) / "last.pt"
    whole = exported(finished.study_directory, "--trial", 1, "--output", tmp_path / "trial", *QUICK)
    alone = exported(file, *QUICK)
    assert alone["directory"] == str(file.parent / "export")
    assert alone["arch_id"] == whole["arch_id"]
    assert "trial" not in alone
    (theirs, ours) = ((Path(each["directory"]) / "model.onnx").read_bytes() for each in (whole, alone))
    assert ours == theirs
    card = (Path(alone["directory"]) / "README.md").read_text()
    assert "A training of its own, after 1 epoch of" in card
    assert "| dataset | synthetic |" in card
    assert "pckh50" not in card, "only what is measured is explained"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--max-mmacs", 3), "last.pt is one network, so --max-mmacs must be left out"),
        (("--trial", 0), "last.pt is one network, so --trial must be left out"),
        (("--register",), "last.pt is one network, so --register must be left out"),
        (("--output", "{tmp}/a_file"), "a_file"),
    ],
)
def test_a_checkpoint_leaves_nothing_to_choose(finished, tmp_path, options, message):
    (tmp_path / "a_file").write_text("")
    file = checkpoint_location(finished, 1) / "last.pt"
    assert message in refused("export", file, *(str(word).format(tmp=tmp_path) for word in options), *QUICK)
    assert not (file.parent / "export").exists()


def test_a_checkpoint_that_is_none_is_named(tmp_path):
    assert f"checkpoint {tmp_path / 'gone.pt'} does not exist" in refused("export", tmp_path / "gone.pt")
    assert "--output must be given for a checkpoint that lies elsewhere" in refused("export", "s3://bucket/best.pt")
