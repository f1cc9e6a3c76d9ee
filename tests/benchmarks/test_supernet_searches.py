"""Searches side by side at equal cost, over a made-up table and made-up scores of shared weights."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.search_cost.yardstick import Yardstick
from benchmarks.supernet.searches import finalists_of, main, shared_weights_of
from dite_search.config.search_config import SearchConfig, load_search
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.supernet.scores import FIGURE, PROTOCOL, SETTINGS, ScoredNetwork, ScoresFile
from dite_search.supernet.use import protocol_of_scores
from search_spaces.common.errors import InvalidInput
from search_spaces.families.parameter import Point
from search_spaces.space.elastic_space import elastic_space
from trainers.training.supernet_loop import identity_of

SEARCH = """\
name: made_up
space:
  base: tiny
  parameters: {widths: [16-24-32-48, 32-48-64-96], groups_branch4: null, kernels_branch2: null}
data: {synthetic: {train_images: 20, val_images: 2, seed: 0}}
objectives: [ap_gt, mmacs]
sampler: {name: grid}
scheduler: {name: none}
trials: 16
training: {epochs: 4, batch_size: 4, warmup_iterations: 1, validate_every: 1, flip_test: false}
supernet: {epochs: 2, held_out: 0.2, calibration_images: 10}
"""


def ability(point: Point) -> float:
    """The wide networks are better, and deep ones worse."""
    wide, deep = point["widths"] != "16-24-32-48", point["modules_stage3"] == 2
    return 0.3 + 0.2 * wide - 0.05 * deep + 0.02 * (point["groups_branch3"] == 2) + 0.01 * (point["kernels_branch1"] == 2)


@pytest.fixture
def search(tmp_path: Path) -> Path:
    file = tmp_path / "table" / "search.yaml"
    file.parent.mkdir()
    file.write_text(SEARCH)
    points = list(load_search(file).search_space.points())
    with (file.parent / "curves.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*points[0], "seed", "epoch", "ap_gt", "loss", "seconds"])
        writer.writeheader()
        for seed in range(2):
            for point in points:
                for epoch in range(1, 5):
                    value = ability(point) * epoch / 4 + 0.001 * seed
                    writer.writerow({**point, "seed": seed, "epoch": epoch, "ap_gt": value, "loss": 1, "seconds": epoch})
    return file


def config_of(search: Path) -> SearchConfig:
    return load_search(search, changes={"directory": str(search.parents[1] / "runs")})


def write_scores(config: SearchConfig, foretold: Callable[[Point], float]) -> None:
    space = config.search_space
    file = ScoresFile(config.study_directory / "supernet")
    identity = {
        FIGURE: "inherited_ap_gt",
        "calibration_images": 10,
        SETTINGS: identity_of(elastic_space(space), config.supernet_config),
        PROTOCOL: protocol_of_scores(config, "any"),
    }
    file.begin(identity, again="")
    file.append(
        [ScoredNetwork(arch=space.build(point), figures={"inherited_ap_gt": foretold(point)}) for point in space.points()]
    )


def test_every_search_pays_the_same(
    search: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Right scores lose nothing with four finalists, and all searches are printed beside this search."""
    config = config_of(search)
    write_scores(config, ability)
    options = ["--directory", str(config.study_directory.parent), "--finalists", "2", "4", "--seeds", "2"]
    searches = ["--only", "random", "ours", "prior", "direct"]
    monkeypatch.setattr(sys, "argv", ["searches", str(search), *options, *searches])
    main()
    first, *rows = capsys.readouterr().out.splitlines()
    assert first.startswith("epochs of one network: supernet 8, scores ")
    assert first.endswith("finalists 16; a training takes 4")
    assert [row.split()[:3] for row in rows] == [[name, "2", "seeds"] for name in ("random", "ours", "prior", "direct")]
    assert "times" not in rows[0] + rows[1]
    assert "with 4: 0.0000, " in rows[3]
    assert all("times this search's" in row for row in rows[2:])


def test_the_finalists_are_those_of_the_scores_and_come_after_the_price(search: Path) -> None:
    config = config_of(search)
    write_scores(config, lambda point: -ability(point))
    shared, yardstick = shared_weights_of(config, finalists=3, workers=4), Yardstick(load_table(search.parent))
    assert shared.price >= 2 * 4
    ended = finalists_of(shared, yardstick, seed=0, count=3)
    assert [one.epochs - shared.price for one in ended] == [4, 8, 12]
    wrong = yardstick.figures(ended, seed=0, budgets=[shared.price + 12])[0]
    before = yardstick.figures(ended, seed=0, budgets=[shared.price])[0]
    assert wrong.means > before.means == 0.0
    assert wrong.regret > 0.05, "scores that are upside down lose much"


def test_a_study_without_scores_is_refused(search: Path) -> None:
    with pytest.raises(InvalidInput, match=r"made_up must have inherited scores: train and score shared weights first$"):
        shared_weights_of(config_of(search), finalists=3, workers=4)
