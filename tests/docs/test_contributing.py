"""The map in CONTRIBUTING.md names places that exist."""

from __future__ import annotations

import re

from tests.conftest import ROOT

PACKAGES = ("search_spaces", "trainers", "analysis", "dite_search")


def named_paths(text: str) -> list[str]:
    """The paths in backquotes, with braces spelled out: ``a/{b,c}.py`` is two."""
    found = []
    for quoted in re.findall(r"`([\w/{},.]+)`", text):
        if not quoted.startswith(tuple(f"{package}/" for package in PACKAGES)):
            continue
        start, brace, rest = quoted.partition("{")
        inner, _, end = rest.partition("}")
        found += [f"{start}{part}{end}" for part in inner.split(",")] if brace else [quoted]
    return found


def test_every_place_of_the_map_exists() -> None:
    paths = named_paths((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(paths) > 30
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert not missing


def test_braces_are_spelled_out() -> None:
    assert named_paths("`trainers/a/{b,c}.py` and `trainers/d` and `other/e`") == [
        "trainers/a/b.py",
        "trainers/a/c.py",
        "trainers/d",
    ]
