"""Explaining an architecture from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import torch

from dite_search.cli import main
from dite_search.cli.shared.output import ascii_text
from dite_search.driver.searcher import StudySearch
from dite_search.study.reader import read_study
from dite_search.study.study import create_study
from search_spaces.common.files import write_mapping
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import PRESETS, cost_of, family_of, preset
from search_spaces.training_config import TrainConfig
from tests.analysis.studies import TINY
from tests.dite_search.commands import refused, run
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint
from trainers.networks.dite_hrnet.released_checkpoint import released_key
from trainers.networks.registry import build_network

pytestmark = pytest.mark.filterwarnings("ignore")


def shown(*arguments: object, columns: int = 80) -> str:
    from click.testing import CliRunner

    result = CliRunner().invoke(main, ["show", *map(str, arguments)], env={"COLUMNS": str(columns)})
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("versus", [(), ("--versus", "lite_hrnet_18")])
def test_nothing_is_cut_or_folded_on_any_screen(columns, versus, tmp_path):
    text = shown("dite_hrnet_18", *versus, "--directory", tmp_path, columns=columns)
    lines = text.splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns
    assert "…" not in text
    assert "17 heatmaps of 64×48" in text
    for stage in (2, 3, 4):
        for part in ("transition", "fusion"):
            assert re.search(rf"^ {stage} {part} +[\d,.]+ ", text, re.M), (stage, part)
    assert len({line.rstrip() for line in lines if "1,186,933" in line}) >= 2, "the head, and the sum of the parts"


def test_the_rows_of_the_parts_add_up(tmp_path):
    text = shown("dite_hrnet_18", "--directory", tmp_path)
    table = text.split("Parts by stage")[1]
    params = [int(row[1].replace(",", "")) for row in re.findall(r"^ (\d? ?\w+)  +\d+  +([\d,]+)  +[\d.]+ ", table, re.M)]
    assert len(params) == 18
    assert sum(params) == cost_of(ArchConfig()).params


def test_two_networks_side_by_side(tmp_path):
    text = shown("dite_hrnet_18", "--versus", "lite_hrnet_18", "--directory", tmp_path)
    assert "A  dite_hrnet_18" in text
    assert "B  lite_hrnet_18" in text
    assert re.search(r"in all +199\.44 +198\.63 +\+0\.82", text)
    assert re.search(r"stem +dgc +lite", text)
    same = shown("dite_hrnet_18", "--versus", "dite_hrnet_18", "--directory", tmp_path)
    assert "The same network." in same


def test_json_has_everything(tmp_path):
    result = run("show", "dite_hrnet_18", "--versus", "lite_hrnet_30", "--json", "--directory", tmp_path)
    found = json.loads(result.stdout)
    for name, side in (("dite_hrnet_18", found), ("lite_hrnet_30", found["versus"])):
        arch = preset(name)
        assert (side["name"], side["arch_id"]) == (name, arch.arch_id)
        assert ArchConfig.from_dict(side["architecture"]) == arch
        assert sum(part["macs"] for part in side["parts"]) == side["macs"] == cost_of(arch).macs
        assert side["latency"] is None


def test_every_way_to_name_a_network(make_search, tmp_path):
    def arch_id(name: object) -> str:
        result = run("show", name, "--json", "--directory", tmp_path / "runs")
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)["arch_id"]

    write_mapping(tmp_path / "arch.yaml", TINY.to_dict())
    assert arch_id(tmp_path / "arch.yaml") == TINY.arch_id
    config = make_search(objectives=["ap_gt", "mmacs"])
    create_study(config)
    search = StudySearch(config)
    search.suggest("a")
    search.on_trial_complete("a", {"epoch": 2, "ap_gt": 0.4})
    (record,) = read_study(config).trials
    assert arch_id("small:0") == arch_id("small") == record.arch.arch_id


def test_checkpoints_are_explained(tmp_path):
    arch = preset("lite_hrnet_18", input_size=(64, 64))
    weights = build_network(arch).state_dict()
    torch.save(
        {"state_dict": {released_key(key, arch): value for key, value in weights.items()}}, tmp_path / "published.pth"
    )
    state = {"network": weights, "average": None, "averaged_steps": 0, "optimizer": {}, "scaler": {}}
    save_checkpoint(tmp_path / "best.pt", Checkpoint(arch=arch, train=TrainConfig(), data={}, state=state))
    for name in ("published.pth", "best.pt"):
        result = run("show", tmp_path / name, "--json", "--directory", tmp_path, "--input-size", "64x64")
        assert json.loads(result.stdout)["arch_id"] == arch.arch_id
    assert re.search(r"checkpoint .*none\.pt does not exist", refused("show", tmp_path / "none.pt"))


def test_latency_is_shown_where_it_was_measured(tmp_path):
    write_mapping(tmp_path / "arch.yaml", TINY.to_dict())
    runs = ("--directory", tmp_path / "runs")
    before = shown(tmp_path / "arch.yaml", *runs)
    assert "--latency measures it" in before
    text = shown(tmp_path / "arch.yaml", "--latency", *runs)
    assert "Where the latency goes" in text
    assert re.search(r"^ 4 blocks +-?[\d.]+ +-?[\d.]+%", text, re.M)
    assert "Measured: ONNX Runtime" in text
    assert shown(tmp_path / "arch.yaml", *runs).split("Where the")[1] == text.split("Where the")[1], "measured once"
    found = json.loads(run("show", tmp_path / "arch.yaml", "--json", *runs).stdout)["latency"]
    assert sum(part["ms"] for part in found["parts"]) + found["rest_ms"] == pytest.approx(found["latency_ms"])


def test_a_screen_of_ascii_alone_is_served(tmp_path):
    code = "from dite_search.cli import main; main()"
    words = [sys.executable, "-c", code, "show", "dite_hrnet_18", "--directory", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, env={"PYTHONIOENCODING": "ascii", "COLUMNS": "80"}, timeout=120)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("ascii")
    assert "64x48" in text
    assert "+----------+" in text


def test_mistakes_are_answered_in_a_sentence(tmp_path):
    said = refused("show", "dite_hrnet_81", "--directory", tmp_path)
    assert "unknown network 'dite_hrnet_81': did you mean 'dite_hrnet_18'? known: " in said
    assert f"; or STUDY:TRIAL, a study in {tmp_path}, a checkpoint, an export, an architecture file" in said
    assert all(name in said for name in PRESETS)
    assert "input_size must be written HEIGHTxWIDTH" in refused("show", "dite_hrnet_18", "--input-size", "big")


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_ascii_is_as_wide(name: str) -> None:
    arch = preset(name)
    for line in family_of(arch).diagram(arch, 80):
        assert ascii_text(line).isascii()
        assert len(ascii_text(line)) == len(line)
        assert "?" not in ascii_text(line)
