"""The ONNX forms of each family: the only file of the analysis that knows families."""

from __future__ import annotations

import importlib
from functools import cache

from analysis.onnx.family import LatencyParts, Model, OnnxForms
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.registry import family_of

MODULES = {
    "dite_hrnet": "analysis.onnx.dite_hrnet.family",
}
"""Modules that hold the ``FORMS`` of a family, by its name. The graph of a family that is not here is traced."""
TRACED = OnnxForms()


@cache
def forms_of(family: str) -> OnnxForms:
    """Return the ONNX forms of a family by its name."""
    found: OnnxForms = importlib.import_module(MODULES[family]).FORMS if family in MODULES else TRACED
    return found


def latency_parts_of(arch: Architecture) -> LatencyParts | None:
    """Return the parts that the latency of a network is predicted from, if its family has such parts."""
    return forms_of(arch.FAMILY).latency


def required_latency_parts(arch: Architecture) -> LatencyParts:
    """Return the parts that the latency of a network is predicted from.

    Raises:
        InvalidInput: the family has none.
    """
    parts = latency_parts_of(arch)
    if parts is None:
        raise InvalidInput(
            f"latency of networks of the {family_of(arch).label} family cannot be predicted, only measured: the family has"
            " no table of parts"
        )
    return parts


def reference_model() -> Model:
    """Return the model that the speed of a machine is told by: every latency is kept beside it, whatever its family."""
    reference = forms_of(next(iter(MODULES))).reference
    assert reference is not None, "the first family has a reference"
    return reference()
