"""The picture of the architecture is that of the present imports, and its way passes modules that exist."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from mkdocs_architecture import MARK, PACKAGES, PAGE, Step, on_page_markdown, picture, room_imports, rows_of, sources, way_of

TEXTS = {
    "dite_search/cli/main.py": "from dite_search.study import study\nfrom analysis.report import page",
    "dite_search/study/study.py": "import trainers.loop",
    "analysis/report/page.py": "",
    "trainers/loop.py": "from search_spaces.space import points",
    "search_spaces/space/points.py": "",
}


def labels(svg: str, kind: str) -> list[str]:
    found = ElementTree.fromstring(svg).iter("text")
    return [element.text or "" for element in found if element.get("class") == kind]


def test_every_room_stands_above_the_rooms_that_it_imports() -> None:
    imports = room_imports(sources())
    for package in PACKAGES:
        rows = rows_of(package, imports)
        place = {room: number for number, row in enumerate(rows) for room in row}
        assert place.keys() == {room for room in imports if room.partition("/")[0] == package}
        assert all(place[room] < place[other] for room in place for other in imports[room] if other in place)


def test_the_picture_of_the_page_has_every_room_and_step() -> None:
    markdown = PAGE.read_text(encoding="utf-8")
    svg = picture(sources(), way_of(markdown))
    rooms = {room.partition("/")[2] or "(its own files)" for room in room_imports(sources())}
    assert set(labels(svg, "room")) == rooms
    assert labels(svg, "name") == list(PACKAGES)
    assert svg.count('class="stop"') == len(way_of(markdown)) == 9
    assert svg == picture(dict(reversed(sources().items())), way_of(markdown)), "the order of the files changes nothing"
    assert svg in on_page_markdown(markdown)
    assert MARK not in on_page_markdown(markdown)


def test_the_picture_follows_the_imports() -> None:
    svg = picture(TEXTS, [Step("trial", "dite_search/study/study.py")])
    assert labels(svg, "room") == ["cli", "study", "report", "(its own files)", "space"]
    assert labels(svg, "imports") == [
        "imports analysis, trainers",
        "imports nothing of ours",
        "imports search_spaces",
        "imports nothing of ours",
    ]
    moved = {path.replace("analysis/report", "analysis/pages"): text for path, text in TEXTS.items()}
    assert labels(picture(moved, [Step("trial", "trainers/loop.py")]), "room")[2] == "pages"


def test_a_step_through_a_module_that_is_gone_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"modules that do not exist: \['dite_search/gone.py'\]"):
        picture(TEXTS, [Step("trial", "dite_search/gone.py")])
