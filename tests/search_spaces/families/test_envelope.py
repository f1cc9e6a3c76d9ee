"""Families whose networks cannot share weights say so."""

from __future__ import annotations

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.families.envelope import Envelope
from search_spaces.registry import DEFAULT_FAMILY, FAMILIES
from search_spaces.space.elastic_space import envelope_of
from search_spaces.space.space_file import space_from


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != DEFAULT_FAMILY.name])
def test_a_family_without_shared_weights_is_refused(name: str) -> None:
    family = FAMILIES[name]
    values = {parameter: (value,) for parameter, value in family.flatten(family.default).items()}
    with pytest.raises(InvalidInput, match=f"^networks of the {family.label} family cannot share weights$"):
        family.envelope(values)


def test_the_space_of_such_a_family_is_named() -> None:
    space = space_from({"base": "simple_baseline_resnet50", "parameters": {"input_size": ["256x192", "128x96"]}})
    with pytest.raises(InvalidInput, match=r"^space custom cannot have shared weights: networks of the .* family"):
        envelope_of(space)


def test_an_envelope_is_a_protocol() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Envelope()
