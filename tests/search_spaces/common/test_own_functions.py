"""Functions of a user's own that are objectives."""

from __future__ import annotations

from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.common.own_functions import code_digest, loaded, objective

HEAD = "from search_spaces.common.own_functions import objective\n"
ENERGY = "@objective()\ndef energy(architecture, cost):\n    return cost.mmacs\n"


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"direction": "lower"}, "direction of an objective must be minimize or maximize, got 'lower'"),
        ({"source": "learned"}, "source of an objective must be counted or measured, got 'learned'"),
        ({"unit": "millijoule a picture"}, "unit of an objective must be a text of at most 12 characters, got 'millijoule"),
        ({"label": "a\nb"}, "label of an objective must be a text of at most 40 characters"),
    ],
)
def test_what_a_mark_may_not_say(fields, message):
    with pytest.raises(InvalidInput, match=message):
        objective(**fields)


@pytest.mark.parametrize(
    ("text", "reference", "message"),
    [
        (HEAD + ENERGY, "mine:enrgy", "unknown objective of .*mine.py 'enrgy': did you mean 'energy'"),
        (
            HEAD + ENERGY,
            "yours:energy",
            "yours:energy needs the module yours, which is neither in .* nor installed",
        ),
        ("x = 1\n", "mine:energy", "objective mine:energy needs a function energy in .*mine.py, which has no objective"),
        ("def energy(a, b): pass\n", "mine:energy", "must be decorated with @objective of dite_search"),
        ("import nowhere_at_all\n", "mine:energy", "mine.py cannot be imported: ModuleNotFoundError: No module named 'nowh"),
        ("def energy(:\n", "mine:energy", "mine.py cannot be imported: SyntaxError"),
        (HEAD + ENERGY.replace("()", "(direction='up')", 1), "mine:energy", "objective mine:energy: direction .* got 'up'"),
    ],
)
def test_what_cannot_be_found_or_run_is_one_sentence(tmp_path, text, reference, message):
    write(tmp_path, text)
    with pytest.raises(InvalidInput, match=message) as raised:
        loaded(reference, tmp_path)
    assert "\n" not in str(raised.value)


def test_an_edited_module_is_run_anew_and_what_lies_beside_it_is_found(tmp_path):
    write(tmp_path, "FACTOR = 2\n", "beside_mine.py")
    file = write(tmp_path, HEAD + "import beside_mine\n" + ENERGY.replace("cost.mmacs", "beside_mine.FACTOR"))
    first, digest = loaded("mine:energy", tmp_path)
    assert first(None, None) == 2
    assert loaded("mine:energy", tmp_path)[0] is first
    file.write_text(file.read_text().replace("FACTOR\n", "FACTOR + 1\n"))
    second, other = loaded("mine:energy", tmp_path)
    assert (second(None, None), first(None, None)) == (3, 2)
    assert other != digest


def test_a_module_of_a_package_may_import_its_neighbours(tmp_path):
    write(tmp_path, "", "costs_of_mine/__init__.py")
    write(tmp_path, "FACTOR = 5\n", "costs_of_mine/numbers.py")
    write(
        tmp_path, HEAD + "from .numbers import FACTOR\n" + ENERGY.replace("cost.mmacs", "FACTOR"), "costs_of_mine/energy.py"
    )
    assert loaded("costs_of_mine.energy:energy", tmp_path)[0](None, None) == 5


def test_the_digest_is_that_of_the_code_alone(tmp_path):
    file = write(tmp_path, HEAD + ENERGY)
    digest = code_digest(file)
    file.write_text(f"# why\n\n{HEAD}\n\n{ENERGY.replace('mmacs', 'mmacs  # of the network')}\n")
    assert code_digest(file) == digest
    file.write_text(HEAD + ENERGY.replace("cost.mmacs", "cost.mmacs + 1"))
    assert code_digest(file) != digest
    file.write_text(HEAD + 'NOTE = "a # b"\n' + ENERGY)
    within = code_digest(file)
    file.write_text(HEAD + 'NOTE = "a # c"\n' + ENERGY)
    assert code_digest(file) != within
