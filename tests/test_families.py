"""A family of networks lives in the folders of its name: everything else speaks to the protocols alone."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from search_spaces import registry as spaces
from search_spaces.families.architecture import Architecture
from search_spaces.registry import FAMILIES
from tests.conftest import ROOT

PACKAGES = ("search_spaces", "trainers", "analysis", "dite_search")
REGISTRIES = {"search_spaces/registry.py", "trainers/networks/registry.py", "analysis/onnx/writers.py"}
"""The files that know all families: one a layer."""
OF_ANY_NETWORK = {"input_size", "keypoints"}
HOLDERS = {"arch", "base", "default", "canonical", "first", "second", "ours", "theirs", "own"}
"""Names under which an architecture goes: fields with everyday names, such as ``stem``, are looked for on these alone."""
EVERYDAY = {"stem", "block", "modules", "groups", "fusion", "kernels", "widths", "branches", "blocks"}


def fields_of_families() -> set[str]:
    names = {field.name for family in FAMILIES.values() for field in dataclasses.fields(family.architecture)}
    return names - OF_ANY_NETWORK


def parameters_of_families() -> set[str]:
    return {name for family in FAMILIES.values() for name in family.all_parameters} - OF_ANY_NETWORK


def is_of_a_family(path: str) -> bool:
    """Whether a module lies in the folder, or is the file, of a family."""
    return any(part in FAMILIES or part == "baselines" for part in Path(path).with_suffix("").parts)


def trespasses(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of every import of a family's module, and of every use of its fields' names."""
    fields, parameters = fields_of_families(), parameters_of_families()
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            names = [alias.name for alias in node.names]
            for module in modules:
                if FAMILIES.keys() & {*module.split("."), *names}:
                    yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node.attr in fields:
            holder = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr not in EVERYDAY or holder in HOLDERS:
                yield node.lineno, ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg in fields - EVERYDAY:
            yield node.value.lineno, f"{node.arg}="
        elif isinstance(node, ast.Constant) and node.value in parameters - {"stem", "block", "fusion"}:
            yield node.lineno, repr(node.value)


MODULES = [
    path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if not is_of_a_family(str(path.relative_to(ROOT))) and str(path.relative_to(ROOT)) not in REGISTRIES
]


@pytest.mark.parametrize("package", PACKAGES)
def test_only_a_familys_own_files_know_its_fields(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in MODULES
        if path.is_relative_to(ROOT / package)
        for line, text in trespasses(path.read_text(encoding="utf-8"), str(path))
    ]
    assert not found, "\n".join(found)


TEMPLATES = sorted(path for path in (ROOT / "analysis/templates").rglob("*.*") if path.suffix != ".pyc")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_know_no_fields(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = "|".join(sorted(fields_of_families()))
    found = re.findall(rf"""arch\.(?:{names})\b|["'](?:{names})["']""", text)
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "from search_spaces.families.dite_hrnet.config import ArchConfig",
        "from search_spaces.families import dite_hrnet",
        "import trainers.networks.dite_hrnet.network",
        "x = record.arch.groups",
        "x = anything.context_reductions",
        "x = replace(arch, blocks_per_module=2)",
        "x = values['groups_branch4']",
    ],
)
def test_a_trespass_is_found(source: str) -> None:
    assert list(trespasses(source, "x.py"))


@pytest.mark.parametrize("source", ["x = path.stem", "x = match.groups()", "x = network.parameters()", "x = arch.keypoints"])
def test_everyday_names_are_no_trespass(source: str) -> None:
    assert not list(trespasses(source, "x.py"))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_keeps_its_promises(name: str) -> None:
    family = FAMILIES[name]
    assert isinstance(family.default, Architecture)
    for arch in (family.default, *(make() for make in family.presets.values())):
        assert spaces.family_of(arch) is family
        assert spaces.architecture_from(arch.to_dict()) == arch
        assert spaces.architecture_from(arch.to_dict()).arch_id == arch.arch_id == arch.canonical.arch_id
        assert family.unflatten(family.flatten(arch), family.default) == arch
        assert set(family.flatten(arch)) == set(family.parameters)
        assert set(family.values_of(arch)) == set(family.all_parameters)
        assert sum(part.cost.params for part in family.parts(arch)) == family.cost(arch).params > 0
        assert sum(part.cost.macs for part in family.parts(arch)) == family.cost(arch).macs > 0
        assert family.outline(arch)
    for parts in family.spaces.values():
        assert name == parts().base.FAMILY
