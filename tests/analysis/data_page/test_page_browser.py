"""The page in a browser: nothing scrolls aside, every picture and bar is seen, nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.data_page.page import write_page
from tests.analysis.browser import DESKTOP, PHONE, launched, opened
from tests.analysis.data_page.datasets import BODY, edited, exchange, with_names
from tests.analysis.data_page.test_page import shown

pytestmark = pytest.mark.slow

LONG = "a_very_long_name_of_a_keypoint_that_no_column_holds_" * 2


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def file(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with all that a page can have: keypoints of one's own, suspicious people, a long name, a copy."""
    folder = tmp_path_factory.mktemp("page")

    def edit(document: dict[str, Any]) -> None:
        for entry in document["annotations"][::9]:
            exchange({"annotations": [entry]})
        with_names(BODY | {"nose": LONG})(document)

    root = edited(people, folder / "data", edit)
    train, val = (min((root / f"{split}2017").iterdir()) for split in ("train", "val"))
    val.write_bytes(train.read_bytes())
    max((root / "train2017").iterdir()).write_bytes(b"broken")
    found, galleries = shown(root)
    write_page(found, galleries, folder / "page.html")
    return folder / "page.html"


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)])
def test_it_is_seen_whole(browser: Any, file: Path, size: tuple[int, int], dark: bool) -> None:
    with opened(browser, file, size=size, dark=dark) as found:
        assert found.violations() == []
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        pictures = found.page.evaluate("[...document.images].map((image) => image.naturalWidth)")
        assert len(pictures) > 4
        assert min(pictures) > 0
        width = "(element) => element.getBoundingClientRect().width"
        named = found.page.evaluate(f"[...document.querySelectorAll('svg.named')].map({width})")
        assert len(named) > 4
        assert 150 < min(named) <= max(named) <= size[0]
        bars = found.page.evaluate(f"[...document.querySelectorAll('.bar')].map({width})")
        assert len(bars) > 20
        assert max(bars) > 60
        assert found.messages == []
        assert all(url.startswith(("file:", "data:")) for url in found.requests)
