"""The Model Registry: versions by budget, loaded back as MLflow serves them."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import mlflow
import numpy as np
import pandas as pd
import pytest

from analysis.export import ModelCard, export_network
from dite_search.tracking import registry
from dite_search.tracking.aliases import alias_of, parse_budgets
from dite_search.tracking.client import STUDY_TAG, TRIAL_TAG, tracker_of
from dite_search.tracking.registry import input_example, register, save_served, signature
from dite_search.tracking.served_model import EXAMPLE, NETWORK, PoseModel
from search_spaces.common.errors import InvalidInput
from search_spaces.space.budget import Constraint
from search_spaces.training_config import TrainConfig
from tests.analysis.export.networks import SMALL, network_of
from tests.trainers.data.oriented import TAGS, stored
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import validation_set
from trainers.data.synthetic.dataset import draw_dataset
from trainers.evaluation.inference import predict

CARD = ModelCard(name="test network", origin="Made by a test.", protocol={"format": "coco"})


@pytest.fixture(scope="module")
def network():
    return network_of(SMALL)


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    return export_network(SMALL, network, tmp_path_factory.mktemp("exports") / "50%20 #?" / "net", card=CARD)


def people(tmp_path):
    draw_dataset(tmp_path / "people", train_images=1, val_images=3, seed=0)
    return validation_set(DataConfig(root=tmp_path / "people"), SMALL, TrainConfig())


def rows_of(dataset):
    boxes = [dict(zip(("x", "y", "width", "height"), map(float, person.box), strict=True)) for person in dataset.people]
    return pd.DataFrame(
        [{"image": person.image_path.read_bytes(), **box} for person, box in zip(dataset.people, boxes, strict=True)]
    )


@pytest.mark.parametrize(
    ("text", "alias"),
    [
        ("mmacs <= 200", "best-under-200-mmacs"),
        ("params <= 1.5M", "best-under-1500000-params"),
        ("latency_ms <= 2.5", "best-under-2_5-ms"),
        ("mmacs <= 2e3", "best-under-2000-mmacs"),
    ],
)
def test_an_alias_says_the_budget(text, alias):
    assert alias_of(Constraint.parse(text)) == alias
    assert parse_budgets([text]) == [Constraint.parse(text)]


def test_budgets_that_make_no_alias():
    with pytest.raises(InvalidInput, match="budgets must differ, got mmacs <= 3 twice"):
        parse_budgets(["mmacs <= 3", "mmacs<=3.0"])
    with pytest.raises(InvalidInput, match="a limit must be on one of latency_ms, mmacs, params, got one on macs"):
        parse_budgets(["macs <= 3"])


@pytest.mark.slow
def test_an_export_becomes_a_version_that_loads_back(make_search, exported, network, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = make_search()
    tracker = tracker_of(config)
    run_id = tracker.create_run("trial 3", {}, started=0)
    given = {"trial": 3, "arch_id": SMALL.arch_id, "run_id": run_id, "name": "small"}
    made = register(config, exported, **given, aliases=["best-under-200-mmacs", "best"])
    assert (made.version, made.new, made.uri) == (1, True, "models:/small@best-under-200-mmacs")

    client = mlflow.MlflowClient(tracking_uri=tracker.uri, registry_uri=tracker.uri)
    version = client.get_model_version_by_alias("small", "best-under-200-mmacs")
    assert version.run_id == run_id
    assert (version.tags[STUDY_TAG], version.tags[TRIAL_TAG]) == ("small", "3")
    assert version.tags["dite_search.arch_id"] == SMALL.arch_id
    assert "test network" in version.description

    assert not mlflow.is_tracking_uri_set()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracker.uri)
    model = mlflow.pyfunc.load_model(made.uri)
    assert model.metadata.signature == signature()
    dataset = people(tmp_path)
    for flip in (False, True):
        found = model.predict(rows_of(dataset), params={"flip": flip})
        expected = predict(network, dataset, flip_test=flip)
        keypoints = np.array(found["keypoints"].tolist())
        assert np.abs(keypoints[:, :, :2] - expected.keypoints).max() < 0.1
        np.testing.assert_allclose(found["score"], expected.scores.mean(axis=1), rtol=1e-3)
    example = model.input_example
    assert list(example.columns) == ["image", "x", "y", "width", "height"]
    assert len(model.predict(input_example())) == 1

    again = register(config, exported, **given, aliases=["best-under-100-mmacs"])
    assert (again.version, again.new) == (1, False)
    aliases = client.get_registered_model("small").aliases
    assert not (tmp_path / "mlflow.db").exists(), "nothing but the study's own database is touched"
    assert {name: int(number) for name, number in aliases.items()} == dict.fromkeys(
        ["best", "best-under-100-mmacs", "best-under-200-mmacs"], 1
    )


def test_a_turned_photograph_is_served_as_it_is_displayed(exported):
    """The rule is that of the export's example."""
    model = PoseModel()
    model.load_context(SimpleNamespace(artifacts={NETWORK: str(exported.onnx), EXAMPLE: str(exported.example)}))
    noise = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    image = np.asarray(cv2.resize(noise, (90, 60), interpolation=cv2.INTER_CUBIC), np.uint8)
    rows = pd.DataFrame([{"image": stored(image, tag), "x": 10.0, "y": 5.0, "width": 50.0, "height": 40.0} for tag in TAGS])
    found = model.predict(None, rows)
    assert len(found) == len(TAGS)
    for keypoints in found["keypoints"]:
        assert keypoints == found["keypoints"][0]


def test_an_alias_moves_to_a_better_network(make_search, exported, tmp_path):
    config = make_search()
    other = export_network(SMALL, network_of(SMALL, seed=1), tmp_path / "net", card=CARD)
    given = {"arch_id": SMALL.arch_id, "run_id": None, "name": "moves", "aliases": ["best"]}
    assert [register(config, one, trial=number, **given).version for number, one in enumerate((exported, other))] == [1, 2]
    client = mlflow.MlflowClient(tracking_uri=tracker_of(config).uri)
    assert int(client.get_model_version_by_alias("moves", "best").version) == 2


def test_a_registry_that_does_not_take_it(make_search, exported):
    given = {"trial": 0, "arch_id": SMALL.arch_id, "run_id": None, "aliases": ["best"]}
    with pytest.raises(InvalidInput, match=r"model must be a name of letters, digits, '\.', '_' and '-', got 'a/b'"):
        register(make_search(), exported, **given, name="a/b")
    with pytest.raises(InvalidInput, match=r"the model registry at sqlite:.* does not take the network: .*alias"):
        register(make_search(), exported, **(given | {"aliases": ["no spaces"]}), name="small")
    with pytest.raises(InvalidInput, match=r"mlflow_url http://127\.0\.0\.1:9 cannot be reached"):
        register(make_search(mlflow_url="http://127.0.0.1:9"), exported, **given, name="small")


def test_what_is_served_needs_nothing_of_ours(exported, tmp_path):
    save_served(exported, tmp_path / "model")
    requirements = (tmp_path / "model" / "requirements.txt").read_text().splitlines()
    assert [line.partition("==")[0] for line in requirements] == [
        "mlflow",
        "numpy",
        "onnxruntime",
        "opencv-python-headless",
        "pandas",
    ]
    code = (tmp_path / "model" / "served_model.py").read_text()
    for package in ("analysis", "dite_search", "trainers", "search_spaces"):
        assert f"import {package}" not in code
        assert f"from {package}" not in code


def test_the_server_of_the_process_is_as_before(monkeypatch):
    monkeypatch.setenv(registry.URI_VARIABLE, "sqlite:///before.db")
    with registry._tracking_at("sqlite:///other.db"):
        assert mlflow.get_tracking_uri() == "sqlite:///other.db"
    assert mlflow.get_tracking_uri() == "sqlite:///before.db"
    monkeypatch.setenv(registry.URI_VARIABLE, "sqlite:///later.db")
    assert mlflow.get_tracking_uri() == "sqlite:///later.db"
