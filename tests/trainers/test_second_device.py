"""Everything a training computes stays on its device: a tensor made elsewhere fails here, as it would on a GPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from search_spaces.families.architecture import CENTRED, IMAGENET, Architecture, resized
from search_spaces.families.baselines.stacked_hourglass import StackedHourglassConfig
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.registry import DEFAULT_FAMILY, FAMILIES, cost_of
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.training_config import PRECISIONS, TrainConfig
from tests.trainers.second_device import (
    FAKE_GPU,
    META,
    batch_of,
    build_quickly,
    fake_gpu,
    learner_on,
    moved_to_fake_gpu,
    zeros_where_figures_are_read,
)
from trainers.data.config import DataConfig
from trainers.evaluation.inference import predict_heatmaps
from trainers.evaluation.zero_cost_proxies import PROXIES
from trainers.networks.loss import heatmap_loss
from trainers.networks.registry import build_network, shared_weights
from trainers.processes.distributed import Worker
from trainers.training.loop import train
from trainers.training.sandwich_step import SandwichLearner
from trainers.training.teacher import Teacher
from trainers.training.train_step import computing_in

SMALL = ArchConfig(
    stem_width=16, widths=(8, 16, 24, 32), modules=(1, 1, 1), blocks_per_module=1, groups=(1, 1, 2, 4), input_size=(64, 32)
)
LITE = dataclasses.replace(SMALL, stem="lite", block="lite", fusion="before_relu")
SPATIAL = dataclasses.replace(SMALL, context_pooling="spatial")
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "averaged": {"ema_decay": 0.9, "clip_norm": 1.0, "optimizer": "adamw", "weight_decay": 0.1},
    "in pieces": {"micro_batch": 2, "recompute_activations": True},
}


def smallest_of(family: str) -> Architecture:
    """Return the named network of a family with the fewest parameters, at a small input."""
    networks = [make() for make in FAMILIES[family].presets.values()]
    return resized(min(networks, key=lambda arch: cost_of(arch).params), input_size=(128, 128))


class Misplaced(nn.Module):
    """A network that adds a tensor it makes on the processor, whatever its input is on."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        heatmaps: Tensor = self.network(images)
        return heatmaps + torch.zeros(heatmaps.shape)


def devices_of(values: Any) -> set[str]:
    """Return the kinds of devices of all tensors with more than one value in nested lists and mappings."""
    if isinstance(values, Tensor):
        return {values.device.type} if values.dim() else set()
    parts = values.values() if isinstance(values, dict) else values if isinstance(values, list | tuple) else ()
    return set().union(*map(devices_of, parts))


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_a_step_stays_on_its_device(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    learner = learner_on(META, build_quickly(SMALL, monkeypatch), **options)
    assert learner.step(batch_of(SMALL), 1e-3).is_meta
    assert devices_of(learner.state()) == {"meta"}
    assert all(parameter.grad.is_meta for parameter in learner.network.parameters() if parameter.grad is not None)
    assert next(learner.scored.parameters()).is_meta


def test_a_step_of_shared_weights_stays_on_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    elastic = elastic_space(named_space("tiny_128"))
    store = shared_weights(elastic.largest, elastic.envelope)
    config = TrainConfig(batch_size=4, ema_decay=0.9, clip_norm=1.0)
    learner = SandwichLearner(store, config, Worker(device=META), largest=elastic.smallest)
    learner.plan([elastic.smallest, elastic.smallest], 0.5)
    assert learner.step(batch_of(elastic.largest), 1e-3).is_meta
    assert devices_of(learner.state()) == {"meta"}
    assert all(parameter.grad.is_meta for parameter in learner.network.parameters() if parameter.grad is not None)
    assert next(store.export(elastic.smallest).parameters()).is_meta


NARROW = {
    "lite": LITE,
    DEFAULT_FAMILY.name: SPATIAL,
    "stacked_hourglass": StackedHourglassConfig(stacks=2, base_width=64, input_size=(128, 128)),
}
"""Members of families with few parts, which are quicker than their named networks."""


@pytest.mark.parametrize("arch", ({name: smallest_of(name) for name in FAMILIES} | NARROW).values())
def test_a_step_of_any_family_stays_on_its_device(arch: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = learner_on(META, build_quickly(arch, monkeypatch))
    assert learner.step(batch_of(arch), 1e-3).is_meta


@pytest.mark.filterwarnings("ignore:.*copying from a non-meta parameter:UserWarning")
def test_a_training_goes_on_from_the_processor_on_another_device() -> None:
    """A checkpoint was read to the processor; nothing of it may stay there."""
    earlier = learner_on(torch.device("cpu"), build_network(SMALL), ema_decay=0.9)
    earlier.step(batch_of(SMALL), 1e-3)
    learner = learner_on(META, build_network(SMALL), ema_decay=0.9)
    learner.load(earlier.state())
    assert devices_of(learner.state()) == {"meta"}
    assert learner.step(batch_of(SMALL), 1e-3).is_meta


def test_memory_is_tried_on_its_device(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = learner_on(META, build_network(SMALL))
    with zeros_where_figures_are_read(monkeypatch):
        monkeypatch.setattr(Tensor, "__bool__", lambda tensor: bool(float(tensor)), raising=False)
        learner.fit_memory(batch_of(SMALL))
    assert learner.micro_batch is None
    assert devices_of(learner.state()) == {"meta"}


def test_a_whole_training_stays_on_its_device(
    few_people: DataConfig, small_arch: ArchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop and its validation read figures and heatmaps back; all else would fail."""
    config = TrainConfig(epochs=1, batch_size=8, ema_decay=0.9, clip_norm=1.0)
    with zeros_where_figures_are_read(monkeypatch):
        done = train(small_arch, config, few_people, directory=None, report=lambda *_: None, worker=Worker(device=META))
    assert done.metrics["loss"] == 0.0
    assert done.metrics["ap_gt"] == 0.0


@pytest.mark.parametrize("proxy", PROXIES.values(), ids=PROXIES)
def test_a_proxy_stays_on_its_device(proxy: Callable[..., float], monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(SMALL).double().to(META)
    batch = {name: value.double() for name, value in batch_of(SMALL, device=META).items()}
    with zeros_where_figures_are_read(monkeypatch):
        assert proxy(network, batch) == 0.0


def test_a_teacher_stays_on_its_device() -> None:
    teacher = Teacher(build_network(SMALL), student=IMAGENET, own=CENTRED).to(META)
    assert teacher(batch_of(SMALL, device=META)["image"]).is_meta


def test_a_misplaced_tensor_is_found_in_training() -> None:
    learner = learner_on(META, Misplaced(build_network(SMALL)))
    with pytest.raises(RuntimeError, match="device"):
        learner.step(batch_of(SMALL), 1e-3)


@pytest.mark.parametrize(
    ("arch", "precision"), [*((SMALL, precision) for precision in PRECISIONS), (LITE, "bfloat16")], ids=[*PRECISIONS, "lite"]
)
def test_outputs_on_a_gpu_have_the_precision(arch: ArchConfig, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_network(arch)
    with fake_gpu(monkeypatch):
        moved_to_fake_gpu(network)
        batch = batch_of(arch, device=FAKE_GPU)
        with computing_in(precision, FAKE_GPU):
            heatmaps = network.train()(batch["image"])
            scored = predict_heatmaps(network.eval(), batch["image"], tuple(range(17)), 1)
        loss = heatmap_loss(heatmaps.float(), batch["target"], batch["weight"])
        assert heatmaps.dtype == scored.dtype == getattr(torch, precision)
        assert heatmaps.device == scored.device == loss.device == FAKE_GPU
        assert loss.dtype == torch.float32


def test_a_misplaced_tensor_is_found_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Misplaced(build_network(SMALL))
    with fake_gpu(monkeypatch), pytest.raises(RuntimeError, match=r"two devices, cuda:0 and cpu"):
        moved_to_fake_gpu(network)(batch_of(SMALL, device=FAKE_GPU)["image"])
