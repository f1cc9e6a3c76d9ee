"""Versions that the files of deploy/ must agree with."""

from __future__ import annotations

import tomllib

from tests.conftest import ROOT


def locked(package: str) -> str:
    """The version of a package in requirements.lock."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    (version,) = [line.partition("==")[2] for line in lines if line.partition("==")[0].lower() == package]
    return version


def image_tag(variant: str) -> str:
    """The tag of our image: our version, Ray's, and cpu or cuda."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return f"{own}-ray{locked('ray')}-{variant}"
