"""The page as text: what stands on it, what is escaped, and how large it may be."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from analysis.data_page import page
from analysis.data_page.inspection import Inspection
from analysis.data_page.page import SplitGallery, check_output, page_html, split_gallery, write_page
from analysis.data_page.scanning import ScannedImage
from search_spaces.common.errors import InvalidInput
from tests.analysis.data_page.datasets import BODY, edited, exchange, with_names
from tests.analysis.data_page.test_findings import inspected

EVIL = "<img src=x onerror=alert(1)>"


def shown(root: Path, people: int = 2) -> tuple[Inspection, list[SplitGallery]]:
    found = inspected(root, (128, 96))
    return found, [split_gallery(found, split, people=people, seed=0) for split in found.data.splits]


def test_the_page_says_what_was_read(people: Path) -> None:
    found, galleries = shown(people)
    text = page_html(found, galleries)
    for counts in found.statistics:
        assert f"{counts.split}: {counts.people} people in {counts.images_with_people} images" in text
    assert "No warnings" in text
    assert "Nobody's sides contradict each other." in text
    assert "None: no file, no decoded picture and no look-alike of one split is in another." in text
    assert "<script" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_only_people_to_learn_from_are_varied(people: Path) -> None:
    _, (train, val) = shown(people)
    assert all(len(row.inputs) == 4 for row in train.people)
    assert all([picture.caption for picture in row.inputs] == ["plain"] for row in val.people)
    assert (train.suspicious, train.behind) == ([], [])


def test_suspicious_people_are_drawn_first(people: Path, tmp_path: Path) -> None:
    def some(document: dict[str, Any]) -> None:
        exchange(document, every=9)

    found, galleries = shown(edited(people, tmp_path / "some", some))
    assert galleries[0].suspicious
    assert "left and right eye lie on the wrong sides" in galleries[0].suspicious[0].caption
    text = page_html(found, galleries)
    assert text.index("People whose sides contradict each other") < text.index('id="people"')


def test_without_eyes_those_from_behind_are_drawn(people: Path, tmp_path: Path) -> None:
    found, galleries = shown(edited(people, tmp_path / "body", with_names(BODY)))
    assert galleries[0].behind
    text = page_html(found, galleries)
    assert "Whoever shows their <b>face</b> here has left and right exchanged." in text
    assert "Please check that every left keypoint becomes its right one." in text


def test_text_from_outside_stays_text(people: Path, tmp_path: Path) -> None:
    names = BODY | {"nose": EVIL}

    def edit(document: dict[str, Any]) -> None:
        with_names(names)(document)

    found, galleries = shown(edited(people, tmp_path / "evil", edit))
    assert "<img src=x" not in page_html(found, galleries)


def test_a_large_page_loses_people_and_says_so(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, galleries = shown(people, people=6)
    monkeypatch.setattr(page, "MAX_CHARACTERS", sum(gallery.size for gallery in galleries) - 1)
    assert "1 person left out to keep this page small." in page_html(found, galleries)
    monkeypatch.setattr(page, "MAX_CHARACTERS", 0)
    assert f"{2 * 6} people left out" in page_html(found, galleries)


def test_all_is_there_as_json(people: Path) -> None:
    found = inspected(people)
    document = json.loads(json.dumps(found.to_dict()))
    assert document["splits"]["train"]["people"] == found.statistics[0].people
    assert document["left_right_pairs"][0] == ["left_eye", "right_eye"]
    assert document["sides"]["train"]["suspicious"] == []
    assert document["shared_images"] == []


def test_an_earlier_page_is_replaced_and_nothing_else(people: Path, tmp_path: Path) -> None:
    found, galleries = shown(people)
    file = tmp_path / "page.html"
    check_output(file)
    write_page(found, galleries, file)
    check_output(file)
    other = tmp_path / "other.html"
    other.write_text("mine")
    with pytest.raises(InvalidInput, match=r"must be new or an earlier page of data show, but .*other.html holds something"):
        check_output(other)
    for place in (tmp_path, tmp_path / "none" / "page.html"):
        with pytest.raises(InvalidInput, match="must be a file in a folder that is there"):
            check_output(place)


def test_a_split_whose_images_are_all_broken_is_told(people: Path) -> None:
    found = inspected(people)
    broken = {
        split.name: tuple(ScannedImage(path=image.path, problem="broken") for image in split.images)
        for split in found.data.splits
    }
    gone = dataclasses.replace(found, broken=broken)
    galleries = [split_gallery(gone, split, people=2, seed=0) for split in gone.data.splits]
    assert all(gallery.people == [] for gallery in galleries)
    assert "No image of this split can be shown." in page_html(gone, galleries)
