"""The card reads heatmaps as the training wrote them."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given

from analysis.export.model_card import ModelCard, card_of, card_text
from analysis.export.parity import TRAINED, Form, Parity
from analysis.onnx.export import Agreement
from analysis.onnx.graph import GraphSize
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import CODECS
from tests.analysis.studies import PROTOCOL, TINY, study, trial
from tests.baselines import small
from tests.strategies import architectures
from trainers.data.codecs import make_codec

AGREED = Agreement(max_relative_difference=0.0, rounding=0.0, images=8, compared=8, batch_sizes=(1, 3))
CARD = ModelCard(name="test network", origin="Made by a test.", protocol=PROTOCOL)


@pytest.mark.parametrize("codec_name", CODECS)
def test_the_code_on_the_card_decodes_as_the_codec_does(codec_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    card = dataclasses.replace(CARD, codec=codec_name, sigma=1.5)
    (code,) = re.findall("```python\n(.*?)```", card_text(TINY, card, AGREED), re.S)
    codec = make_codec(codec_name, input_size=TINY.input_size, heatmap_size=TINY.heatmap_size, sigma=1.5)
    height, width = TINY.input_size
    points = np.random.default_rng(0).uniform((12, 12), (width - 13, height - 13), (TINY.keypoints, 2))
    heatmaps, _ = codec.encode(np.column_stack([points, np.full(TINY.keypoints, 2)]))

    class Session:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def run(self, *_: Any) -> list[np.ndarray]:
            return [heatmaps[None]]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    names: dict[str, Any] = {}
    exec(code, names)
    found = names["keypoints_of"](np.zeros((height, width, 3), np.uint8))
    keypoints, scores = codec.decode(heatmaps[None])
    np.testing.assert_allclose(found[:, :2], keypoints[0], atol=1e-9)
    np.testing.assert_allclose(found[:, 2], scores[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("codec", "shift", "reading"),
    [
        ("msra", "moved by one cell", "moved a quarter of a cell toward the higher neighbour"),
        ("udp", "not moved", "codec `udp` with Gaussians of 1 cells"),
        ("dark", "moved by one cell", "codec `dark` with Gaussians of 1 cells"),
    ],
)
def test_the_card_says_how_heatmaps_are_read(codec: str, shift: str, reading: str) -> None:
    text = card_text(TINY, dataclasses.replace(CARD, codec=codec), AGREED)
    assert f"left and right exchanged, {shift})" in text
    assert reading in text


def test_the_card_says_where_a_network_was_scored_on_what_it_learned_from() -> None:
    sentence = "The network was scored on what it learned from (split train): how well it does on other people is not known."
    for splits, said in ((("train", "train"), True), (("train", "val"), False), ((None, None), False)):
        protocol = {**PROTOCOL, "train_split": splits[0], "val_split": splits[1]}
        assert (sentence in card_text(TINY, dataclasses.replace(CARD, protocol=protocol), AGREED)) == said


def test_the_codec_of_a_trial_is_its_own_or_the_searchs() -> None:
    plain, own = trial(0), dataclasses.replace(trial(1), parameters={"codec": "dark", "sigma": 1.5})
    record = study([plain, own])
    assert (card_of(record, plain).codec, card_of(record, plain).sigma) == ("msra", None)
    assert (card_of(record, own).codec, card_of(record, own).sigma) == ("dark", 1.5)
    searched = dataclasses.replace(record, protocol={**PROTOCOL, "recipe_changes": {"codec": "udp"}})
    assert card_of(searched, plain).codec == "udp"
    assert card_of(searched, own).codec == "dark"


@pytest.mark.slow
@given(architectures())
def test_the_card_spells_the_network_as_its_file_does(arch: ArchConfig) -> None:
    rows = dict(re.findall(r"^\| ([a-z ]+) \| (.*) \|$", card_text(arch, CARD, AGREED).split("## Architecture")[1], re.M))
    assert {name.replace(" ", "_"): text for name, text in rows.items() if name != "field"} == {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value).replace("_", "\\_")
        for name, value in arch.to_dict().items()
    }


def test_reductions_are_not_rewritten() -> None:
    assert "| context reductions | 4, 4, 8, 8 |" in card_text(ArchConfig(widths=(16, 32, 48, 64)), CARD, AGREED)


def test_a_form_that_nothing_here_can_run_has_its_row() -> None:
    parity = Parity(forms=[Form(name=TRAINED)], images="8 random images", untested=["model.mlpackage"])
    row = "| `model.mlpackage` | Core ML for one image; never run by this export |"
    assert row in card_text(TINY, CARD, AGREED, parity=parity)
    assert row not in card_text(TINY, CARD, AGREED, parity=dataclasses.replace(parity, untested=()))


def test_only_a_graph_that_is_written_is_called_so() -> None:
    size = GraphSize(nodes=100, removable=0)
    assert "is written node by node rather than traced" in card_text(TINY, CARD, AGREED, size=size)
    assert "node by node" not in card_text(small("simple_baseline"), CARD, AGREED, size=size)
