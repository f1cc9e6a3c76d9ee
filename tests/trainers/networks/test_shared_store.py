"""A store loads for its own space alone, and only families that can share make one."""

from __future__ import annotations

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.registry import DEFAULT_FAMILY, FAMILIES
from search_spaces.space.elastic_space import envelope_of
from search_spaces.space.space_file import named_space, space_from
from trainers.networks.registry import networks_of, shared_weights

TINY_128 = named_space("tiny_128")


def test_weights_are_taken_over_for_the_same_space() -> None:
    torch.manual_seed(0)
    first, second = (shared_weights(TINY_128.base, envelope_of(TINY_128)) for _ in range(2))
    second.load(first.state_dict(), first.envelope.identity, "supernet.pt")
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"width_branch1": [8, 16, 24]}, r"widths \[\[8, 16, 24\], \[16, 32\].*, got \[\[8, 16, 24, 32\]"),
        ({"modules_stage3": [1]}, r"modules \[1, 1, 1\], got \[1, 2, 1\]"),
        ({"groups_branch4": [1, 2, 4]}, r"groups \[.*, \[1, 2, 4\]\], got"),
    ],
)
def test_weights_of_another_space_are_refused(parameters: dict[str, list[int]], field: str) -> None:
    theirs = shared_weights(TINY_128.base, envelope_of(TINY_128))
    own = space_from({"base": "tiny_128", "parameters": parameters})
    store = shared_weights(own.base, envelope_of(own))
    with pytest.raises(InvalidInput, match=rf"^supernet.pt must hold shared weights of the same space, with {field}"):
        store.load(theirs.state_dict(), theirs.envelope.identity, "supernet.pt")


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != DEFAULT_FAMILY.name])
def test_other_families_make_no_store(name: str) -> None:
    assert networks_of(name).share is None
    with pytest.raises(InvalidInput, match="family cannot share weights"):
        shared_weights(FAMILIES[name].default, envelope_of(TINY_128))
