"""Exports: every part of the family, the proof of agreement, and what a directory may hold."""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from analysis.export import Exported, ModelCard, export_network, export_trial, load_export, read_with
from analysis.export.directory import ESSENTIAL_FILES
from analysis.export.model_card import card_text, markdown
from analysis.export.options import Parts
from analysis.onnx.export import Agreement, agreement, onnx_bytes, relative_difference
from analysis.profiling.latency import Latency
from search_spaces.common.errors import InvalidInput
from search_spaces.training_config import TrainConfig
from tests.analysis.export.networks import SMALL, network_of
from tests.analysis.studies import PROTOCOL, study, trial
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint
from trainers.data.codecs import MsraCodec
from trainers.data.geometry.transforms import IMAGENET_MEAN, IMAGENET_STD
from trainers.networks.dite_hrnet.network import PoseNetwork
from trainers.processes.distributed import Worker
from trainers.training.train_step import Learner

STATIC = {"groups": (1, 1, 1, 1), "kernels": (1, 1, 1, 1)}
AGREED = Agreement(max_relative_difference=0.0, rounding=0.0, images=8, compared=8, batch_sizes=(1, 3))
CARD = ModelCard(name="test network", origin="Made by a test.", metrics={"ap_gt": 0.5432}, protocol=PROTOCOL)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Exported, PoseNetwork]:
    network = network_of(SMALL)
    return export_network(SMALL, network, tmp_path_factory.mktemp("exports") / "net", card=CARD), network


def run(model: Path | bytes, images: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model))
    return np.asarray(session.run(["heatmaps"], {"images": images.numpy()})[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"block": "dmc", "stem": "dgc", "context_pooling": "spatial"},
        {"block": "lite_acm", "stem": "lite", "context_pooling": "released", **STATIC},
        {"block": "lite_dsc", "stem": "lite", "fusion": "before_relu", "blocks_per_module": 2},
        {"block": "lite", "stem": "dgc", "fusion": "before_relu", "modules": (1, 2, 1), **STATIC},
        {"block": "dmc", "stem": "lite", "input_size": (96, 64), "keypoints": 5, "kernels": (1, 1, 2, 4)},
    ],
)
def test_every_part_of_the_family_exports(changes: dict[str, Any]) -> None:
    arch = dataclasses.replace(SMALL, **changes)
    network = network_of(arch)
    model = onnx_bytes(arch, network)
    found = agreement(network, model, arch.input_size)
    assert found.holds, str(found)
    assert found.compared >= 4
    images = torch.randn(5, 3, *arch.input_size)
    with torch.no_grad():
        expected = network(images).numpy()
    assert run(model, images).shape == (5, arch.keypoints, arch.input_size[0] // 4, arch.input_size[1] // 4)
    assert relative_difference(run(model, images), expected) < 1e-3


def test_the_model_says_what_it_takes(exported: tuple[Exported, PoseNetwork]) -> None:
    model = onnx.load(exported[0].onnx)
    (entry,), (result,) = model.graph.input, model.graph.output
    assert (entry.name, result.name) == ("images", "heatmaps")
    sizes = [dim.dim_param or dim.dim_value for dim in entry.type.tensor_type.shape.dim]
    assert sizes == ["batch", 3, 64, 64]
    assert model.opset_import[0].version == 17
    assert {entry.key: entry.value for entry in model.metadata_props}["arch_id"] == SMALL.arch_id
    constants = {entry.name for entry in model.graph.initializer}
    constants |= {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    reshapes = [node for node in model.graph.node if node.op_type == "Reshape"]
    assert reshapes
    assert all(node.input[1] in constants for node in reshapes), "a constant shape is not computed at every run"


def test_the_network_itself_stays_as_it_was(exported: tuple[Exported, PoseNetwork]) -> None:
    network = exported[1]
    assert not any(getattr(module, "linear", False) is True for module in network.modules())


def test_round_trip(exported: tuple[Exported, PoseNetwork]) -> None:
    arch, network = load_export(exported[0].directory)
    assert arch == SMALL
    assert not network.training
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(images), exported[1](images))


def test_the_card_tells_what_was_measured(exported: tuple[Exported, PoseNetwork]) -> None:
    text = (exported[0].directory / "README.md").read_text()
    for part in (
        "| AP (ground-truth boxes) | 0.543 |",
        "| boxes | ground truth |",
        "with the additions of biases",
        "[0.485, 0.456, 0.406]",
        "opset 17, input `images` (batch, 3, 64, 64), output `heatmaps` (batch, 17, 16, 16)",
        "8 random images, batch sizes 1 and 3",
        SMALL.arch_id,
    ):
        assert part in text


def test_the_code_on_the_card_finds_the_keypoints_our_codec_finds(
    exported: tuple[Exported, PoseNetwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (exported[0].directory / "README.md").read_text()
    code = re.search("```python\n(.*?)```", text, re.S)
    assert code
    monkeypatch.chdir(exported[0].directory)
    names: dict[str, Any] = {}
    exec(code[1], names)
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    image = ((crop / 255 - IMAGENET_MEAN) / IMAGENET_STD).transpose(2, 0, 1)[None]
    with torch.no_grad():
        heatmaps = exported[1](torch.tensor(image, dtype=torch.float32)).numpy()
    codec = MsraCodec(input_size=(64, 64), heatmap_size=(16, 16), sigma=1.0)
    keypoints, scores = codec.decode(heatmaps)
    found = names["keypoints_of"](crop)
    np.testing.assert_allclose(found[:, :2], keypoints[0], atol=1e-9)
    np.testing.assert_allclose(found[:, 2], scores[0], rtol=1e-2)


def test_text_from_outside_cannot_break_the_card() -> None:
    assert markdown("a | b\n# <b>`x`") == "a \\| b \\# \\<b\\>\\`x\\`"


def test_latency_stands_on_the_card() -> None:
    latency = Latency(median_ms=3.2, p10_ms=3.0, p90_ms=4.0, threads=1, runs=30, device="CPU of a test")
    text = card_text(SMALL, dataclasses.replace(CARD, latency=latency), AGREED)
    assert "median 3.20 ms, 10th to 90th percentile 3.00 to 4.00 ms; 30 runs, threads: 1; CPU of a test" in text


def test_the_latency_is_measured_for_the_card_where_asked(tmp_path: Path) -> None:
    done = export_network(SMALL, network_of(SMALL), tmp_path / "net", card=CARD, threads=1)
    text = (done.directory / "README.md").read_text()
    assert re.search(
        r"median \d+\.\d\d ms, 10th .*; 30 runs, threads: 1; CPU .*; batch 1, 5 runs before, ONNX Runtime \d", text
    )


def test_an_earlier_export_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    first, second = network_of(SMALL), network_of(SMALL, seed=1)
    export_network(SMALL, first, tmp_path / "net", card=CARD)
    export_network(SMALL, second, tmp_path / "net", card=CARD)
    assert sorted(path.name for path in (tmp_path / "net").iterdir()) == sorted(ESSENTIAL_FILES)
    assert torch.equal(load_export(tmp_path / "net")[1].final.weight, second.final.weight)
    (tmp_path / "net" / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInput, match=r"must be new, empty or an earlier export, but it holds notes.txt"):
        export_network(SMALL, first, tmp_path / "net", card=CARD)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidInput, match="must be a directory or not exist, got a file or a link"):
        export_network(SMALL, first, tmp_path / "file", card=CARD)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "net"], "nothing temporary is left"


def test_a_network_that_differs_leaves_no_files(
    exported: tuple[Exported, PoseNetwork], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = exported[0].onnx.read_bytes()
    monkeypatch.setattr("analysis.export.network.onnx_bytes", lambda *_: model)
    other = copy.deepcopy(exported[1])
    with torch.no_grad():
        other.final.weight[0] *= 1.01
    with pytest.raises(
        InvalidInput, match=r"must compute what the trained one does, but ONNX Runtime differs from torch by"
    ):
        export_network(SMALL, other, tmp_path / "net", card=CARD)
    assert list(tmp_path.iterdir()) == []


def test_agreement_is_judged_by_its_own_rounding() -> None:
    made = Agreement(max_relative_difference=5e-4, rounding=1e-6, images=8, compared=8, batch_sizes=(1, 3))
    assert not made.holds
    assert dataclasses.replace(made, rounding=1e-4).holds
    assert not dataclasses.replace(made, max_relative_difference=float("nan")).holds
    nothing = dataclasses.replace(made, max_relative_difference=0.0, compared=0)
    assert not nothing.holds
    assert "on all 8 images" in str(nothing)


def test_broken_exports_say_why(exported: tuple[Exported, PoseNetwork], tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"arch.yaml does not exist"):
        load_export(tmp_path)
    (tmp_path / "arch.yaml").write_bytes((exported[0].directory / "arch.yaml").read_bytes())
    with pytest.raises(InvalidInput, match=r"model.safetensors does not exist"):
        load_export(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(InvalidInput, match=r"model.safetensors must be a safetensors file"):
        load_export(tmp_path)
    (tmp_path / "model.safetensors").write_bytes((exported[0].directory / "model.safetensors").read_bytes())
    (tmp_path / "arch.yaml").write_text("keypoints: 16\n")
    with pytest.raises(InvalidInput, match=rf"must hold the weights of architecture \w+, got those of {SMALL.arch_id}"):
        load_export(tmp_path)


def test_an_export_says_how_its_heatmaps_are_read(exported: tuple[Exported, PoseNetwork], tmp_path: Path) -> None:
    assert read_with(exported[0].directory) == TrainConfig()
    card = dataclasses.replace(CARD, codec="dark", sigma=1.5)
    done = export_network(SMALL, network_of(SMALL), tmp_path / "net", card=card)
    assert read_with(done.directory) == dataclasses.replace(TrainConfig(), codec="dark", sigma=1.5)
    save_file({}, tmp_path / "model.safetensors", metadata={"codec": "darc"})
    with pytest.raises(InvalidInput, match=r"model.safetensors: unknown codec 'darc': did you mean 'dark'"):
        read_with(tmp_path)
    save_file({}, tmp_path / "model.safetensors", metadata={"sigma": "wide"})
    with pytest.raises(InvalidInput, match=r"model.safetensors: .*wide"):
        read_with(tmp_path)


def test_a_trial_is_exported_from_its_checkpoint(tmp_path: Path) -> None:
    network = network_of(SMALL)
    path = tmp_path / "last.pt"
    state = Learner(network, TrainConfig(), Worker(device=torch.device("cpu"))).state()
    save_checkpoint(path, Checkpoint(arch=SMALL, train=TrainConfig(), data={}, state=state))
    record = trial(3, ap=0.5, arch=SMALL, checkpoint=path)
    done = export_trial(study([record]), record, tmp_path / "net", parts=Parts(released=False, program=False))
    text = (done.directory / "README.md").read_text()
    assert "Trial 3 of the search 'tiny synthetic search', after 12 epochs of training." in text
    assert "- `model.int8.onnx`: the checkpoint does not say which data it was trained on" in text
    assert "The accuracy of the forms was not measured: the checkpoint does not say which data it was trained on." in text
    assert torch.equal(load_export(done.directory)[1].final.weight, network.final.weight)
    other = trial(3, ap=0.5, checkpoint=path)
    with pytest.raises(InvalidInput, match=rf"must hold architecture {other.arch.arch_id} of trial 3, got {SMALL.arch_id}"):
        export_trial(study([other]), other, tmp_path / "other")
    with pytest.raises(InvalidInput, match="trial 4 has no checkpoint to export"):
        export_trial(study(), study().trials[4], tmp_path / "other")
    with pytest.raises(InvalidInput, match=r"annotation file not found: .*person_keypoints_val2017\.json"):
        export_trial(study([record]), record, tmp_path / "other", data_root=tmp_path)
