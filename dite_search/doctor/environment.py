"""Whether the packages installed here are those that this program was made for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata

from packaging.requirements import Requirement

from dite_search.doctor.findings import FAILED, OK, WARNING, Finding
from dite_search.doctor.probe import installed

NAME = "environment"
SHOWN_PACKAGES = ("ray", "torch", "optuna", "mlflow")


def environment_finding() -> Finding:
    """The versions of this environment, against the requirements of the installed program."""
    requirements = [Requirement(line) for line in metadata.requires("dite-search") or ()]
    ours = [requirement for requirement in requirements if requirement.name in SHOWN_PACKAGES and requirement.marker is None]
    return requirements_finding(ours, {requirement.name: installed(requirement.name) for requirement in ours})


def requirements_finding(requirements: Sequence[Requirement], versions: Mapping[str, str]) -> Finding:
    """Whether versions (empty for a package that is not installed) meet the requirements."""
    for requirement in requirements:
        found = versions.get(requirement.name, "")
        if not found or not requirement.specifier.contains(found, prereleases=True):
            return Finding(
                name=NAME,
                # Another version may well do, and whoever installed it meant it.
                status=WARNING if found else FAILED,
                sentence=f"{requirement.name} must be {requirement.specifier}, got {found or 'none'}",
                remedy=f"pip install '{requirement.name}{requirement.specifier}'",
            )
    shown = ", ".join(f"{name} {versions[name]}" for name in SHOWN_PACKAGES if versions.get(name))
    return Finding(name=NAME, status=OK, sentence=f"{shown}: within the supported ranges")
