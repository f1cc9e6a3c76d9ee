"""Objectives of a user's own, from the search file to their values."""

from __future__ import annotations

import pickle

import pytest

from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import DIRECTIONS, OBJECTIVES, cost_names, format_value, register
from search_spaces.common.own_objectives import OwnObjective, beside_file, resolved, with_own_objectives
from search_spaces.space.space_file import named_space

MODULE = """
from search_spaces.common.own_functions import objective

@objective(unit="mJ", label="energy of an image")
def energy(architecture, cost):
    return 0.5 * cost.mmacs

@objective(source="measured", unit="MB")
def size(onnx_file):
    return onnx_file.stat().st_size / 1e6

@objective()
def nothing(architecture, cost):
    return VALUE

@objective()
def broken(architecture, cost):
    raise KeyError("no such part")

@objective()
def short(architecture):
    return 1.0

@objective(source="measured")
def long(onnx_file, more):
    return 1.0

@objective()
def mmacs(architecture, cost):
    return 1.0

@objective()
def loss(architecture, cost):
    return 1.0

@objective()
def Loud(architecture, cost):
    return 1.0
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    return tmp_path


def test_a_search_file_names_functions_and_the_search_says_what_they_are(folder):
    values = {"objectives": ["ap_gt", "mine:energy"], "budget": ["mmacs <= 3", "mine:size <= 2.5"], "trials": 3}
    found = with_own_objectives(values, folder)
    assert found["objectives"] == ["ap_gt", "energy"]
    assert found["budget"] == ["mmacs <= 3", "size <= 2.5"]
    assert [own["name"] for own in found["own_objectives"]] == ["energy", "size"]
    assert found["own_objectives"][0] | {"digest": ""} == {
        "name": "energy",
        "function": "mine:energy",
        "folder": str(folder),
        "direction": "minimize",
        "source": "counted",
        "digest": "",
        "unit": "mJ",
        "label": "energy of an image",
    }
    assert with_own_objectives(found, folder) == found
    assert OBJECTIVES["energy"].label == "energy of an image (mJ)"
    assert {"energy", "size"} <= {*cost_names()} & {*DIRECTIONS}
    assert format_value("energy", 1.23456) == "1.2346"


def test_a_file_that_names_none_stays_as_it_is(folder):
    values = {"objectives": "ap_gt", "budget": [3, "mmacs <= 3"], "own_objectives": [{"name": "x"}]}
    assert with_own_objectives(values, folder) == values


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mine:", "must be written as module:function, got 'mine:'"),
        ("mine:short", r"mine:short is counted, so it must take the architecture and its cost, but .* \(architecture\)"),
        ("mine:long", r"mine:long is measured, so it must take the path of the ONNX file, but .* \(onnx_file, more\)"),
        ("mine:mmacs", "mine:mmacs must have a name of its own, but mmacs means something else already"),
        ("mine:loss", "mine:loss must have a name of its own, but loss means"),
        ("mine:Loud", "mine:Loud must have a name of small letters, digits and underscores, got 'Loud'"),
    ],
)
def test_what_no_objective_may_be(folder, reference, message):
    with pytest.raises(InvalidInput, match=f"search.yaml: .*{message}"):
        beside_file({"objectives": ["ap_gt", reference]}, folder / "search.yaml")


def test_two_functions_of_one_name_are_refused(folder):
    (folder / "yours.py").write_text(MODULE)
    with pytest.raises(InvalidInput, match="names of their own, got mine:energy and yours:energy"):
        with_own_objectives({"objectives": ["mine:energy", "yours:energy"]}, folder)


@pytest.mark.parametrize(
    ("value", "shown"), [("float('nan')", "nan"), ("0.0", "0.0"), ("'3'", "'3'"), ("None", "None"), ("True", "True")]
)
def test_a_value_is_a_finite_number_above_0(folder, value, shown):
    (folder / "mine.py").write_text(MODULE.replace("VALUE", value))
    own = resolved("mine:nothing", folder)
    with pytest.raises(InvalidInput, match=f"mine:nothing must be a finite number above 0 for network a, got {shown}"):
        own.value("network a", None, None)


def test_an_error_of_the_function_is_one_sentence(folder):
    with pytest.raises(InvalidInput, match="must have a value for network a, but raises KeyError: 'no such part'"):
        resolved("mine:broken", folder).value("network a", None, None)


def test_changed_code_is_not_mixed_with_old_values(folder):
    own = resolved("mine:energy", folder)
    (folder / "mine.py").write_text(MODULE.replace("0.5 *", "0.6 *"))
    with pytest.raises(InvalidInput, match=f"mine:energy must be the code {own.digest} that the study was made with, but"):
        own.value("network a", None, None)


def test_a_process_that_receives_one_knows_it(folder):
    sent = pickle.dumps(resolved("mine:energy", folder))
    del OBJECTIVES["energy"], DIRECTIONS["energy"]
    received = pickle.loads(sent)
    assert OBJECTIVES["energy"] == received.row
    assert DIRECTIONS["energy"] == "minimize"


def test_a_name_is_one_thing_in_a_process(folder):
    resolved("mine:energy", folder)
    fields = {"folder": "x", "direction": "minimize", "digest": "1"}
    other = OwnObjective(name="energy", function="other:energy", source="counted", **fields)
    assert OBJECTIVES["energy"] == other.row
    with pytest.raises(InvalidInput, match="it is counted to minimize, and another study has it measured to minimize"):
        OwnObjective(name="energy", function="b:energy", source="measured", **fields)
    with pytest.raises(InvalidInput, match="must not be called params, which is one of the program's"):
        register(OBJECTIVES["params"])
    with pytest.raises(InvalidInput, match="function of objective energy must be module:function, got 'energy'"):
        OwnObjective(name="energy", function="energy", source="counted", **fields)


def test_a_space_counts_them_with_its_costs(folder):
    import dataclasses

    own = resolved("mine:energy", folder)
    space = dataclasses.replace(named_space("tiny"), own=(own,))
    cost = space.cost_of(space.base)
    assert cost.objectives["energy"] == pytest.approx(0.5 * cost.mmacs)
    assert cost.objectives["mmacs"] == named_space("tiny").cost_of(space.base).mmacs
    assert hash(cost) == hash(dataclasses.replace(cost))
    with pytest.raises(InvalidInput, match="must have a name of its own, but modules_stage3 is a parameter of tiny"):
        dataclasses.replace(space, own=(dataclasses.replace(own, name="modules_stage3"),))
