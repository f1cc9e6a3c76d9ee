"""The reference of the surface for Python."""

from __future__ import annotations

import inspect

import dite_search
from dite_search.api.reference_page import ORDER, python_reference


def test_every_name_and_every_method_stands_on_the_page_with_its_words():
    page = python_reference(dite_search)
    assert {*ORDER} == {*dite_search.__all__}
    for name in ORDER:
        found = getattr(dite_search, name)
        assert f"\n## {name}\n" in page
        if inspect.isclass(found) and not issubclass(found, Exception):
            for member in (each for each in vars(found) if not each.startswith("_")):
                assert f"\n### {name}.{member}\n" in page
                documented = inspect.cleandoc(getattr(found, member).__doc__).splitlines()[0]
                assert documented.replace("``", "`") in page
    assert "Study.load(study: str | Path, *, directory: str | Path = 'runs') -> Study" in page
    assert "| `directory` | The folder of the studies. |" in page
    assert "``" not in page.replace("```", "")
