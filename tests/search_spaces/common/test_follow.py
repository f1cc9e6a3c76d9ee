"""Work that nobody watches is done all the same."""

from __future__ import annotations

from search_spaces.common.follow import UNSEEN


def test_items_and_their_parts_are_yielded_as_they_are() -> None:
    assert [(item, part) for item in UNSEEN("ab") for part in UNSEEN.within([1, 2])] == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
    ]
