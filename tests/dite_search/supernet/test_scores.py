"""The table of inherited scores: whole lines, each network once, of one store, and never under a name of a result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from dite_search.supernet.scores import (
    FIGURE,
    SCORES_FILE,
    InheritedScores,
    ScoredNetwork,
    ScoresFile,
    weights_digest,
)
from search_spaces.common.errors import InvalidInput
from search_spaces.space.space_file import named_space

SPACE = named_space("tiny_128")
NETWORKS = list(SPACE.enumerate())[:6]
IDENTITY = {FIGURE: "inherited_ap_gt", "weights": "abc", "calibration_images": 12}


def scored(number: int, value: float = 0.5) -> ScoredNetwork:
    return ScoredNetwork(arch=NETWORKS[number], figures={"inherited_ap_gt": value, "inherited_ar_gt": 0.6}, seconds=1.5)


@pytest.fixture
def file(tmp_path: Path) -> ScoresFile:
    found = ScoresFile(tmp_path / "supernet")
    found.begin(IDENTITY, again="do this")
    return found


def test_scores_come_back_as_they_were_written(file: ScoresFile) -> None:
    file.append([scored(0), scored(1, 0.7)])
    file.append([scored(2)])
    found = file.begin(IDENTITY, again="do this")
    assert [each.arch for each in found.networks] == NETWORKS[:3]
    assert found.networks[1] == scored(1, 0.7)
    assert found.best().arch == NETWORKS[1]


def test_a_line_that_was_cut_off_is_dropped_and_the_next_is_whole(file: ScoresFile) -> None:
    file.append([scored(0), scored(1)])
    content = file.path.read_bytes()
    file.path.write_bytes(content[:-20])
    assert [each.arch for each in file.begin(IDENTITY, again="do this").networks] == NETWORKS[:1]
    file.append([scored(2)])
    found = file.read()
    assert found is not None
    assert [each.arch for each in found.networks] == [NETWORKS[0], NETWORKS[2]]


def test_a_network_that_was_scored_twice_counts_once_with_its_first_score(file: ScoresFile) -> None:
    file.append([scored(0, 0.1), scored(0, 0.9)])
    found = file.read()
    assert found is not None
    assert [each.figures["inherited_ap_gt"] for each in found.networks] == [0.1]


@pytest.mark.parametrize("name", ["weights", "calibration_images", FIGURE])
def test_scores_of_other_weights_are_refused(file: ScoresFile, name: str) -> None:
    with pytest.raises(InvalidInput, match=f"must be of the same {name} to go on with them.*: do this"):
        file.begin({**IDENTITY, name: "other"}, again="do this")


@pytest.mark.parametrize(
    "text", ["no json\n", "[]\n", json.dumps({"format": 1}) + "\n", '{"format": 1, "figure": "x"}\n{}\n']
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / SCORES_FILE).write_text(text)
    with pytest.raises(InvalidInput, match="scores of inherited networks must be lines of JSON"):
        ScoresFile(tmp_path).read()


def test_scores_of_another_format_are_refused(tmp_path: Path) -> None:
    (tmp_path / SCORES_FILE).write_text(json.dumps({"format": 9, **IDENTITY}) + "\n")
    with pytest.raises(InvalidInput, match="must have format 1, got 9"):
        ScoresFile(tmp_path).read()


def test_no_column_of_the_table_has_the_name_of_a_result() -> None:
    table = InheritedScores(identity=IDENTITY, networks=(scored(0), scored(1))).table(SPACE.point_of)
    assert list(table["arch_id"]) == [arch.arch_id for arch in NETWORKS[:2]]
    assert {*SPACE.parameters, "mmacs", "params", "inherited_ap_gt"} <= set(table.columns)
    assert not {name for name in table.columns if name.startswith(("ap", "ar"))} - {"arch_id"}


def test_an_error_ranks_by_its_smallest_value() -> None:
    networks = tuple(ScoredNetwork(arch=NETWORKS[n], figures={"inherited_nme": n / 10}) for n in (3, 1, 2))
    scores = InheritedScores(identity={FIGURE: "inherited_nme"}, networks=networks)
    assert scores.best().arch == NETWORKS[1]
    assert scores.values()[NETWORKS[1].arch_id] == pytest.approx(-0.1)


def test_a_digest_is_of_the_weights_alone() -> None:
    weights = {"a": torch.arange(4.0), "b": torch.ones(2)}
    assert weights_digest(weights) == weights_digest(dict(reversed(weights.items())))
    assert weights_digest(weights) != weights_digest(weights | {"b": torch.zeros(2)})
