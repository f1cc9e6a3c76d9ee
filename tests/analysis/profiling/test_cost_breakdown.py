"""An architecture taken apart."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given

from analysis.profiling.cost_breakdown import (
    anatomy,
    names_of_both,
    parts,
    places_of_both,
)
from analysis.study.labels import differing_words
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.families.dite_hrnet.cost import IN_BLOCK
from search_spaces.families.dite_hrnet.family import FAMILY
from search_spaces.registry import cost_of, cost_parts, preset
from tests.strategies import architectures


@given(architectures())
def test_rows_add_up_to_the_network(arch: ArchConfig) -> None:
    total, rows = cost_of(arch), [part.cost for part in parts(arch)]
    for name in ("params", "macs", "macs_paper"):
        assert sum(getattr(cost, name) for cost in rows) == getattr(total, name)
        of_branches = sum(getattr(cost, name) for cost in FAMILY.branch_costs(arch))
        assert of_branches == sum(
            getattr(part.cost, name) for part in cost_parts(arch) if part.kind in IN_BLOCK and part.branch is not None
        )


@given(architectures(), architectures())
def test_two_networks_side_by_side_keep_their_sums(first: ArchConfig, second: ArchConfig) -> None:
    rows = places_of_both(first, second)
    assert len({place for place, _, _ in rows}) == len(rows)
    assert sum(ours.params for _, ours, _ in rows) == cost_of(first).params
    assert sum(theirs.macs for _, _, theirs in rows) == cost_of(second).macs
    assert bool(differing_words(first, second)) == (first.arch_id != second.arch_id)


def test_parts_carry_the_names_of_their_paper() -> None:
    dite, lite = preset("dite_hrnet_18"), preset("lite_hrnet_18")
    assert [FAMILY.part_labels(dite)[kind] for kind in IN_BLOCK] == ["DCM", "DSC", "GCM"]
    assert "DSC" not in FAMILY.part_labels(lite).values()
    assert [names_of_both(dite, lite)[kind] for kind in IN_BLOCK] == ["cross weights", "convolution", "context"]
    assert names_of_both(dite, dite) == FAMILY.part_labels(dite)


def test_everything_as_json() -> None:
    found = json.loads(json.dumps(anatomy(ArchConfig())))
    assert sum(part["params"] for part in found["parts"]) == found["params"] == 1_186_933
    assert ArchConfig.from_dict(found["architecture"]) == ArchConfig()


def test_one_network_in_two_spellings_does_not_differ_and_others_are_spelled_as_given() -> None:
    narrow = ArchConfig(widths=(16, 32, 48, 64))
    assert narrow.canonical.context_reductions == (3, 4, 7, 7)
    assert differing_words(narrow, narrow.canonical) == []
    assert differing_words(narrow, ArchConfig()) == [("widths", "16, 32, 48, 64", "40, 80, 160, 320")]
    assert differing_words(narrow, dataclasses.replace(narrow, context_reductions=(2, 4, 8, 8))) == [
        ("context reductions", "4, 4, 8, 8", "2, 4, 8, 8")
    ]
