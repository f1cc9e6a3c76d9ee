"""The file of Ray's cluster launcher, by Ray's own checks."""

from __future__ import annotations

import copy

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.conftest import ROOT
from tests.deploy.pins import image_tag

FILE = ROOT / "deploy" / "ray-cluster.yaml"


@pytest.fixture
def given():
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


def test_ray_takes_it(given):
    config = prepare_config(copy.deepcopy(given))
    validate_config(config)
    assert config["available_node_types"]["gpu"]["max_workers"] == 8
    assert config["available_node_types"]["head"]["max_workers"] == 0
    assert config["head_setup_commands"] == config["worker_setup_commands"] == [], "the image has everything"
    with pytest.raises(jsonschema.ValidationError, match="idle_timeout"):
        validate_config(prepare_config(given | {"idle_timeout": 5}))


def test_machines_come_and_go(given):
    gpu = given["available_node_types"]["gpu"]
    assert (gpu["min_workers"], gpu["resources"]["GPU"]) == (0, 1)
    assert given["available_node_types"]["head"]["resources"] == {"CPU": 0}
    assert given["provider"]["cache_stopped_nodes"] is False


def test_a_token_is_asked_for_and_travels_as_a_file(given):
    (path,) = given["file_mounts"]
    options = given["docker"]["run_options"]
    assert "--env=RAY_AUTH_MODE=token" in options
    assert f"--env=RAY_AUTH_TOKEN_PATH={path}" in options
    assert given["file_mounts"][path] == "~/.ray/auth_token"


def test_the_dashboard_is_on_loopback_and_no_port_is_published(given):
    (start,) = [command for command in given["head_start_ray_commands"] if "--head" in command]
    assert "--dashboard-host=127.0.0.1" in start.split()
    assert not [option for option in given["docker"]["run_options"] if option.startswith(("-p", "--publish", "--network"))]
    assert "security_group" not in given["provider"]


def test_the_image_is_ours(given):
    assert given["docker"]["image"] == f"registry.example.com/dite-search:{image_tag('cuda')}"
