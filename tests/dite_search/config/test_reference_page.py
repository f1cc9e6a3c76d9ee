"""The documented search file is the one the code reads."""

from __future__ import annotations

import re

import pytest

from dite_search.config.reference_page import SECTIONS, attribute_docs, search_file_reference
from search_spaces.common.bounds import limits_of
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import FAMILIES
from search_spaces.training_config import TrainConfig


def cells(name: str) -> list[list[str]]:
    """The rows of a field's name, each as its cells."""
    rows = re.findall(rf"^\| `{name}` \|(.*)\|$", search_file_reference(), re.MULTILINE)
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)] for row in rows]


@pytest.mark.parametrize("section", SECTIONS.values(), ids=SECTIONS)
def test_every_field_stands_in_it_with_its_meaning(section):
    text = search_file_reference()
    for name, field in section.model_fields.items():
        assert cells(name)
        assert field.description is None or field.description.split("|")[0] in text


@pytest.mark.parametrize("fields", [TrainConfig().to_dict(), ArchConfig().to_dict()], ids=["training", "architecture"])
def test_every_hyper_parameter_and_field_of_a_network_has_a_meaning(fields):
    for name in fields.keys() - {"seed"}:
        assert len(cells(name)[-1][-1]) > 3, name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("trials", ["integer, at least 1, at most 1,000,000", "–"]),
        ("gpu_hours", ["number, above 0", "–"]),
        ("until", ["date and time", "–"]),
        ("reuse", ["true or false", "`true`", "whether a network that was trained already is not trained again"]),
        ("boxes", ["`gt` or `det`", "`gt`"]),
        ("reduction_factor", ["number, above 1.0, at most 100.0", "`3`"]),
        ("space", ["text or mapping", "required"]),
        ("objectives", ["list", "`[ap_gt, mmacs]`"]),
        ("epochs", ["integer from 1 to 100,000", "`270`"]),
        ("milestones", ["list of fractions of the training from 0 to 1", "`[0.6296, 0.7407]`"]),
        ("clip_norm", ["number from 1e-06 to 1e+06, or null", "`null`"]),
        ("codec", ["one of msra, udp, dark", "`msra`"]),
        ("flip_test", ["true or false", "`true`"]),
        ("groups", ["4 integers from 1 to 64", "`[1, 1, 2, 4]`"]),
        ("stage_units", ["3 integers from 1 to 64", "`[4, 8, 4]`"]),
        ("pyramid_channels", ["integer from 2 to 4,096", "`256`"]),
        ("width_factor", ["number from 0.1 to 4", "`1`"]),
        ("workers", ["integer, at least 0, at most 256", "`0`"]),
        ("start_from", ["file or STUDY:TRIAL, or null", "`null`"]),
    ],
)
def test_what_a_field_takes(name, expected):
    assert expected in [found[: len(expected)] for found in cells(name)]


def test_numbered_parameters_are_one_range():
    text = search_file_reference()
    assert "- Parameters of the architecture: `stem`, `block`, " in text
    assert "- Parameters of its parts: `width_branch1` to `width_branch4`, " in text
    assert "`modules_stage2` to `modules_stage4`.\n" in text


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_field_of_a_network_has_its_limits(family):
    limits = limits_of(family.architecture)
    for name in family.default.fields():
        assert any(row[0] == str(limits[name]) for row in cells(name)), name


def test_docstrings_below_fields():
    assert attribute_docs(TrainConfig)["codec"].startswith("How keypoints become heatmaps")
