"""A study beside the papers: figures of both, with the protocol of each, compared only where it is the same."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import pytest
from rich.console import Console

from analysis.comparison.published_baselines import ComparisonTable, comparison_table, comparisons
from analysis.report import report_html
from analysis.study.published_results import PUBLISHED_TABLES
from analysis.study.records import StudyRecord, TrialRecord
from dite_search.monitor.progress_table import published_table
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import cost_of, preset
from search_spaces.space.space_file import named_space, space_from
from tests.analysis.studies import study, trial
from tests.analysis.test_report import EVIL, Page

COCO = {
    "dataset": "coco_val2017",
    "train_split": "train",
    "val_split": "val",
    "boxes": "det",
    "input_size": "256x192",
    "epochs": 270,
    "batch_size": 256,
    "flip_test": True,
    "recipe_changes": {},
}
MPII = COCO | {
    "dataset": "mpii_val",
    "boxes": "gt",
    "input_size": "256x256",
    "epochs": 260,
    "recipe_changes": {"half_body_probability": 0.0, "milestones": [170 / 260, 200 / 260]},
}


def of(number: int, arch: ArchConfig, score: float | None, metric: str = "ap_det", **changes: Any) -> TrialRecord:
    """A trial of one architecture with one score."""
    metrics = {} if score is None else {metric: score}
    return dataclasses.replace(
        trial(number, ap=0), arch=arch, cost=cost_of(arch), metrics=metrics, **{"parameters": {}, **changes}
    )


def table6(metric: str = "ap_det", size: str = "256x192", keypoints: int = 17, **protocol: Any) -> StudyRecord:
    """A study of the space table6 in which every network scores 0.6 and a hundredth for its number."""
    space = space_from("table6", input_size=size, keypoints=keypoints)
    trials = [
        of(number, space.build(point), 0.6 + number / 100, metric, parameters=point)
        for number, point in enumerate(space.points())
    ]
    return study(
        trials, name="table6", objectives=(metric, "mmacs_paper"), protocol={**COCO, "input_size": size, **protocol}
    )


def found(record: StudyRecord) -> ComparisonTable:
    table = comparison_table(record)
    assert table is not None
    return table


def test_under_the_same_protocol_the_difference_is_shown() -> None:
    table = found(table6())
    assert table.rows == (
        ("Lite-HRNet-18", "0", "0.600", "0.648", "–", "other a", "205.2", "205.2 M"),
        ("Lite-HRNet-18 with ACM", "1", "0.610", "0.651", "-0.041", "same", "209.3", "210.6 M"),
        ("Lite-HRNet-18 with DSC", "2", "0.620", "0.653", "-0.033", "same", "209.3", "211.0 M"),
        ("Lite-HRNet-18 with ACM & DSC", "3", "0.630", "0.656", "-0.026", "same", "213.4", "215.5 M"),
        ("Dite-HRNet-18", "4", "0.640", "0.659", "-0.019", "same", "209.8", "209.8 M"),
    )
    assert table.columns[2:4] == ("ours: AP (detected boxes)", "paper: AP (detected boxes)")
    assert table.notes[:3] == (
        "Our protocol: coco_val2017, detected boxes, input 256x192, 270 epochs, batch 256, flip test.",
        "Paper, Table 6: coco_val2017, detected boxes (of a detector with person AP 56.4), input 256x192, 270 epochs "
        "(Lite-HRNet-18: 210), batch 256, flip test.",
        "other a, so not compared: 270 epochs, not 210.",
    )
    assert "which detector" in table.notes[3]


def test_on_mpii_the_paper_s_figures_are_those_of_mpii() -> None:
    rows = comparisons(table6("pckh50", "256x256", 16, **{k: v for k, v in MPII.items() if k != "input_size"}))
    assert [row.published for row in rows] == list(PUBLISHED_TABLES["table6_mpii"])
    assert [row.differences for row in rows] == [("260 epochs, not 210",), (), (), (), ()]
    assert rows[-1].difference == pytest.approx(0.64 - 0.87)


@pytest.mark.parametrize(
    ("protocol", "difference"),
    [
        ({"dataset": "coco_mini"}, "data set coco_mini, not coco_val2017"),
        ({"boxes": "gt"}, "ground-truth boxes, not detected boxes"),
        ({"train_split": "val"}, "training split val, not train"),
        ({"val_split": "train"}, "validation split train, not val"),
        ({"epochs": 60}, "60 epochs, not 270"),
        ({"batch_size": 64}, "batch 64, not 256"),
        ({"flip_test": False}, "no flip test"),
        ({"recipe_changes": {"rotation_degrees": 0.0}}, "rotation degrees 0, not 30"),
        ({"recipe_changes": {"codec": "udp"}}, "codec udp, not msra"),
        ({"recipe_changes": {"milestones": [0.9]}}, "other milestones of the learning rate"),
    ],
)
def test_any_other_protocol_is_named_and_nothing_is_compared(protocol: dict[str, Any], difference: str) -> None:
    row = comparisons(table6(**protocol))[-1]
    assert row.differences == (difference,)
    assert row.score == 0.64
    assert row.difference is None


@pytest.mark.parametrize("name", sorted(COCO.keys() - {"input_size"}))
def test_what_is_not_recorded_is_not_taken_for_the_same(name: str) -> None:
    record = table6()
    protocol = {key: value for key, value in record.protocol.items() if key != name}
    row = comparisons(dataclasses.replace(record, protocol=protocol))[-1]
    assert len(row.differences) == 1
    assert row.differences[0].endswith(" not recorded")
    assert row.difference is None


def test_hyperparameters_of_the_trial_itself_count() -> None:
    parameters = {"learning_rate": 0.004, "batch_size": 64, "kernels_branch1": 4}
    record = study([of(0, ArchConfig(), 0.6, parameters=parameters)], objectives=("ap_det", "mmacs"), protocol=COCO)
    assert comparisons(record)[0].differences == ("batch 64, not 256", "learning rate 0.004, not 0.002")


def test_a_network_of_another_input_size_is_shown_uncompared() -> None:
    rows = comparisons(table6(size="64x64"))
    assert [row.published for row in rows] == list(PUBLISHED_TABLES["table6"])
    assert rows[-1].differences == ("input 64x64, not 256x192",)
    assert rows[-1].record.cost.macs_paper < rows[-1].published.cost.macs_paper / 10


def test_the_row_of_the_own_input_size_comes_first() -> None:
    larger = preset("dite_hrnet_18", input_size=(384, 288))
    rows = comparisons(study([of(0, larger, 0.6)], objectives=("ap_det", "mmacs"), protocol=COCO))
    assert [(row.published.table, row.published.score, row.differences) for row in rows] == [(2, 0.69, ())]


def test_a_network_of_several_tables_stands_in_that_of_its_study() -> None:
    grid = [of(number, arch, 0.6) for number, arch in enumerate(named_space("table5").enumerate())]
    assert {row.published.table for row in comparisons(study(grid, objectives=("ap_det",), protocol=COCO))} == {5}
    mixed = found(study([*grid, of(16, preset("lite_hrnet_30"), 0.5)], objectives=("ap_det",), protocol=COCO))
    assert mixed.rows[0][0] == "Lite-HRNet-30, Table 2"
    assert mixed.rows[1][0] == "Dite-HRNet-18, G 1,1,1,1, N 1,1,1,1, Table 5"


def test_the_best_complete_trial_of_a_network_and_trials_without_a_score() -> None:
    acm = preset("lite_hrnet_18_acm")
    trials = [
        of(0, ArchConfig(), 0.61),
        of(1, ArchConfig(), 0.63),
        of(2, ArchConfig(), 0.7, status="stopped"),
        of(3, acm, None, status="failed", reason="loss became nan"),
    ]
    table = found(study(trials, objectives=("ap_det", "mmacs"), protocol=COCO))
    assert [row[1:5] for row in table.rows] == [
        ("3 (failed)", "–", "0.651", "–"),
        ("1 (best of 3)", "0.630", "0.659", "-0.029"),
    ]


def test_no_table_where_no_published_network_was_trained() -> None:
    assert comparison_table(study()) is None
    assert comparison_table(study([])) is None
    assert published_table(study()) is None
    assert "Beside the published figures" not in report_html(study())
    assert comparison_table(dataclasses.replace(table6(), objectives=("mmacs", "params"))) is None


def shown(record: StudyRecord, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(published_table(record))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_console_and_page_show_both_figures_and_both_protocols() -> None:
    record = table6("ap_gt", "64x64", dataset="synthetic", boxes="gt", epochs=2, batch_size=16)
    words = " ".join(shown(record, 80).split())
    page = Page(report_html(record)).text
    for text in (words, page):
        assert "Beside the published figures (Dite-HRNet paper)" in text
        assert "Our protocol: synthetic, ground-truth boxes, input 64x64, 2 epochs, batch 16, flip test." in text
        assert "270 epochs (Lite-HRNet-18: 210), batch 256, flip test." in text
        assert "other b, so not compared: data set synthetic, not coco_val2017; ground-truth boxes, not detected" in text
    assert "Dite-HRNet-18 4 0.640 0.659 – other b 17.6 209.8 M" in words
    assert "Dite-HRNet-18 4 0.640 0.659 – other b 17.6 209.8 M" in page
    assert page.index("Networks on the front, cheapest first") < page.index("Beside the published figures")


def test_names_from_outside_are_text() -> None:
    record = table6(dataset=EVIL + "[bold red]x[/nonsense]")
    html = report_html(record)
    assert EVIL not in html
    assert EVIL in Page(html).text
    assert "[bold red]x[/nonsense]" in shown(record, 400)


def test_rows_of_one_network_are_told_apart_by_their_codecs() -> None:
    arch = preset("hrnet_w32")
    trials = [of(0, arch, 0.7), of(1, arch, 0.7, parameters={"codec": "udp"})]
    record = study(trials, objectives=("ap_det", "mmacs"), protocol=COCO)
    rows = comparisons(record)
    assert [row.published.name for row in rows] == ["HRNet-W32", "UDP-HRNet-W32"]
    assert "it starts from ImageNet weights" in rows[1].differences
    assert "it starts from ImageNet weights" not in rows[0].differences
    assert all(row.difference is None for row in rows)


def test_a_row_whose_training_is_not_stated_is_never_compared() -> None:
    record = study([of(0, preset("stacked_hourglass_8"), 0.6)], objectives=("ap_det", "mmacs"), protocol=COCO)
    (row,) = comparisons(record)
    assert row.differences == ("its training is not stated",)
    table = comparison_table(record)
    assert table is not None
    assert table.rows[0][-2:] == ("19.6348", "14.3 G")


def test_flops_of_families_that_are_counted_in_other_ways_are_said_to_be_apart() -> None:
    archs = [preset(name) for name in ("dite_hrnet_18", "mobilenet_v2", "simple_baseline_resnet50")]
    record = study([of(n, arch, 0.6) for n, arch in enumerate(archs)], objectives=("ap_det", "mmacs"), protocol=COCO)
    table = comparison_table(record)
    assert table is not None
    words = " ".join(table.notes)
    assert "FLOPs of the SimpleBaseline family count multiply-accumulates of convolutions, transposed ones at the" in words
    assert words.endswith("FLOPs of families that are counted in other ways cannot be compared with each other.")
    assert [row[-2:] for row in table.rows] == [("0.2098", "0.2 G"), ("8.9912", "8.9 G"), ("1.4576", "1.4 G")]
