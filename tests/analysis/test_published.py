"""Published networks appear only under their own protocol."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from analysis.published import PUBLISHED, TABLE_2, TABLE_5, published_for
from search_spaces.arch import format_size
from tests.analysis.studies import study

TABLES = Path(__file__).parents[3] / "shared" / "reference" / "paper_tables.json"
COCO = {"dataset": "coco_val2017", "boxes": "det", "input_size": [256, 192], "flip_test": True}


@pytest.mark.skipif(not TABLES.exists(), reason="the paper's tables are not beside this checkout")
def test_every_row_is_as_printed() -> None:
    tables = json.loads(TABLES.read_text())
    family = [row for row in tables["table2_coco_val2017"] if row["method"] in ("Lite-HRNet", "Dite-HRNet")]
    printed = {(row["backbone"], row["input_size"], row["ap"] / 100, row["params_m"], row["gflops"]) for row in family}
    ours = {
        (row.name, format_size(row.arch.input_size), row.ap, row.printed_params_m, row.printed_gflops) for row in TABLE_2
    }
    assert len(TABLE_2) == 8
    assert {(*row[:2], round(row[2], 4), *row[3:]) for row in printed} == ours
    rows = tables["table5_groups_kernels_dite_hrnet_18_256x192"]
    assert [(row.arch.groups, row.arch.kernels, row.ap, row.printed_params_m, row.printed_gflops) for row in TABLE_5] == [
        (tuple(row["groups"]), tuple(row["kernels"]), round(row["ap"] / 100, 4), row["params_m"], row["gflops"])
        for row in rows
    ]


def test_our_counts_match_the_printed_ones_to_their_digits() -> None:
    for row in PUBLISHED:
        assert row.cost.params / 1e6 == pytest.approx(row.printed_params_m, abs=0.11), row.label
        assert row.cost.macs_paper / 1e9 == pytest.approx(row.printed_gflops, abs=0.055), row.label


def test_rows_of_the_same_protocol_each_network_once() -> None:
    rows = published_for(study(objectives=("ap_det", "mmacs"), protocol=COCO))
    assert len(rows) == 4 + 15
    assert {row.arch.input_size for row in rows} == {(256, 192)}
    assert [row.label for row in rows[:1]] == ["Lite-HRNet-18 (Dite-HRNet paper, Table 2)"]
    larger = published_for(study(objectives=("ap_det", "mmacs"), protocol={**COCO, "input_size": "384x288"}))
    assert {row.ap for row in larger} == {0.676, 0.704, 0.690, 0.715}


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": {**COCO, "dataset": "coco_mini"}},
        {"protocol": {**COCO, "input_size": "128x96"}},
        {"protocol": {**COCO, "flip_test": False}},
        {"protocol": {}},
        {"objectives": ("ap_gt", "mmacs")},
    ],
)
def test_no_rows_under_any_other_protocol(changes: dict[str, object]) -> None:
    assert published_for(study(**{"objectives": ("ap_det", "mmacs"), "protocol": COCO, **changes})) == []
