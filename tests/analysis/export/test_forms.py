"""Every other form of an exported network: it loads back, computes the same, and says what it costs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from analysis.export import EVERYTHING, Exported, ModelCard, export_network
from analysis.export.model_card import int8_verdict
from analysis.export.parity import TRAINED, Form, Parity
from analysis.export.program import load_program
from analysis.export.study_data import StudyData
from analysis.onnx.export import onnx_bytes
from analysis.onnx.graph import graph_size
from analysis.profiling.latency import Latency
from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.analysis.export.networks import SMALL, network_of
from tests.analysis.studies import PROTOCOL, TINY
from trainers.checkpoints.torch_file import read_state_dict
from trainers.data.config import DataConfig
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.networks.dite_hrnet.released_layout import released_state
from trainers.networks.load import load_published

pytestmark = pytest.mark.slow
CARD = ModelCard(name="test network", origin="Made by a test.", protocol=PROTOCOL)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> StudyData:
    root = tmp_path_factory.mktemp("drawn") / "people"
    draw_dataset(root, train_images=6, val_images=4, seed=0)
    return StudyData(config=DataConfig(root=root, name="synthetic"), arch=TINY, train=TrainConfig())


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, data: StudyData) -> tuple[Exported, PoseNetwork]:
    network = network_of(TINY)
    place = tmp_path_factory.mktemp("exports") / "net"
    return export_network(TINY, network, place, card=CARD, threads=1, parts=EVERYTHING, data=data), network


@pytest.fixture(scope="module")
def program(everything: tuple[Exported, PoseNetwork]) -> torch.nn.Module:
    return load_program(everything[0].directory / "model.pt2")


def heatmaps_of(network: torch.nn.Module, batch: int, arch: ArchConfig = TINY) -> np.ndarray:
    images = torch.randn(batch, 3, *arch.input_size, generator=torch.Generator().manual_seed(batch))
    with torch.inference_mode():
        return np.asarray(network(images).numpy())


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_program_loads_back_with_a_free_batch(
    everything: tuple[Exported, PoseNetwork], program: torch.nn.Module, batch: int
) -> None:
    np.testing.assert_allclose(heatmaps_of(program, batch), heatmaps_of(everything[1], batch), rtol=1e-4, atol=1e-5)


def test_the_released_layout_makes_the_round_trip(everything: tuple[Exported, PoseNetwork]) -> None:
    exported, network = everything
    path = exported.directory / "released.pth"
    content = torch.load(path, weights_only=True)
    assert set(content) == {"meta", "state_dict"}
    assert "backbone.stem.conv1.conv.weight" in content["state_dict"]
    arch, loaded = load_published(path, input_size=TINY.input_size)
    assert arch.canonical == TINY.canonical
    assert np.array_equal(heatmaps_of(loaded, 2), heatmaps_of(network, 2))


def test_a_published_checkpoint_comes_out_as_it_went_in(reference: Path) -> None:
    path = reference / "ditehrnet_18_coco_256x192.pth"
    arch, network = load_published(path)
    before, after = read_state_dict(path), released_state(arch, network)
    assert set(before) == set(after)
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_what_cannot_be_made_is_left_out_with_the_reason(tmp_path: Path, data: StudyData) -> None:
    gone = dataclasses.replace(data, arch=SMALL, config=DataConfig(root=tmp_path / "gone"))
    parts = dataclasses.replace(EVERYTHING, program=False)
    done = export_network(SMALL, network_of(SMALL), tmp_path / "net", card=CARD, parts=parts, data=gone)
    card = (done.directory / "README.md").read_text()
    assert not any((done.directory / name).exists() for name in ("released.pth", "model.pt2", "model.int8.onnx"))
    assert "- `released.pth`: the authors' code builds the published G, N and bottlenecks only" in card
    assert "- `model.pt2`: not asked for" in card
    assert done.parity.left_out["model.int8.onnx"] == done.parity.why_not
    assert "gone" in done.parity.why_not
    assert "The accuracy of the forms was not measured:" in card
    assert done.parity.images == "8 random images"


def test_parity_is_measured_and_written_down(everything: tuple[Exported, PoseNetwork], data: StudyData) -> None:
    exported, _ = everything
    written = json.loads((exported.directory / "parity.json").read_text())
    forms = {form["name"]: form for form in written["forms"]}
    assert list(forms) == [TRAINED, "model.safetensors", "model.onnx", "released.pth", "model.pt2", "model.int8.onnx"]
    assert (written["quantity"], written["people"]) == ("ap_gt", len(data.validation))
    assert written["images"] == f"{len(data.validation)} validation crops"
    assert all(0 <= form["accuracy"] <= 1 for form in forms.values())
    for name in ("model.safetensors", "released.pth"):
        assert forms[name]["max_difference"] == 0
    assert 0 < forms["model.onnx"]["max_relative_difference"] < 1e-3
    assert forms["model.int8.onnx"]["max_relative_difference"] > forms["model.onnx"]["max_relative_difference"]
    assert {name for name, form in forms.items() if form["latency"]} == {"model.onnx", "model.int8.onnx"}
    card = (exported.directory / "README.md").read_text()
    assert f"{len(data.validation)} people, split val of synthetic, with flip test" in card
    assert "of which a simplifier could remove 0 |" in card
    assert "**int8.** It " in card


@pytest.mark.parametrize("batch", [1, 3])
def test_int8_convolves_in_integers_on_any_batch(everything: tuple[Exported, PoseNetwork], batch: int) -> None:
    path = everything[0].directory / "model.int8.onnx"
    model = onnx.load(path)
    types = {entry.name: entry.data_type for entry in model.graph.initializer}
    weights = [node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear" and node.input[0] in types]
    assert sum(types[name] == onnx.TensorProto.INT8 for name in weights) > 20
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found = session.run(None, {"images": np.zeros((batch, 3, *TINY.input_size), np.float32)})[0]
    assert found.shape == (batch, TINY.keypoints, *TINY.heatmap_size)
    assert np.isfinite(found).all()


def test_int8_is_the_same_for_the_same_images(data: StudyData) -> None:
    from analysis.export.quantisation import quantise

    model = onnx_bytes(TINY, network_of(TINY))
    first, second = (quantise(model, data.training_crops(3)) for _ in range(2))
    images = np.random.default_rng(0).standard_normal((1, 3, *TINY.input_size), np.float32)
    outputs = [onnxruntime.InferenceSession(part).run(None, {"images": images})[0] for part in (first, second)]
    assert np.array_equal(*outputs)


def test_no_simplifier_has_anything_to_do() -> None:
    onnxslim = pytest.importorskip("onnxslim")
    model = onnx_bytes(TINY, network_of(TINY))
    assert graph_size(model).removable == 0
    before = onnx.load_from_string(model)
    after = onnxslim.slim(onnx.load_from_string(model))
    assert len(after.graph.node) == len(before.graph.node)


def test_the_count_sees_what_a_simplifier_would_remove() -> None:
    entry = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 2])
    result = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 2])
    constant = onnx.numpy_helper.from_array(np.ones(2, np.float32), "c")
    nodes = [
        onnx.helper.make_node("Add", ["c", "c"], ["d"]),
        onnx.helper.make_node("Identity", ["x"], ["i"]),
        onnx.helper.make_node("Add", ["i", "d"], ["y"]),
    ]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [entry], [result], [constant]))
    size = graph_size(model.SerializeToString())
    assert (size.nodes, size.removable) == (3, 2)


def latency(median: float, spread: float = 0.1) -> Latency:
    """Return a latency whose 10th and 90th percentile lie so many milliseconds from its median."""
    ends = {"p10_ms": median - spread, "p90_ms": median + spread}
    return Latency(median_ms=median, **ends, threads=1, runs=30, device="CPU of a test")


@pytest.mark.parametrize(
    ("accuracies", "latencies", "words"),
    [
        (
            (0.7, 0.69),
            (4.0, 3.0),
            ("loses 0.0100 AP", "(0.7000 to 0.6900)", "it is faster: 3.00 ms (2.90 to 3.10) against 4.00 ms (3.90 to 4.10)"),
        ),
        ((0.7, 0.5), (4.0, 6.0), ("loses 0.2000 AP", "That is a large loss", "it is slower: 6.00 ms")),
        ((0.7, 0.7), (4.0, 4.1), ("loses nothing", "as fast, within noise")),
        ((0.7, 0.71), (4.0, 4.0), ("gains 0.0100 AP",)),
        ((None, None), (4.0, 4.0), ("What it costs in accuracy was not measured.",)),
    ],
)
def test_the_card_says_what_int8_costs_and_gains(
    accuracies: tuple[float | None, float | None], latencies: tuple[float, float], words: tuple[str, ...]
) -> None:
    forms = [
        Form(name=TRAINED, accuracy=accuracies[0]),
        Form(name="model.onnx", accuracy=accuracies[0], latency=latency(latencies[0])),
        Form(name="model.int8.onnx", accuracy=accuracies[1], latency=latency(latencies[1])),
    ]
    verdict = int8_verdict(Parity(forms=forms, images="2 crops", quantity="ap_gt"))
    for part in words:
        assert part in verdict


@pytest.mark.parametrize(("median", "spread", "kind"), [(6.0, 1.5, "as fast, within noise"), (6.0, 0.5, "slower")])
def test_a_speed_within_the_spread_of_the_other_is_as_fast(median: float, spread: float, kind: str) -> None:
    forms = [
        Form(name="model.onnx", latency=latency(4.0, spread)),
        Form(name="model.int8.onnx", latency=latency(median, spread)),
    ]
    verdict = int8_verdict(Parity(forms=forms, images="2 crops"))
    figures = f"6.00 ms ({6 - spread:.2f} to {6 + spread:.2f}) against 4.00 ms ({4 - spread:.2f} to {4 + spread:.2f})"
    assert f"On this processor it is {kind}: {figures} (10th to 90th percentile of an image)." in verdict


def test_a_form_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = network_of(SMALL, seed=1)
    monkeypatch.setattr("analysis.export.network.load_export", lambda _: (SMALL, other))
    with pytest.raises(InvalidInput, match=r"model\.safetensors must compute what the trained network does, but differs by"):
        export_network(SMALL, network_of(SMALL), tmp_path / "net", card=CARD)
    assert list(tmp_path.iterdir()) == []
