"""All checks together, on two real nodes."""

from __future__ import annotations

import io
import json
import os
import socket
import time

import pytest
import ray
from ray.cluster_utils import Cluster
from rich.console import Console

from dite_search.doctor import cluster, preflight
from dite_search.doctor.findings import OK, WARNING
from dite_search.doctor.preflight import examine, lines_of
from dite_search.driver.ray_session import start_ray
from search_spaces.common.errors import InvalidInput
from tests.dite_search.commands import refused, run
from trainers.data.synthetic.dataset import draw_dataset

pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster of two nodes of one CPU, which this process is connected to."""
    ray.shutdown()
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    running.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = running.address
    try:
        yield running
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        ray.shutdown()
        running.shutdown()


@pytest.mark.slow
def test_an_address_with_a_cluster(two_nodes, monkeypatch):
    assert cluster.address_finding(two_nodes.address).sentence == f"the cluster at {two_nodes.address} answers"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/no/such/token")
    refusing = cluster.address_finding(two_nodes.address)
    assert "refuses the token: it is missing or another one (RAY_AUTH_MODE is token)" in refusing.sentence


@pytest.mark.slow
def test_all_checks_on_two_nodes(make_search, two_nodes, tmp_path):
    root = tmp_path / "people"
    draw_dataset(root, train_images=2, val_images=1, seed=0)
    config = make_search(data={"root": str(root)}, trials=50)
    began = time.monotonic()
    found = examine(config, start=start_ray)
    assert time.monotonic() - began < 40
    said = {finding.name: finding for finding in found.findings}
    assert found.failed == [], lines_of(found.findings)
    assert found.at_once == 2
    assert "1 CPU of 2 CPU on 2 nodes: 2 workers fit at once, so 2 trials" in said["resources"].sentence
    assert said["shared folder"].sentence.endswith("is the same folder on 2 nodes, with its locks")
    assert said["shared data"].sentence == "2 nodes read the same data"
    assert said["packages"].status == OK
    assert said["clocks"].status == OK
    assert list(config.study_directory.parent.parent.iterdir()) == [root]


@pytest.mark.slow
def test_a_worker_that_no_node_holds_starts_nothing(make_search, two_nodes, tmp_path):
    config = make_search(resources={"cpus_per_worker": 2})
    output = io.StringIO()
    with pytest.raises(InvalidInput) as refusal:
        preflight.preflight(config, Console(file=output, width=200), start=start_ray, source="small.yaml")
    assert str(refusal.value) == (
        "resources: one worker takes 2 CPU on one node, but the 2 nodes have 1 CPU each;"
        " to mend it: resources.cpus_per_worker: 1"
    )
    assert not config.study_directory.exists()
    passed = preflight.preflight(make_search(), Console(file=output, width=200), start=start_ray)
    assert (passed.failed, passed.at_once) == ([], 2)


@pytest.mark.slow
def test_a_node_that_does_not_answer(make_search, two_nodes, monkeypatch):
    monkeypatch.setattr(preflight, "NODE_SECONDS", 0.0)
    found = {finding.name: finding for finding in examine(make_search(), start=start_ray).findings}
    assert found["nodes"].status == WARNING
    assert "nodes could not be looked at" in found["nodes"].sentence


@pytest.mark.slow
def test_the_command(two_nodes, tmp_path):
    file = tmp_path / "search.yaml"
    fields = {
        "name": "small",
        "space": "tiny",
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "trials": 3,
        "directory": str(tmp_path / "runs"),
    }
    file.write_text(json.dumps(fields))
    result = run("doctor", file, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {"ray", "resources", "folder", "study database", "mlflow", "data", "disk space"} <= {one["name"] for one in found}
    assert set(found[0]) == {"name", "status", "sentence", "remedy"}

    file.write_text(json.dumps(fields | {"resources": {"cpus_per_worker": 2}}))
    result = run("doctor", file)
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert any(line.startswith("failed  resources") and "the 2 nodes have 1 CPU each" in line for line in lines)
    assert lines[lines.index("To mend it:") + 1].split(maxsplit=1) == ["resources", "resources.cpus_per_worker: 1"]

    root = tmp_path / "people"
    draw_dataset(root, train_images=2, val_images=2, seed=0)
    fields["data"] = {"root": str(root)}
    file.write_text(json.dumps(fields | {"budget": ["mmacs <= 0.01"]}))
    (image, _) = sorted((root / "val2017").iterdir())
    image.write_bytes(image.read_bytes()[:-100])
    result = run("doctor", file, "--json")
    assert result.exit_code == 2
    failed = {one["name"]: one for one in json.loads(result.stdout) if one["status"] == "failed"}
    assert set(failed) == {"data", "budget"}
    for one in failed.values():
        # A search says the first of them, in the same words.
        assert one["sentence"].startswith((f"image {image} is truncated", "budget mmacs <= 0.01 must be met by a network"))
    assert refused("search", file) == f"Error: {failed['data']['sentence']}"
    assert not (tmp_path / "runs" / "small").exists()

    without = json.loads(run("doctor", "--json").stdout)
    assert {one["name"] for one in without} == {"ray", "packages", "clocks", "environment"}
    assert "does not exist" in refused("doctor", tmp_path / "none.yaml")


def test_an_address_that_nobody_has(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "is_connected", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = run("doctor", "--address", f"127.0.0.1:{taken.getsockname()[1]}", "--json")
    assert result.exit_code == 2
    assert "cannot be reached: connection refused" in json.loads(result.stdout)[0]["sentence"]
