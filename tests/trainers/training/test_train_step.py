"""One step: the same for any way of computing it, and its options."""

from __future__ import annotations

import dataclasses
import functools
import logging
from typing import Any

import pytest
import torch

from search_spaces.families.architecture import Architecture
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.baselines import small
from tests.profiles import by_profile
from trainers.networks.loss import Batch, heatmap_loss
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training.acceleration import translates
from trainers.training.loop import train
from trainers.training.train_step import Learner

CONFIG = TrainConfig(batch_size=8)


@pytest.fixture
def batch(small_arch: ArchConfig) -> Batch:
    return batch_for(small_arch)


def batch_for(arch: Architecture) -> Batch:
    torch.manual_seed(1)
    return {
        "image": torch.randn(8, 3, *arch.input_size),
        "target": torch.rand(8, arch.keypoints, *arch.heatmap_size),
        "weight": (torch.rand(8, arch.keypoints) > 0.3).float(),
    }


def learner_of(arch: Architecture, config: TrainConfig) -> Learner:
    torch.manual_seed(0)
    learner = Learner(build_network(arch), config, Worker(device=torch.device("cpu")))
    learner.network.train()
    return learner


def weights(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in learner.network.state_dict().items()}


def test_loss_is_the_mean_square_weighted_by_visibility() -> None:
    heatmaps, target = torch.tensor([[[[1.0, 2.0]], [[5.0, 5.0]]]]), torch.zeros(1, 2, 1, 2)
    assert heatmap_loss(heatmaps, target, torch.tensor([[1.0, 0.0]])).item() == pytest.approx((1 + 4 + 0 + 0) / 4)


@pytest.mark.parametrize(("micro_batch", "pieces"), [(2, 4), (3, 3), (5, 2), (8, 1), (100, 1)])
def test_pieces_add_up_to_the_loss_of_the_batch(small_arch: ArchConfig, batch: Batch, micro_batch: int, pieces: int) -> None:
    learner = learner_of(small_arch, dataclasses.replace(CONFIG, micro_batch=micro_batch))
    sizes = []
    learner.network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    # In evaluation mode batch normalisation does not depend on the pieces, and the sums must agree.
    learner.network.eval()
    whole = learner_of(small_arch, CONFIG)
    whole.network.eval()
    assert float(learner.step(batch, 1e-3)) == pytest.approx(float(whole.step(batch, 1e-3)), rel=1e-5)
    assert len(sizes) == pieces
    assert sum(sizes) == 8
    assert min(sizes) >= 2


def test_memory_that_runs_out_halves_the_pieces_and_keeps_the_step(
    small_arch: ArchConfig, batch: Batch, caplog: pytest.LogCaptureFixture
) -> None:
    learner = learner_of(small_arch, CONFIG)
    forward = learner.network.forward

    def limited(images: torch.Tensor) -> torch.Tensor:
        if len(images) > 3:
            raise torch.OutOfMemoryError("out of memory")
        return forward(images)

    learner.network.forward = limited  # type: ignore[method-assign]
    with caplog.at_level(logging.WARNING):
        loss = learner.step(batch, 1e-3)
    assert learner.micro_batch == 2
    assert [record.message for record in caplog.records] == [
        "memory ran out with 8 samples at once: going on with 4, the batch stays 8",
        "memory ran out with 4 samples at once: going on with 2, the batch stays 8",
    ]
    assert float(loss) == pytest.approx(
        float(learner_of(small_arch, dataclasses.replace(CONFIG, micro_batch=2)).step(batch, 1e-3)), rel=1e-5
    )


def test_memory_for_not_even_the_smallest_piece_ends_the_training(small_arch: ArchConfig, batch: Batch) -> None:
    learner = learner_of(small_arch, CONFIG)

    def never(images: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("out of memory")

    learner.network.forward = never  # type: ignore[method-assign]
    with pytest.raises(torch.OutOfMemoryError, match=r"^out of memory$"):
        learner.step(batch, 1e-3)


def test_recomputed_activations_change_nothing(small_arch: ArchConfig, batch: Batch) -> None:
    kept, recomputed = (
        learner_of(small_arch, dataclasses.replace(CONFIG, recompute_activations=again)) for again in (False, True)
    )
    for _ in range(2):
        assert float(kept.step(batch, 1e-3)) == float(recomputed.step(batch, 1e-3))
    ours, theirs = weights(kept), weights(recomputed)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours), "running statistics included"


def test_recomputed_activations_are_not_kept(small_arch: ArchConfig, batch: Batch) -> None:
    """Bytes that autograd saves for the backward pass."""

    def saved(again: bool) -> int:
        learner = learner_of(small_arch, dataclasses.replace(CONFIG, recompute_activations=again))
        held = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal held
            held += tensor.numel() * tensor.element_size()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            learner.network(batch["image"])
        return held

    assert saved(True) < 0.8 * saved(False)


def test_clipping_bounds_the_norm_of_all_gradients(small_arch: ArchConfig, batch: Batch) -> None:
    def norm(config: TrainConfig) -> float:
        learner = learner_of(small_arch, config)
        learner.step(batch, 1e-3)
        grads = [p.grad.norm() for p in learner.network.parameters() if p.grad is not None]
        return float(torch.stack(grads).norm())

    free = norm(CONFIG)
    assert norm(dataclasses.replace(CONFIG, clip_norm=free / 10)) == pytest.approx(free / 10, rel=1e-3)
    assert norm(dataclasses.replace(CONFIG, clip_norm=free * 10)) == pytest.approx(free, rel=1e-6)


def test_the_average_follows_the_weights(small_arch: ArchConfig, batch: Batch) -> None:
    learner = learner_of(small_arch, dataclasses.replace(CONFIG, ema_decay=0.75))
    name = "final.weight"
    learner.step(batch, 1e-2)
    expected = weights(learner)[name]
    for _ in range(3):
        learner.step(batch, 1e-2)
        expected = 0.75 * expected + 0.25 * weights(learner)[name]
    assert torch.allclose(learner.scored.state_dict()[name], expected, rtol=1e-5, atol=1e-7)
    assert not torch.equal(learner.scored.state_dict()[name], weights(learner)[name])
    assert learner_of(small_arch, CONFIG).scored is not learner.scored


@pytest.mark.slow
@pytest.mark.longer
@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.05), ("float16", 0.03)])
def test_half_precision_learns_as_single_does(
    request: pytest.FixtureRequest, small_arch: ArchConfig, short_training: TrainConfig, precision: str, tolerance: float
) -> None:
    data = request.getfixturevalue(by_profile("few_people", "people"))

    # Adam's first steps are of full size whatever the gradient: they make rounding a hundredth of the loss.
    def losses(**changes: Any) -> list[float]:
        config = dataclasses.replace(short_training, batch_size=by_profile(8, 16), **changes)
        return [m["loss"] for m in train(small_arch, config, data, directory=None, report=lambda *_: None).curve]

    single, half = losses(), losses(precision=precision)
    assert half == pytest.approx(single, rel=tolerance)
    assert half[1] < half[0], "it learns"


def test_half_precision_computes_in_half_precision(small_arch: ArchConfig, batch: Batch) -> None:
    learner = learner_of(small_arch, dataclasses.replace(CONFIG, precision="bfloat16"))
    kinds = []
    learner.network.final.register_forward_hook(lambda _, inputs, output: kinds.append(output.dtype))
    learner.step(batch, 1e-3)
    assert kinds == [torch.bfloat16]
    assert all(p.dtype == torch.float32 for p in learner.network.parameters())


@pytest.mark.slow
@pytest.mark.longer
def test_a_compiled_network_takes_the_same_step(small_arch: ArchConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    # At a commit a network of few operators is traced, forward and backward, and the trace is run; in a nightly run code is
    # made of one with dynamic kernels.
    arch, backend = by_profile((small("simple_baseline"), "aot_eager"), (small_arch, "inductor"))
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=backend))
    plain, compiled = (learner_of(arch, dataclasses.replace(CONFIG, compile=value)) for value in (False, True))
    batch = batch_for(arch)
    for _ in range(2):
        assert float(compiled.step(batch, 1e-3)) == pytest.approx(float(plain.step(batch, 1e-3)), rel=1e-4)
    assert translates(torch.device("cpu"))
