"""A registered network on its way to those who use it: over an MLflow server into a scoring server; keypoints come back."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pytest

from analysis.export import ModelCard, export_network
from dite_search.tracking.client import tracker_of
from dite_search.tracking.registry import register
from tests.analysis.export.networks import SMALL, network_of
from tests.dite_search.conftest import make_search  # noqa: F401
from tests.dite_search.servers import MlflowServer
from tests.dite_search.tracking.test_registry import people, rows_of
from tests.ports import free_port
from trainers.evaluation.inference import predict

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]
PATIENCE = 240
PROGRAMS = Path(sys.executable).parent
ALIAS = "best-under-5-mmacs"


@pytest.fixture
def server(tmp_path):
    server = MlflowServer(tmp_path)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.kill()


@pytest.fixture
def scoring(server, tmp_path):
    """Serve a model of the registry as ``mlflow models serve`` does; its address."""
    processes = []

    def serve(uri):
        port = free_port()
        command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", uri, "--env-manager", "local"]
        log = (tmp_path / "scoring.log").open("wb")
        processes.append(
            subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"],
                # It looks for uvicorn on the path.
                env=os.environ | {"MLFLOW_TRACKING_URI": server.url, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
                cwd=tmp_path,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + PATIENCE
        while not answers(f"{address}/ping"):
            assert processes[-1].poll() is None, (tmp_path / "scoring.log").read_text()
            assert time.monotonic() < until, (tmp_path / "scoring.log").read_text()
            time.sleep(0.3)
        return address

    yield serve
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def test_a_network_is_registered_served_and_asked(make_search, server, scoring, tmp_path, monkeypatch):  # noqa: F811
    network = network_of(SMALL)
    card = ModelCard(name="test network", origin="Made by a test.", protocol={"format": "coco"})
    exported = export_network(SMALL, network, tmp_path / "net", card=card)
    config = make_search(mlflow_url=server.url)
    run_id = tracker_of(config).create_run("trial 3", {}, started=0)
    made = register(config, exported, trial=3, arch_id=SMALL.arch_id, run_id=run_id, name="small", aliases=[ALIAS])
    assert made.uri == f"models:/small@{ALIAS}"

    dataset = people(tmp_path)
    expected = predict(network, dataset, flip_test=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    rows = rows_of(dataset)
    loaded = mlflow.pyfunc.load_model(made.uri).predict(rows, params={"flip": True})
    assert off(loaded["keypoints"], expected) < 0.1

    rows["image"] = [base64.b64encode(content).decode() for content in rows["image"]]
    asked = {"dataframe_split": rows.to_dict(orient="split", index=False), "params": {"flip": True}}
    request = urllib.request.Request(
        f"{scoring(made.uri)}/invocations", json.dumps(asked).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        served = json.load(answer)["predictions"]
    assert off([row["keypoints"] for row in served], expected) < 0.1
    np.testing.assert_allclose([row["score"] for row in served], expected.scores.mean(axis=1), rtol=1e-3)


def off(keypoints, expected) -> float:
    """Pixels between keypoints that were answered and the trainer's own, at most."""
    return float(np.abs(np.array(list(keypoints))[:, :, :2] - expected.keypoints).max())
