"""A step of shared weights: its gradients, what it leaves alone, and what it refuses."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.training_config import TrainConfig
from tests.trainers.processes.workers import run_workers
from trainers.networks.loss import heatmap_loss
from trainers.networks.registry import shared_weights
from trainers.networks.shared_store import SharedStore
from trainers.processes.distributed import Worker
from trainers.training.sandwich_step import SandwichLearner

ELASTIC = elastic_space(named_space("tiny_128"))
LARGEST, SMALLEST = ELASTIC.largest, ELASTIC.smallest
OTHER = next(arch for arch in ELASTIC.space.enumerate() if arch.arch_id not in (LARGEST.arch_id, SMALLEST.arch_id))
ALONE = Worker(device=torch.device("cpu"))


def store_of(seed: int = 0, *, double: bool = False) -> SharedStore:
    torch.manual_seed(seed)
    store = shared_weights(LARGEST, ELASTIC.envelope)
    with torch.no_grad():
        for parameter in store.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return store.double() if double else store


def batch_of(samples: int = 4, *, double: bool = False) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    batch = {
        "image": torch.randn(samples, 3, 64, 32, generator=generator),
        "target": torch.rand(samples, 17, 16, 8, generator=generator),
        "weight": (torch.rand(samples, 17, generator=generator) > 0.3).float(),
    }
    return {name: value.double() for name, value in batch.items()} if double else batch


def learner_of(store: SharedStore, worker: Worker = ALONE, **fields: Any) -> SandwichLearner:
    learner = SandwichLearner(store, TrainConfig(**({"batch_size": 4} | fields)), worker, largest=LARGEST)
    learner.train()
    return learner


def gradients(store: SharedStore) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in store.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("distillation", [0.0, 0.4])
def test_gradients_are_those_of_the_networks_one_by_one(distillation: float) -> None:
    """The others' loss is a blend of two mean squared errors, to the truth and to what the largest shows."""
    store, batch = store_of(double=True), batch_of(double=True)
    alone = copy.deepcopy(store)
    learner = learner_of(store)
    learner.plan([LARGEST, SMALLEST, OTHER], distillation)
    loss = learner.step(batch, 0.0)
    taught: Any = None
    losses = []
    for arch in (LARGEST, SMALLEST, OTHER):
        shown = alone.view(arch)(batch["image"])
        own = heatmap_loss(shown, batch["target"], batch["weight"])
        losses.append(float(own.detach()))
        if taught is None:
            taught = shown.detach()
        else:
            own = (1 - distillation) * own + distillation * heatmap_loss(shown, taught, batch["weight"])
        (own / 3).backward()
    expected, found = gradients(alone), gradients(store)
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], rtol=1e-9, atol=1e-12) for name in expected)
    assert learner.subnet_losses.tolist() == pytest.approx(losses[:2], rel=1e-6)
    assert distillation or float(loss) == pytest.approx(sum(losses) / 3)


def test_pieces_share_one_step() -> None:
    learner = learner_of(store_of(), micro_batch=2)
    learner.plan([LARGEST, SMALLEST], 0.5)
    assert float(learner.step(batch_of(), 1e-3)) > 0
    assert learner.micro_batch == 2


def test_a_part_that_no_network_of_the_step_has_stays() -> None:
    """Adam would move a weight by a gradient of 0 on its old moments."""
    store = store_of()
    learner = learner_of(store, weight_decay=0.1)
    learner.plan([LARGEST, SMALLEST], 0.0)
    learner.step(batch_of(), 1e-3)
    before = {name: value.clone() for name, value in store.state_dict().items()}
    learner.plan([SMALLEST], 0.0)
    learner.step(batch_of(), 1e-3)
    moved = {name for name, value in store.state_dict().items() if not torch.equal(value, before[name])}
    assert "final/weight" in moved
    assert {name for name in before if "/of_4/" in name}, "the largest network has four groups"
    assert not {name for name in moved if "/of_4/" in name}


def test_the_clipped_norm_is_that_of_all_gradients() -> None:
    store = store_of()
    learner = learner_of(store, clip_norm=1e-3)
    learner.plan([LARGEST, SMALLEST], 0.0)
    learner.step(batch_of(), 0.0)
    norm = torch.stack([value.square().sum() for value in gradients(store).values()]).sum().sqrt()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_the_average_is_what_networks_inherit() -> None:
    learner = learner_of(store_of(), ema_decay=0.5)
    learner.plan([LARGEST, SMALLEST], 0.0)
    for _ in range(2):
        learner.step(batch_of(), 1e-2)
    scored: Any = learner.scored
    assert isinstance(scored, SharedStore)
    assert scored is not learner.network
    assert not torch.equal(scored.state_dict()["final/weight"], learner.network.state_dict()["final/weight"])
    assert scored.export(SMALLEST)(batch_of()["image"]).shape == (4, 17, 16, 8)


def test_memory_is_that_of_the_largest_network(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = learner_of(store_of(), batch_size=16)
    learner.plan([SMALLEST, SMALLEST], 0.0)
    view_of, asked = learner._store.view, []

    def limited(arch: Architecture) -> Any:
        view = view_of(arch)
        call = type(view).__call__

        class Limited(type(view)):  # type: ignore[misc]
            def __call__(self, images: Tensor) -> Any:
                asked.append((arch.arch_id, len(images)))
                if len(images) > 5:
                    raise torch.OutOfMemoryError("out of memory")
                return call(self, images)

        view.__class__ = Limited
        return view

    monkeypatch.setattr(learner._store, "view", limited)
    learner.fit_memory(batch_of(16))
    assert learner.micro_batch == 4
    assert [name for name, _ in asked] == [LARGEST.arch_id] * 3
    assert [samples for _, samples in asked] == [16, 8, 4]
    assert not gradients(learner._store)


def test_a_state_holds_everything() -> None:
    first = learner_of(store_of(), ema_decay=0.9)
    first.plan([LARGEST, SMALLEST], 0.5)
    first.step(batch_of(), 1e-2)
    state = copy.deepcopy(first.state())
    store = store_of(seed=7)
    store.load_state_dict(state["network"])
    second = learner_of(store, ema_decay=0.9)
    second.load(state)
    for learner in (first, second):
        learner.plan([LARGEST, OTHER], 0.5)
        learner.step(batch_of(), 1e-2)
    for part in ("network", "average"):
        assert all(torch.equal(value, second.state()[part][name]) for name, value in first.state()[part].items()), part
    assert torch.equal(first.subnet_losses, second.subnet_losses)


@pytest.mark.parametrize("fields", [{"recompute_activations": True}, {"compile": True}, {"accelerate": "auto"}])
def test_what_would_give_wrong_gradients_is_refused(fields: dict[str, Any]) -> None:
    (name,) = fields
    with pytest.raises(InvalidInput, match=f"^{name} must be .* where weights are shared"):
        learner_of(store_of(), **fields)


def stepped(worker: Worker, plans: list[list[Architecture]]) -> tuple[float, dict[str, Tensor]]:
    """Return the loss and the gradients of one step on this process's share of a batch."""
    store = store_of(double=True)
    learner = learner_of(store, worker, batch_size=6, sync_batchnorm=True)
    learner.plan(plans[worker.rank % len(plans)], 0.4)
    share = {name: value[worker.rank :: worker.count] for name, value in batch_of(6, double=True).items()}
    return float(worker.sum(learner.step(share, 0.0))), gradients(store)


@pytest.mark.slow
def test_two_processes_learn_what_one_learns() -> None:
    plan = [LARGEST, SMALLEST, OTHER]
    loss, expected = stepped(ALONE, [plan])
    scale = max(float(value.abs().max()) for value in expected.values())
    for other_loss, found in run_workers(stepped, 2, [plan]):
        assert other_loss == pytest.approx(loss, rel=1e-6)
        assert found.keys() == expected.keys()
        assert max(float((found[name] - expected[name]).abs().max()) for name in expected) < 1e-5 * scale


@pytest.mark.slow
def test_different_networks_in_two_processes_are_noticed() -> None:
    plans = [[LARGEST, SMALLEST, OTHER], [LARGEST, SMALLEST, dataclasses.replace(LARGEST, kernels=(1, 1, 1, 1))]]
    with pytest.raises(RuntimeError, match=f"all processes must learn the same networks in a step, got {LARGEST.arch_id}"):
        run_workers(stepped, 2, plans)
