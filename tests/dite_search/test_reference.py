"""The documented search file is the one the code reads."""

from __future__ import annotations

from pathlib import Path

from dite_search.config import SearchConfig
from dite_search.reference import search_file_reference

ROOT = Path(__file__).resolve().parents[2]


def test_the_documentation_is_up_to_date():
    written = (ROOT / "docs" / "search_file.md").read_text(encoding="utf-8")
    assert written == search_file_reference(), "run: python -m dite_search.reference > docs/search_file.md"


def test_every_field_stands_in_it_with_its_meaning():
    text = search_file_reference()
    for name, field in SearchConfig.model_fields.items():
        assert f"| `{name}` |" in text
        assert field.description is None or field.description.split("|")[0] in text
