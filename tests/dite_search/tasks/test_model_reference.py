"""``dite-search compare``: what may be named on either side, and what comes of it."""

from __future__ import annotations

import json

import optuna
import pytest
import torch
from safetensors.torch import save_file

from dite_search.config.search_data import data_of
from dite_search.study.attributes import ARCH, METRICS
from dite_search.study.directory import trial_directory
from dite_search.study.reader import epoch_name
from dite_search.study.study import create_study, open_study
from search_spaces.common.files import write_mapping
from tests.dite_search.commands import refused, run
from trainers.checkpoints.checkpoint import LAST, Checkpoint, save_checkpoint
from trainers.networks.registry import build_network


@pytest.fixture
def compared(make_search):
    """A study of two complete trials with untrained networks; the second one is said to be better."""
    config = make_search()
    create_study(config)
    data_of(config)
    opened = open_study(config)
    for number, (point, score) in enumerate(zip(config.search_space.points(), (0.2, 0.3), strict=False)):
        arch = config.search_space.build(point)
        choices = {
            name: optuna.distributions.CategoricalDistribution(config.search_space.choices[name].values) for name in point
        }
        attributes = {ARCH: arch.to_dict(), METRICS: {"ap_gt": score}}
        attributes |= {epoch_name(epoch): {"epoch": epoch, "loss": 0.1, "ap_gt": score * epoch / 2} for epoch in (1, 2)}
        opened.add_trial(
            optuna.trial.create_trial(
                params=point, distributions=choices, values=[score, 1.0 + number], user_attrs=attributes
            )
        )
        torch.manual_seed(number)
        network = build_network(arch).state_dict()
        state = {"network": network, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
        save_checkpoint(
            trial_directory(config, number) / LAST, Checkpoint(arch=arch, train=config.train_config, data={}, state=state)
        )
    return config


@pytest.mark.slow
def test_two_trials_side_by_side(compared, tmp_path):
    where = ("--directory", compared.directory)
    shown = run("compare", "small:0", "small:1", *where, "--output", tmp_path / "page.html")
    assert shown.exit_code == 0, (shown.output, shown.exception)
    for words in (
        "A  small:0, network",
        "Architecture",
        "Costs",
        "Learning curves",
        "AP of each keypoint alone",
        "left wrist",
    ):
        assert words in shown.output
    assert "8 images" in shown.output
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert len(list((compared.study_directory / "predictions").iterdir())) == 2
    again = run("compare", "small:0", "small:1", *where, "--json")
    found = json.loads(again.stdout)
    assert found["a"]["kind"] == "trial"
    assert set(found["difference"]) >= {"value", "low", "high", "images", "share", "more_than_noise"}
    assert found["scores"]["ap_gt"][0] is not None


@pytest.mark.slow
def test_a_study_stands_for_its_most_accurate_trial(compared):
    found = json.loads(
        run("compare", compared.study_directory, "small:0", "--directory", compared.directory, "--json").stdout
    )
    assert found["a"]["label"] == "small (most accurate: trial 1)"
    assert found["fronts"] is None
    both = json.loads(run("compare", "small", "small", "--directory", compared.directory, "--json").stdout)
    assert both["fronts"]["hypervolumes"][0] == both["fronts"]["hypervolumes"][1]
    assert "no difference" in both["verdict"]


@pytest.mark.slow
def test_an_export_is_predicted_with_the_data_of_the_study(compared, tmp_path):
    arch = compared.search_space.build(next(iter(compared.search_space.points())))
    folder = tmp_path / "export"
    folder.mkdir()
    torch.manual_seed(0)
    write_mapping(folder / "arch.yaml", arch.to_dict())
    save_file(build_network(arch).state_dict(), folder / "model.safetensors", metadata={"arch_id": arch.arch_id})
    found = json.loads(run("compare", folder, "small:0", "--directory", compared.directory, "--json").stdout)
    assert found["a"]["kind"] == "export"
    assert found["architecture"] == {}
    assert found["difference"]["value"] == 0
    alone = json.loads(run("compare", folder, folder, "--directory", compared.directory, "--json").stdout)
    assert alone["verdict"] == "Accuracies are not compared: networks without a study need --data, the people to find."


def test_networks_have_costs_only(compared, tmp_path):
    write_mapping(tmp_path / "net.yaml", compared.search_space.base.to_dict())
    shown = run("compare", "dite_hrnet_18", tmp_path / "net.yaml")
    assert shown.exit_code == 0, (shown.output, shown.exception)
    assert "network dite_hrnet_18 has no weights to predict with" in " ".join(shown.output.split())


def test_other_boxes_are_refused_before_anything_is_predicted(compared, make_search):
    other = make_search(name="other", training={**compared.training, "flip_test": False})
    create_study(other)
    source = open_study(compared)
    for frozen in source.get_trials():
        open_study(other).add_trial(frozen)
    where = ("--directory", compared.directory)
    assert refused("compare", "small:0", "other:1", *where) == (
        "Error: small:0 and other:1 cannot be compared by accuracy, since flip test must be the same, got yes and no;"
        " --costs-only leaves accuracies out"
    )
    assert not (compared.study_directory / "predictions").exists()
    costs = json.loads(run("compare", "small:0", "other:1", *where, "--costs-only", "--json").stdout)
    assert costs["scores"] == {}
    assert costs["a"]["curve"] == costs["b"]["curve"] == []
    assert costs["costs"]["params"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("small:7", "study small has 2 trials and no number 7; on its front: 0, 1"),
        ("nothing:1", "study 'nothing' does not exist"),
        ("nothing", "unknown network 'nothing': known: "),
    ],
)
def test_what_names_nothing(compared, name, sentence):
    assert sentence in refused("compare", name, "small:0", "--directory", compared.directory)


def test_data_that_are_gone_leave_the_recorded_scores(compared):
    for path in sorted((compared.study_directory.parent / "data").rglob("*.png")):
        path.unlink()
    for path in sorted((compared.study_directory.parent / "data").rglob("*.jpg")):
        path.unlink()
    found = json.loads(run("compare", "small:0", "small:1", "--directory", compared.directory, "--json").stdout)
    assert found["scores"]["ap_gt"] == [0.2, 0.3]
    assert found["verdict"].startswith("Whether the difference in accuracy is more than noise is not known: ")


def test_detections_need_data(compared):
    message = refused("compare", "small:0", "small:1", "--directory", compared.directory, "--detections", "found.json")
    assert "--detections must come with --data" in message


def test_a_page_that_cannot_be_written_is_told_before_anything_is_predicted(compared, tmp_path, monkeypatch):
    monkeypatch.setattr("dite_search.tasks.model_reference.predicted", lambda *_, **__: pytest.fail("predicted"))
    (tmp_path / "file").write_text("x")
    words = ("compare", "small:0", "small:1", "--directory", compared.directory, "--output", tmp_path / "file" / "x.html")
    assert refused(*words) == f"Error: {tmp_path / 'file' / 'x.html'} cannot be used: Not a directory"
