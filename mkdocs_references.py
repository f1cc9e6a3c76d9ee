"""The pages of docs/reference, from the code: ``python mkdocs_references.py`` writes anew whichever is no longer true.

The pages stand in the repository, so that a reader of the checkout has them. A test compares each with the code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import dite_search
from dite_search.api.reference_page import python_reference
from dite_search.cli import main
from dite_search.cli.shared.reference_page import command_line_reference
from dite_search.config.reference_page import search_file_reference

FOLDER = Path(__file__).resolve().parent / "docs/reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": lambda: command_line_reference(main),
    "python.md": lambda: python_reference(dite_search),
    "search_file.md": search_file_reference,
}
"""The function that returns each page, by its name in the folder."""


def stale_pages(folder: Path = FOLDER) -> dict[str, str]:
    """Return the text of every page that a folder holds in another form, or lacks, by its name."""
    texts = {name: write() for name, write in PAGES.items()}
    return {name: text for name, text in texts.items() if _text_of(folder / name) != text}


def _text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.is_file() else ""


if __name__ == "__main__":
    for _name, _text in stale_pages().items():
        (FOLDER / _name).write_text(_text, encoding="utf-8")
        print(f"docs/reference/{_name} is written anew")
