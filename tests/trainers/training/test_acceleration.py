"""Accelerated steps learn what plain ones learn, and are refused where they cannot hold.

A processor records nothing: what stands for a recording here runs the function again, with the memory of a recording.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import ACCELERATIONS, AUTO, COMPILE, GRAPHS, NONE, TrainConfig
from trainers.data.config import DataConfig
from trainers.networks.registry import build_network
from trainers.processes.distributed import Worker
from trainers.training import acceleration, train_step
from trainers.training.acceleration import (
    RecordedFunction,
    RecordedNetwork,
    check_acceleration,
    fastest,
    statistics_kept,
    ways_to_try,
)
from trainers.training.loop import train
from trainers.training.train_step import Learner

CPU, GPU = torch.device("cpu"), torch.device("cuda")
ALONE = Worker(device=CPU)


def run_again(function: Callable[[], Tensor], device: torch.device) -> tuple[Callable[[], None], Tensor]:
    """Stand for `record_cuda_graph`: the same runs before, and a result in the same memory each time."""
    for _ in range(acceleration.WARM_UPS):
        function()
    output = function()

    def again() -> None:
        output.copy_(function())

    return again, output


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceleration, "WARM_UPS", 1)
    monkeypatch.setattr(acceleration, "record_cuda_graph", run_again)
    monkeypatch.setattr(train_step, "check_acceleration", lambda *_: None)


def batches(arch: ArchConfig, samples: int = 8, count: int = 2) -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(1)
    height, width = arch.input_size
    return [
        {
            "image": torch.randn(samples, 3, height, width, generator=generator),
            "target": torch.rand(samples, 17, height // 4, width // 4, generator=generator),
            "weight": (torch.rand(samples, 17, generator=generator) > 0.3).float(),
        }
        for _ in range(count)
    ]


def learner_of(arch: ArchConfig, **fields: Any) -> Learner:
    torch.manual_seed(0)
    learner = Learner(build_network(arch), TrainConfig(**({"batch_size": 8} | fields)), ALONE)
    learner.network.train()
    return learner


def learned(arch: ArchConfig, **fields: Any) -> tuple[list[float], dict[str, Tensor]]:
    """Return the losses of two steps, and the network after them with its running statistics."""
    learner = learner_of(arch, **fields)
    losses = [float(learner.step(batch, 1e-3)) for batch in batches(arch)]
    return losses, learner.scored.state_dict()


def assert_same(found: tuple[list[float], dict[str, Tensor]], expected: tuple[list[float], dict[str, Tensor]]) -> None:
    assert found[0] == expected[0]
    assert all(torch.equal(found[1][name], value) for name, value in expected[1].items())


@pytest.mark.parametrize(
    ("accelerate", "worker", "message"),
    [
        (GRAPHS, ALONE, r"^accelerate must be none, compile or auto without a GPU, .* got graphs on device cpu$"),
        (
            GRAPHS,
            Worker(device=GPU, count=2),
            r"^accelerate must be none, compile or auto where workers share a batch, .* got graphs with 2 workers$",
        ),
    ],
)
def test_graphs_are_refused_where_they_cannot_hold(accelerate: str, worker: Worker, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        check_acceleration(TrainConfig(accelerate=accelerate), worker)


def test_what_holds_is_not_refused() -> None:
    for accelerate in set(ACCELERATIONS) - {GRAPHS}:
        check_acceleration(TrainConfig(accelerate=accelerate), ALONE)
        check_acceleration(TrainConfig(accelerate=accelerate), Worker(device=GPU, count=4))
    check_acceleration(TrainConfig(accelerate=GRAPHS), Worker(device=GPU))


def test_a_training_is_refused_before_it_reads_its_data(small_arch: ArchConfig, people: DataConfig) -> None:
    data = dataclasses.replace(people, root=people.root / "gone")
    with pytest.raises(InvalidInput, match=r"^accelerate must be .* got graphs on device cpu$"):
        train(small_arch, TrainConfig(accelerate=GRAPHS), data, directory=None, report=lambda *_: None, worker=ALONE)


@pytest.mark.parametrize(
    ("fields", "worker", "ways"),
    [
        ({}, Worker(device=GPU), (NONE,)),
        ({"compile": True}, ALONE, (COMPILE,)),
        ({"compile": True, "accelerate": COMPILE}, ALONE, (COMPILE,)),
        ({"accelerate": GRAPHS}, Worker(device=GPU), (GRAPHS,)),
        ({"accelerate": AUTO}, ALONE, (NONE,)),
        ({"accelerate": AUTO}, Worker(device=GPU), (NONE, GRAPHS, COMPILE)),
        ({"accelerate": AUTO, "recompute_activations": True}, Worker(device=GPU), (NONE, GRAPHS)),
        ({"accelerate": AUTO, "recompute_activations": True}, Worker(device=GPU, count=2), (NONE,)),
    ],
)
def test_ways_to_try(fields: dict[str, Any], worker: Worker, ways: tuple[str, ...]) -> None:
    assert ways_to_try(TrainConfig(**fields), worker) == ways


@pytest.mark.parametrize(("others", "ways"), [(True, (NONE, COMPILE)), (False, (NONE,))])
def test_workers_translate_where_each_of_them_can(
    monkeypatch: pytest.MonkeyPatch, others: bool, ways: tuple[str, ...]
) -> None:
    monkeypatch.setattr(acceleration, "translates", lambda device: True)
    monkeypatch.setattr(Worker, "gather", lambda self, value: [value, others])
    assert ways_to_try(TrainConfig(accelerate=AUTO), Worker(device=GPU, count=2)) == ways


def test_a_device_without_a_compiler_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def without_compiler(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def called(*_: Tensor) -> Tensor:
            raise RuntimeError("Failed to find C compiler.\nSet CC.")

        return called

    monkeypatch.setattr(torch, "compile", without_compiler)
    with caplog.at_level(logging.WARNING):
        assert not acceleration.translates(CPU)
    assert [record.message for record in caplog.records] == [
        "acceleration compile is left out: RuntimeError: Failed to find C compiler."
    ]


@pytest.mark.parametrize(
    "fields",
    [{}, {"micro_batch": 3, "clip_norm": 0.1}, {"ema_decay": 0.9, "precision": "bfloat16"}, {"recompute_activations": True}],
    ids=["plain", "pieces, clipped", "averaged, bfloat16", "recomputed"],
)
def test_recorded_steps_learn_the_same(small_arch: ArchConfig, recording: None, fields: dict[str, Any]) -> None:
    assert_same(learned(small_arch, accelerate=GRAPHS, **fields), learned(small_arch, **fields))


def test_the_choice_leaves_no_trace(
    small_arch: ArchConfig, recording: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = learned(small_arch)
    monkeypatch.setattr(train_step, "ways_to_try", lambda *_: (NONE, GRAPHS))
    monkeypatch.setattr(acceleration, "TIMED_STEPS", 1)
    seconds = iter([3.0, 1.0])
    monkeypatch.setattr(acceleration, "_median_seconds", lambda step, device: (step(), next(seconds))[1])
    with caplog.at_level(logging.INFO):
        found = learned(small_arch, accelerate=AUTO)
    assert [record.message for record in caplog.records] == [
        "acceleration graphs is the fastest of none 3000.0 ms, graphs 1000.0 ms"
    ]
    assert_same(found, expected)


def test_a_batch_of_another_shape_is_recorded_anew(small_arch: ArchConfig, recording: None) -> None:
    losses = []
    for accelerate in (NONE, GRAPHS):
        learner = learner_of(small_arch, accelerate=accelerate)
        losses.append([float(learner.step(batches(small_arch, samples)[0], 1e-3)) for samples in (8, 4, 8)])
    assert losses[0] == losses[1]


def test_memory_that_runs_out_is_recorded_anew_in_smaller_pieces(small_arch: ArchConfig, recording: None) -> None:
    learner = learner_of(small_arch, accelerate=GRAPHS)
    forward = learner.network.forward
    sizes: list[int] = []

    def limited(images: Tensor) -> Tensor:
        sizes.append(len(images))
        if len(images) > 4:
            raise torch.OutOfMemoryError("out of memory")
        return forward(images)

    learner.network.forward = limited  # type: ignore[method-assign]
    batch = batches(small_arch)[0]
    assert float(learner.step(batch, 1e-3)) == learned(small_arch, micro_batch=4)[0][0]
    assert learner.micro_batch == 4
    assert sizes[0] == 8
    assert set(sizes[1:]) == {4}


def test_a_recorded_network_scores_the_same(small_arch: ArchConfig, recording: None) -> None:
    learner = learner_of(small_arch, accelerate=GRAPHS)
    assert isinstance(learner.scoring, RecordedNetwork)
    learner.scoring.eval()
    first, second = (batch["image"] for batch in batches(small_arch))
    with torch.inference_mode():
        early, late = learner.scoring(first), learner.scoring(second)
        assert torch.equal(early, learner.scored(first)), "its memory is not that of the next output"
        assert torch.equal(late, learner.scored(second))
        assert torch.equal(learner.scoring(first[:3]), learner.scored(first[:3])), "the last batch is smaller"
    learner.network.train()
    learner.step(batches(small_arch)[0], 1e-2)
    learner.scoring.eval()
    with torch.inference_mode():
        assert torch.equal(learner.scoring(first), learner.scored(first)), "of the weights as they are now"
    assert learner_of(small_arch).scoring is not None
    assert not isinstance(learner_of(small_arch).scoring, RecordedNetwork)


def test_a_recorded_function_copies_its_batch_and_its_result(recording: None) -> None:
    kept = torch.ones(3)
    double = RecordedFunction(lambda batch: 2 * batch["x"], {"x": kept}, CPU)
    first, second = double({"x": torch.arange(3.0)}), double({"x": torch.zeros(3)})
    assert torch.equal(kept, torch.ones(3))
    assert torch.equal(first, 2 * torch.arange(3.0))
    assert torch.equal(second, torch.zeros(3))
    assert double.fits({"x": torch.zeros(3), "y": torch.zeros(1)})
    assert not double.fits({"x": torch.zeros(4)})


def test_the_fastest_way_is_chosen_and_one_that_fails_is_left_out(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no compiler was found\nin PATH")

    clock = iter([0.0, 5.0, 10.0, 11.0])
    monkeypatch.setattr(acceleration.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(acceleration, "WARM_UPS", 0)
    monkeypatch.setattr(acceleration, "TIMED_STEPS", 1)
    with caplog.at_level(logging.INFO):
        chosen = fastest({NONE: lambda: None, GRAPHS: lambda: None}, ALONE)
    assert chosen == GRAPHS
    clock = iter([0.0, 5.0, 10.0])
    with caplog.at_level(logging.INFO):
        assert fastest({NONE: lambda: None, COMPILE: broken}, ALONE) == NONE
    assert [record.message for record in caplog.records] == [
        "acceleration graphs is the fastest of none 5000.0 ms, graphs 1000.0 ms",
        "acceleration compile is left out: RuntimeError: no compiler was found",
        "acceleration none is the fastest of none 5000.0 ms",
    ]
    clock = iter([0.0])
    with pytest.raises(RuntimeError, match="no compiler"):
        fastest({NONE: broken}, ALONE)


def test_statistics_are_given_back() -> None:
    norm = nn.BatchNorm2d(2)
    with statistics_kept(norm):
        norm(torch.randn(4, 2, 3, 3))
        assert int(norm.num_batches_tracked) == 1  # type: ignore[arg-type]
    assert int(norm.num_batches_tracked) == 0  # type: ignore[arg-type]
    assert torch.equal(norm.running_mean, torch.zeros(2))  # type: ignore[arg-type]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="graphs are recorded of a GPU's kernels")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_graphs_of_a_gpu_learn_the_same(small_arch: ArchConfig, precision: str) -> None:
    found = {}
    for accelerate in (NONE, GRAPHS):
        torch.manual_seed(0)
        config = TrainConfig(batch_size=8, precision=precision, accelerate=accelerate, ema_decay=0.9)
        learner = Learner(build_network(small_arch), config, Worker(device=GPU))
        learner.network.train()
        found[accelerate] = [float(learner.step(batch, 1e-3)) for batch in batches(small_arch)]
    assert found[GRAPHS] == pytest.approx(found[NONE], rel=1e-4 if precision == "float32" else 2e-2)
