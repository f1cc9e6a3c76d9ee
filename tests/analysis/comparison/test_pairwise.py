"""Comparisons: what is said to differ differs, and noise is called noise."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from analysis.comparison.html import page, write_page
from analysis.comparison.pairwise import architecture_differences, compare, curve_rows, fronts_of
from analysis.comparison.sides import ComparedNetwork
from analysis.errors.predictions import ScoredPredictions, predictions_of, predictions_with
from analysis.pareto.front import hypervolume
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import preset
from search_spaces.training_config import TrainConfig
from tests.analysis.studies import study, trial
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import validation_set
from trainers.data.synthetic.dataset import draw_dataset
from trainers.evaluation.inference import Predictions
from trainers.evaluation.scoring import score
from trainers.networks.registry import build_network

ARCH = trial(0).arch


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    root = tmp_path_factory.mktemp("compared") / "people"
    draw_dataset(root, train_images=1, val_images=40, seed=3)
    return DataConfig(root=root, name="synthetic")


def found_by(data: DataConfig, *, error: float, seed: int = 0) -> ScoredPredictions:
    """Return predictions of a network whose keypoints are off by so much of the person's size."""
    dataset = validation_set(data, ARCH, TrainConfig())
    generator = np.random.default_rng(seed)
    points = np.stack([person.keypoints[:, :2] for person in dataset.people])
    sizes = np.sqrt([person.area for person in dataset.people])[:, None, None]
    predictions = Predictions(
        keypoints=points + error * sizes * generator.standard_normal(points.shape),
        scores=generator.uniform(0.5, 1, points.shape[:2]),
    )
    scored = score(dataset, predictions, data)
    return ScoredPredictions(
        data=data, dataset=dataset, predictions=predictions, metrics=scored.metrics, results=list(scored.results)
    )


def side(number: int = 0, *, ap: float = 0.5, kind: str = "trial", of=None, **changes) -> ComparedNetwork:
    record = trial(number, ap=ap)
    made_up = of or study([record])
    fields = {
        "label": f"tiny:{number}",
        "kind": kind,
        "arch": record.arch,
        "curve": record.curve,
        "metrics": record.metrics,
        "parameters": record.parameters,
        "protocol": made_up.protocol,
        "study": made_up,
        "record": record,
    }
    return ComparedNetwork(**{**fields, **changes})  # type: ignore[arg-type]


def put_together(first: ComparedNetwork, second: ComparedNetwork, **options):
    return compare(first, second, generator=np.random.default_rng(0), **{"resamples": 200} | options)


def test_a_clear_difference_is_more_than_noise(drawn):
    found = put_together(side(predictions=found_by(drawn, error=0.02)), side(1, predictions=found_by(drawn, error=0.08)))
    assert found.difference is not None
    assert found.difference.more_than_noise
    assert found.difference.images == 40
    assert found.verdict.startswith("A is better by 0.")
    assert "over 40 images): more than the noise of the images. Seed noise is not in this" in found.verdict
    assert "40 images are few: the interval is a rough guide." in found.notes
    assert len(found.keypoints) == 17
    assert all(figure.first > figure.second for figure in found.keypoints)


def test_networks_that_are_as_good_differ_by_noise(drawn):
    found = put_together(
        side(predictions=found_by(drawn, error=0.05)), side(1, predictions=found_by(drawn, error=0.05, seed=1))
    )
    assert "not more than the noise of the images" in found.verdict


def test_the_same_predictions_do_not_differ(drawn):
    same = found_by(drawn, error=0.05)
    found = put_together(side(predictions=same), side(predictions=same))
    assert found.verdict == "The two find the same people equally well in each of 40 images: no difference."
    assert found.architecture == []


def test_repeats_bring_seed_noise_into_the_verdict(drawn):
    """Networks that differ clearly on the images, of a study whose repeats are far apart."""
    base = trial(0, ap=0.5)
    repeated = study([base, dataclasses.replace(base, number=1, seed=1, metrics={"ap_gt": 0.9, "latency_ms": 1.0})])
    found = put_together(
        side(of=repeated, predictions=found_by(drawn, error=0.02)),
        side(1, of=repeated, predictions=found_by(drawn, error=0.05)),
    )
    assert found.noise is not None
    assert found.noise.groups == 1
    assert found.difference.more_than_noise
    assert not found.with_seeds.more_than_noise
    assert "from 1 network trained more than once" in found.verdict
    assert found.verdict.endswith("not more than noise.")


def test_without_predictions_nothing_is_claimed():
    found = put_together(side(ap=0.5), side(1, ap=0.6), missing="tiny:0 has no weights to predict with")
    assert found.verdict == (
        "Whether the difference in accuracy is more than noise is not known: tiny:0 has no weights to predict with."
    )
    assert next(figure for figure in found.scores if figure.name == "ap_gt").difference == pytest.approx(-0.1)


def test_networks_have_costs_alone():
    first = ComparedNetwork(label="network a", kind="network", arch=preset("dite_hrnet_18"))
    second = ComparedNetwork(label="network b", kind="network", arch=preset("lite_hrnet_18"))
    found = put_together(first, second)
    assert found.verdict == "Accuracies are not compared: at least one side has none."
    assert {figure.name for figure in found.costs} == {"params", "mmacs", "mmacs_paper", "mflops_published"}
    assert found.scores == []
    lines = {line.name: (line.first, line.second) for line in found.architecture}
    assert lines["groups"] == ("1, 1, 2, 4", "1, 1, 1, 1")
    assert "modules" not in lines


def test_published_figures_of_two_ways_of_counting_are_not_put_together():
    first = ComparedNetwork(label="network a", kind="network", arch=preset("dite_hrnet_18"))
    second = ComparedNetwork(label="network b", kind="network", arch=preset("mobilenet_v2"))
    assert {figure.name for figure in put_together(first, second).costs} == {"params", "mmacs", "mmacs_paper"}


def test_a_network_does_not_differ_from_itself():
    assert architecture_differences(ARCH, ARCH) == []


def test_networks_of_two_families_differ_by_their_family_and_the_fields_of_both():
    other = dataclasses.replace(preset("mobilenet_v2"), keypoints=16)
    rows = [(row.name, row.first, row.second) for row in architecture_differences(preset("dite_hrnet_18"), other)]
    assert rows == [("family", "dite_hrnet", "mobilenet_v2"), ("keypoints", "17", "16")]


def test_hyper_parameters_that_differ_are_told():
    found = put_together(side(0), side(1))
    assert [(line.name, line.first, line.second) for line in found.architecture][-1] == ("learning rate", "0.001", "0.002")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dataset", "coco_val2017", "data set must be the same, got synthetic, seed 0 and coco_val2017"),
        ("boxes", "det", "boxes must be the same, got ground truth and detected boxes"),
        ("flip_test", False, "flip test must be the same, got yes and no"),
        (
            "start_from",
            "sha256 1",
            "weights that the training begins from must be the same, got none, from scratch and sha256 1",
        ),
        (
            "distill",
            "teacher sha256 1, weight 0.5",
            "teacher of the training must be the same, got none and teacher sha256 1",
        ),
    ],
)
def test_other_protocols_are_refused_in_one_sentence(name, value, message):
    other = side(1, protocol={**study().protocol, name: value})
    with pytest.raises(
        InvalidInput, match=f"tiny:0 and tiny:1 cannot be compared by accuracy, since {message}.*; --costs-only"
    ):
        put_together(side(), other)
    assert put_together(side(), other, scores=False).verdict == ""


def test_other_people_are_refused(drawn, tmp_path):
    draw_dataset(tmp_path / "others", train_images=1, val_images=40, seed=4)
    others = DataConfig(root=tmp_path / "others", name="synthetic")
    with pytest.raises(InvalidInput, match="the people to find must be the same, got different annotations or boxes"):
        put_together(side(predictions=found_by(drawn, error=0.1)), side(predictions=found_by(others, error=0.1)))


def test_what_may_differ_is_said():
    larger = dataclasses.replace(ARCH, input_size=(128, 96))
    other = side(1, arch=larger, protocol={**study().protocol, "input_size": "128x96", "epochs": 24})
    stopped = side(2, record=trial(2, ap=0.4, status="stopped"), curve=trial(2, ap=0.4, status="stopped").curve)
    assert put_together(side(), other).notes[:2] == ["Input size 64x64 in A, 128x96 in B.", "Epochs 12 in A, 24 in B."]
    assert put_together(side(), stopped).notes == ["B is stopped after 3 epochs: its scores are of a lower fidelity."]


def test_fronts_have_one_reference():
    first = study([trial(0, ap=0.4), trial(1, ap=0.5)], objectives=("ap_gt", "mmacs"))
    second = study([trial(2, ap=0.45), trial(3, ap=0.7)], objectives=("ap_gt", "mmacs"), directory=Path("other"))
    found = fronts_of(first, second)
    dearest = max(record.cost.mmacs for table in (first, second) for record in table.trials)
    assert found.reference == (0.0, pytest.approx(1.1 * dearest))
    for volume, table in zip(found.hypervolumes, (first, second), strict=True):
        points = [[record.values["ap_gt"], record.cost.mmacs] for record in table.trials]
        assert volume == pytest.approx(hypervolume(points, found.reference, ("maximize", "minimize")))
    assert found.dominated[1] == 1
    compared = put_together(side(kind="study", of=first), side(kind="study", of=second))
    assert compared.fronts == found
    with pytest.raises(InvalidInput, match="objectives of two studies must be the same to compare their fronts"):
        fronts_of(first, study())


def test_curves_share_their_epochs():
    score, rows = curve_rows(put_together(side(ap=0.5), side(1, ap=0.6)), most=3)
    assert score == "ap_gt"
    assert [epoch for epoch, *_ in rows] == [2, 6, 12]
    assert rows[-1][1] < rows[-1][2]


def test_json_is_plain(drawn):
    found = put_together(side(predictions=found_by(drawn, error=0.02)), side(1, predictions=found_by(drawn, error=0.08)))
    text = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert text["difference"]["more_than_noise"] is True
    assert text["a"]["label"] == "tiny:0"
    assert text["architecture"]["widths"][0] != text["architecture"]["widths"][1]


def test_the_page_escapes_and_loads_nothing(drawn, tmp_path):
    first = side(label="<script>alert(1)</script>", predictions=found_by(drawn, error=0.02))
    found = put_together(first, side(1, predictions=found_by(drawn, error=0.08)))
    write_page(found, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text == page(found)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "left wrist" in text


@pytest.fixture
def trained(tmp_path: Path):
    """A study of one trial whose checkpoint is an untrained network."""
    torch.manual_seed(0)
    made_up = study([], directory=tmp_path / "study")
    state = {
        "network": build_network(ARCH).state_dict(),
        "optimizer": {},
        "scaler": {},
        "average": None,
        "averaged_steps": 0,
    }
    path = tmp_path / "study" / "trials" / "last.pt"
    save_checkpoint(path, Checkpoint(arch=ARCH, train=TrainConfig(epochs=3), data={}, state=state))
    return made_up, trial(0, ap=0.0, checkpoint=path)


def test_predictions_are_made_once(trained, drawn, monkeypatch):
    made_up, record = trained
    first = predictions_of(made_up, record, drawn, flip_test=False)
    (kept,) = (made_up.directory / "predictions").iterdir()
    assert kept.name == "00000-gt-noflip.json"
    with monkeypatch.context() as patch:
        patch.setattr("analysis.errors.predictions.predict", None)
        again = predictions_of(made_up, record, drawn, flip_test=False)
    assert np.array_equal(first.predictions.keypoints, again.predictions.keypoints)
    assert first.metrics == again.metrics
    assert len(first.predictions.scores) == len(first.dataset.people)


def test_predictions_are_those_of_the_network(trained, drawn):
    from trainers.networks.load import load_network

    made_up, record = trained
    arch, network = load_network(record.checkpoint)
    plain = predictions_with(arch, network, TrainConfig(epochs=3), drawn, flip_test=True)
    kept = predictions_of(made_up, record, drawn, flip_test=True)
    assert np.array_equal(plain.predictions.keypoints, kept.predictions.keypoints)


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"keypoints": 1, "scores": [[null]]}'])
def test_what_was_kept_and_is_damaged_is_made_anew(trained, drawn, damage):
    made_up, record = trained
    first = predictions_of(made_up, record, drawn, flip_test=False)
    (kept,) = (made_up.directory / "predictions").iterdir()
    kept.write_text(damage)
    again = predictions_of(made_up, record, drawn, flip_test=False)
    assert np.array_equal(first.predictions.keypoints, again.predictions.keypoints)
    assert json.loads(kept.read_text())["flip_test"] is False


def test_another_checkpoint_makes_what_was_kept_old(trained, drawn):
    made_up, record = trained
    first = predictions_of(made_up, record, drawn, flip_test=False)
    torch.manual_seed(1)
    state = {
        "network": build_network(ARCH).state_dict(),
        "optimizer": {},
        "scaler": {},
        "average": None,
        "averaged_steps": 0,
    }
    save_checkpoint(record.checkpoint, Checkpoint(arch=ARCH, train=TrainConfig(epochs=3), data={}, state=state))
    assert not np.array_equal(
        first.predictions.scores, predictions_of(made_up, record, drawn, flip_test=False).predictions.scores
    )


def test_predictions_that_cannot_be_had(trained, drawn):
    made_up, record = trained
    with pytest.raises(InvalidInput, match="trial 0 of study tiny synthetic search has no checkpoint to predict with"):
        predictions_of(made_up, dataclasses.replace(record, checkpoint=None), drawn, flip_test=True)
    with pytest.raises(InvalidInput, match=r"checkpoint .*last\.pt must hold architecture"):
        predictions_of(made_up, dataclasses.replace(record, arch=trial(1).arch), drawn, flip_test=True)
