"""The ids and costs of 200 architectures, recorded by the code from before there were families.

They are of every named network at every input of the papers, of every named space, and of the family at large.
"""

from __future__ import annotations

import json

import pytest

from search_spaces.families.dite_hrnet.family import FAMILY
from search_spaces.registry import architecture_from, cost_of
from tests.conftest import ROOT

RECORDED = json.loads((ROOT / "tests/fixtures/arch_ids.json").read_text(encoding="utf-8"))


def test_the_record_is_wide() -> None:
    assert len(RECORDED) == len({json.dumps(row["arch"]) for row in RECORDED}) == 200
    # The networks of Table 6 are named ones.
    assert {row["origin"] for row in RECORDED} == {"any", *FAMILY.presets, *FAMILY.spaces} - {"table6"}


@pytest.mark.parametrize("row", RECORDED, ids=lambda row: row["arch_id"])
def test_id_fields_and_costs_are_as_recorded(row: dict[str, object]) -> None:
    arch = architecture_from(row["arch"])
    assert arch.arch_id == row["arch_id"]
    assert json.dumps(arch.to_dict()) == json.dumps(row["arch"])
    cost = cost_of(arch)
    assert (cost.params, cost.macs, cost.macs_paper) == (row["params"], row["macs"], row["macs_paper"])
