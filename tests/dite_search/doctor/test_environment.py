"""Versions of packages on this machine."""

from __future__ import annotations

from packaging.requirements import Requirement

from dite_search.doctor.environment import environment_finding, requirements_finding
from dite_search.doctor.findings import OK, WARNING


def test_versions_of_packages():
    wanted = [Requirement("torch>=2.13,<2.15"), Requirement("ray[train]>=2.60,<3")]
    good = requirements_finding(wanted, {"torch": "2.13.0+cpu", "ray": "2.60.0"})
    assert (good.status, good.sentence) == (OK, "ray 2.60.0, torch 2.13.0+cpu: within the supported ranges")
    old = requirements_finding(wanted, {"torch": "2.10.0", "ray": "2.60.0"})
    assert (old.status, old.sentence) == (WARNING, "torch must be <2.15,>=2.13, got 2.10.0")
    assert old.remedy == "pip install 'torch<2.15,>=2.13'"
    assert "ray must be <3,>=2.60, got none" in requirements_finding(wanted, {"torch": "2.13.0", "ray": ""}).sentence
    assert environment_finding().status == OK
