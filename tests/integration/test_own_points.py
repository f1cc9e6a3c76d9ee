"""Points of a user's own through a real search: from weights of other points to a report and a registered model."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

from dite_search.config.search_config import load_search
from dite_search.config.search_data import data_of
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.tracking.client import tracking_uri
from search_spaces.common.files import write_mapping
from search_spaces.families.architecture import resized
from search_spaces.space.space_file import named_space
from tests.analysis.export.test_infer import found_by_the_example, loaded
from tests.dite_search.commands import run
from tests.trainers.data.drawn_points import CARD, draw_points, face_names
from trainers.data.samples.datasets import validation_set
from trainers.evaluation.inference import predict
from trainers.networks.load import load_network

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.filterwarnings("ignore")]
BODY = [*(f"{side}_{part}" for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for side in ("left", "right"))]
RECIPE = {"epochs": 1, "batch_size": 4, "warmup_iterations": 1, "validate_every": 1}
CASES = {
    "68 of a face": (face_names(), {"name": "nme", "points": ["left_0", "right_0"]}, "nme"),
    "14 of a body": ([*BODY, "neck", "head_top"], {"name": "pck", "by": "torso"}, "pck"),
    "4 of a card": (list(CARD), "epe", "epe"),
}
"""Names of the points, the metric that ranks networks, and its objective."""


@pytest.mark.parametrize(
    "case", [name if not number else pytest.param(name, marks=pytest.mark.nightly) for number, name in enumerate(CASES)]
)
def test_a_search_on_points_of_ones_own_ends_in_a_network_that_finds_them(case: str, tmp_path: Path) -> None:
    names, metric, objective = CASES[case]
    data = draw_points(tmp_path / "data", names, train=6, val=4)
    # Seven other points, of which "left_0" alone has the name of one of a face.
    other = draw_points(tmp_path / "other", ["left_0", *face_names(6)[3:], "x", "y", "z"], train=4, val=2)
    base = resized(named_space("tiny").base, input_size="64x64")
    write_mapping(tmp_path / "net.yaml", base.to_dict())
    words = [f"--set={name}={value}" for name, value in RECIPE.items() if name not in ("epochs", "batch_size")]
    source = ("train", tmp_path / "net.yaml", "--data", other, "--epochs", 1, "--batch-size", 4, "--threads", 1, *words)
    trained = run(*source, "--output", tmp_path / "source")
    assert trained.exit_code == 0, trained.output
    search = {
        "name": "own",
        "space": {"base": str(tmp_path / "net.yaml"), "parameters": {"groups_branch3": [1, 2]}},
        "data": {"root": str(data), "metric": metric},
        "objectives": [objective, "mmacs"],
        "sampler": {"name": "grid"},
        "scheduler": {"name": "none"},
        "trials": 2,
        "training": RECIPE | {"start_from": str(tmp_path / "source" / "last.pt"), "freeze": ["stem"]},
        "directory": str(tmp_path / "runs"),
    }
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(search))
    searched = run("search", tmp_path / "search.yaml")
    assert searched.exit_code == 0, searched.output

    study = read_study(load_config(tmp_path / "runs" / "own"))
    assert [record.status for record in study.trials] == ["complete"] * 2
    shares = [record.weights_taken for record in study.trials]
    assert all(share is not None and 0.5 < share < 1 for share in shares)
    assert shares[0] != shares[1], "another number of groups has fewer weights that fit"
    assert study.protocol["start_from"].startswith("sha256 ")
    directory = ("--directory", tmp_path / "runs")
    assert run("report", "own", "--pictures", "--intervals", *directory).exit_code == 0
    report = study.directory / "report"
    page = (report / "report.html").read_text()
    assert all(name in page for name in (names[0], names[-1]))
    assert "over images" in page
    assert pd.read_csv(report / "trials.csv")["weights_taken"].tolist() == pytest.approx(shares)

    config = load_search(study.directory / "search.yaml")
    client = mlflow.MlflowClient(tracking_uri=tracking_uri(config.mlflow_url, config.study_directory.parent))
    runs = [client.get_run(str(record.mlflow_run_id)) for record in study.trials]
    assert [each.data.metrics[objective] for each in runs] == [record.values[objective] for record in study.trials]

    less = ("--no-int8", "--no-program", "--no-released", "--no-accuracy")
    made = run("export", "own", "--trial", 1, "--register", "--output", tmp_path / "net", "--json", *less, *directory)
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)
    arch, network = load_network(Path(str(study.trials[1].checkpoint)))
    dataset = validation_set(data_of(config), arch, config.train_config)
    module = loaded((tmp_path / "net" / "infer.py").read_text(), tmp_path)
    assert module.SETTINGS["keypoints"] == names
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", tracking_uri(config.mlflow_url, config.study_directory.parent))
        model = mlflow.pyfunc.load_model(found["uri"])
    boxes = [dict(zip(("x", "y", "width", "height"), map(float, person.box), strict=True)) for person in dataset.people]
    rows = [{"image": person.image_path.read_bytes(), **box} for person, box in zip(dataset.people, boxes, strict=True)]
    for flip in {False, dataset.keypoint_set.mirrors}:
        expected = predict(network, dataset, flip_test=flip).keypoints
        by_example = found_by_the_example(module, tmp_path / "net" / "model.onnx", dataset, flip=flip)
        assert np.abs(by_example[:, :, :2] - expected).max() < 0.1
        served = np.array(model.predict(pd.DataFrame(rows), params={"flip": flip})["keypoints"].tolist())
        assert np.abs(served[:, :, :2] - expected).max() < 0.1

    compared = run("compare", "own:0", "own:1", *directory)
    assert compared.exit_code == 0, compared.output
    assert "noise" in compared.output
