"""The scores follow the file of annotations: right figures of a trained network, and the remarks beside them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from dite_search.doctor.requirements import require
from tests.dite_search.commands import refused, run
from trainers.data.synthetic.dataset import draw_dataset

Edit = Callable[[dict[str, Any]], None]


def scored(cases: Path, root: Path, *words: str) -> tuple[float, str]:
    """AP of the trained network and what is said on standard error."""
    result = run("evaluate", cases / "net" / "best.pt", "--data", root, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)["ap_gt"], result.stderr.replace(f"{root}/annotations/", "")


def changed(source: Path, folder: Path, edit: Edit) -> Path:
    """The data set with other annotations; the images are its own."""
    (folder / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (folder / f"{split}2017").symlink_to(source / f"{split}2017")
    name = "annotations/person_keypoints_val2017.json"
    document = json.loads((source / name).read_text())
    edit(document)
    (folder / name).write_text(json.dumps(document))
    return folder


def move_category(document: dict[str, Any]) -> None:
    document["categories"][0]["id"] = 0
    document["categories"].append({"id": 1, "name": "dog", "keypoints": ["tail"]})
    for entry in document["annotations"]:
        entry["category_id"] = 0
    document["annotations"].append({"id": 0, "image_id": 1000001, "category_id": 1})


def reverse_keypoints(document: dict[str, Any]) -> None:
    document["categories"][0]["keypoints"].reverse()
    for entry in document["annotations"]:
        points = entry["keypoints"]
        entry["keypoints"] = [value for index in range(48, -1, -3) for value in points[index : index + 3]]


def say_17_keypoints(document: dict[str, Any]) -> None:
    for entry in document["annotations"]:
        entry["num_keypoints"] = 17
    document["annotations"].append(
        document["annotations"][0] | {"id": 99, "keypoints": [0] * 51, "bbox": [9000, 9000, 5, 5]}
    )


@pytest.mark.parametrize(
    ("case", "ap", "said"),
    [
        (
            "01-repeated-annotation-ids/d",
            0.552145,
            "note: person_keypoints_val2017.json: ids of 8 of 8 annotations are missing, repeated or no whole numbers from"
            " 1; all annotations are numbered by their place in the file instead, from 1\n",
        ),
        ("01-repeated-annotation-ids/right", 0.552145, ""),
        (
            "04-annotation-id-zero/d",
            0.7,
            "note: person_keypoints_val2017.json: ids of 1 of 1 annotations are missing, repeated or no whole numbers from"
            " 1; all annotations are numbered by their place in the file instead, from 1\n",
        ),
        ("04-annotation-id-zero/right", 0.7, ""),
        (
            "05-area-zero/area_one",
            0.0,
            "warning: person_keypoints_val2017.json: the area of 8 of 8 people is below 1% of their box, so that AP counts"
            " nearly all their keypoints as wrong and comes out too low; 'area' must be that of the person in square"
            " pixels\n",
        ),
        ("05-area-zero/right", 0.552145, ""),
    ],
)
def test_figures_are_right_and_what_is_odd_is_said(cases: Path, case: str, ap: float, said: str) -> None:
    assert scored(cases, cases / case) == (pytest.approx(ap, abs=1e-6), said)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (move_category, "people are category 0 (person); 1 annotation of other categories left out: 1 of category 1 (dog)"),
        (
            reverse_keypoints,
            "keypoints are put into the order of coco17; the file has 'right_ankle' where coco17 has 'nose'",
        ),
        (say_17_keypoints, "contradicts the visibilities of their keypoints, and is counted anew"),
    ],
)
def test_the_same_people_in_another_form_score_the_same(cases: Path, tmp_path: Path, edit: Edit, said: str) -> None:
    ap, notes = scored(cases, changed(cases / "01-repeated-annotation-ids" / "right", tmp_path / "d", edit))
    assert ap == pytest.approx(0.552145, abs=1e-6)
    assert said in notes
    assert "warning" not in notes


def test_people_without_area_are_refused(cases: Path) -> None:
    sentence = refused("evaluate", cases / "net" / "best.pt", "--data", cases / "05-area-zero" / "d")
    assert "must be above 0, because COCO divides distances by it, got 0 for 8 of 8 people" in sentence


def test_the_category_can_be_chosen(cases: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["categories"].append(document["categories"][0] | {"id": 2})
        document["annotations"][0]["category_id"] = 2

    root = changed(cases / "01-repeated-annotation-ids" / "right", tmp_path / "d", edit)
    checkpoint = cases / "net" / "best.pt"
    assert "got 2 that may be: 1 (person), 2 (person)" in refused("evaluate", checkpoint, "--data", root)
    ap, said = scored(cases, root, "--category", "1")
    assert 0.3 < ap < 0.8
    assert said == (
        "note: person_keypoints_val2017.json: people are category 1 (person); 1 annotation of other categories left out:"
        " 1 of category 2 (person)\n"
    )
    sentence = refused("evaluate", checkpoint, "--data", root, "--category", "horse")
    assert "got 'horse'; it has 1 (person), 2 (person)" in sentence


def test_dumped_results_fit_the_file(cases: Path, tmp_path: Path) -> None:
    def edit(document: dict[str, Any]) -> None:
        reverse_keypoints(document)
        move_category(document)

    source = cases / "01-repeated-annotation-ids" / "right"
    root = changed(source, tmp_path / "d", edit)
    scored(cases, source, "--dump", str(tmp_path / "plain.json"))
    scored(cases, root, "--dump", str(tmp_path / "changed.json"))
    plain, found = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("plain", "changed"))
    assert {entry["category_id"] for entry in found} == {0}
    assert [entry["keypoints"][48:51] for entry in found] == [entry["keypoints"][:3] for entry in plain]


def test_a_training_and_a_search_say_it_before_they_begin(tmp_path: Path, make_search: Callable[..., Any]) -> None:
    draw_dataset(tmp_path / "people", train_images=2, val_images=2, seed=0)
    for split in ("train", "val"):
        file = tmp_path / "people" / "annotations" / f"person_keypoints_{split}2017.json"
        file.write_text(file.read_text().replace('"category_id": 1', '"category_id": 7').replace('"id": 1,', '"id": 7,', 1))
        document = json.loads(file.read_text())
        document["annotations"].append({"category_id": 8})
        file.write_text(json.dumps(document))
    root = tmp_path / "people"
    message = "annotations/person_keypoints_{}2017.json: people are category 7 (person); 1 annotation of other categories"
    words = ("--input-size", "64x64", "--batch-size", "1", "--output", tmp_path / "out")
    result = run("train", "lite_hrnet_18", "--data", root, *words)
    assert result.exit_code == 2, result.output
    for split in ("train", "val"):
        assert result.stderr.count(f"note: {root}/{message.format(split)}") == 1
    written = io.StringIO()
    require(make_search(data={"root": str(root)}), Console(file=written, width=10_000), new=True)
    notes = [line for line in written.getvalue().splitlines() if line.startswith("note: ")]
    assert [line.partition(";")[0] for line in notes] == [
        f"note: {root}/{message.format(split)}".partition(";")[0] for split in ("train", "val")
    ]
