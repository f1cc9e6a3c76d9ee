"""The files of a network in each runtime: one table for the program, and the example of an export that stands alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.export.directory import FILES, STEM
from analysis.runtimes import registry
from analysis.runtimes.forms import FORMS
from analysis.runtimes.registry import runtime_named
from analysis.templates.infer_runtimes import MODELS, OPENERS
from search_spaces.common.runtimes import CONVERTED, RUNNING


def test_every_runtime_has_a_form_and_its_files_belong_to_an_export() -> None:
    assert tuple(FORMS) == CONVERTED
    for form in FORMS.values():
        assert {f"{STEM}{ending}" for ending in form.endings} <= set(FILES)


def test_the_example_of_an_export_opens_the_same_files() -> None:
    assert {name: MODELS[name] for name in RUNNING} == {name: f"{STEM}{FORMS[name].endings[0]}" for name in RUNNING}
    assert OPENERS.keys() == MODELS.keys()


@pytest.mark.parametrize("name", CONVERTED)
def test_int8_is_promised_where_it_is_made(name: str) -> None:
    runtime = runtime_named(name)
    assert (runtime.quantise is not None) == FORMS[name].has_int8
    assert (runtime.why_no_int8 == "") == FORMS[name].has_int8


def test_each_runtime_has_a_module() -> None:
    room = Path(registry.__file__).parent
    assert {path.stem for path in room.glob("*.py")} - {"__init__", "forms", "registry", "runtime"} == set(CONVERTED)
