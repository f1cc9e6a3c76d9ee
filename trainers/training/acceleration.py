"""Fewer launches: a step whose kernels are recorded once and then started together, or translated by ``torch.compile``.

These networks are hundreds of small kernels, and a GPU waits for the processor that launches them one by one. Outputs are
those of the step as it stands, to rounding.
"""

from __future__ import annotations

import contextlib
import logging
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.training_config import AUTO, COMPILE, GRAPHS, NONE, TrainConfig
from trainers.processes.distributed import Worker, synchronise

T = TypeVar("T")

WARM_UPS = 3
"""Runs before a recording: torch chooses kernels and takes memory in them."""
TIMED_STEPS = 5
"""Steps of each way that are timed before one is chosen."""
_log = logging.getLogger(__name__)


def check_acceleration(config: TrainConfig, worker: Worker) -> None:
    """Refuse an acceleration that cannot hold on this device.

    Raises:
        InvalidInput: recorded steps are asked for without a GPU, or for several workers.
    """
    if config.accelerate != GRAPHS:
        return
    if worker.device.type != "cuda":
        raise InvalidInput(
            f"accelerate must be {NONE}, {COMPILE} or {AUTO} without a GPU, because graphs are recorded of a GPU's kernels,"
            f" got {GRAPHS} on device {worker.device.type}"
        )
    if worker.count > 1:
        raise InvalidInput(
            f"accelerate must be {NONE}, {COMPILE} or {AUTO} where workers share a batch, because a recorded step sends no"
            f" gradients, got {GRAPHS} with {worker.count} workers"
        )


def ways_to_try(config: TrainConfig, worker: Worker) -> tuple[str, ...]:
    """Return the accelerations among which a training may choose, the one asked for where it leaves no choice.

    A processor has none: it launches nothing, and a translation takes minutes there and gains little.
    """
    if config.accelerate != AUTO:
        return (COMPILE if config.compile else config.accelerate,)
    if worker.device.type != "cuda":
        return (NONE,)
    if worker.count == 1:
        return (NONE, GRAPHS) if config.recompute_activations else (NONE, GRAPHS, COMPILE)
    # A process that fails where the others wait for its gradients would stop them all.
    if config.recompute_activations or not all(worker.gather(translates(worker.device))):
        return (NONE,)
    return (NONE, COMPILE)


def translates(device: torch.device) -> bool:
    """Return whether ``torch.compile`` works on a device, tried on a small function and its gradient."""
    try:
        values = torch.ones(8, device=device, requires_grad=True)
        torch.compile(lambda x: (x * x).sum())(values).backward()
    except Exception as error:
        # A missing compiler has many names.
        _left_out(COMPILE, error)
        return False
    return True


def _left_out(name: str, error: Exception) -> None:
    _log.warning("acceleration %s is left out: %s: %s", name, type(error).__name__, first_line(error)[:200])


def compiled(network: nn.Module, *, recorded: bool) -> nn.Module:
    """Return a network that ``torch.compile`` translates at its first step; ``recorded`` starts its kernels together."""
    found: Any = torch.compile(network, mode="reduce-overhead") if recorded else torch.compile(network)
    translated: nn.Module = found
    return translated


def fastest(ways: Mapping[str, Callable[[], object]], worker: Worker) -> str:
    """Return the way whose steps take least time, over all processes; a way that fails is left out and logged.

    The first way is the step as it stands, whose failures are those of the training.
    """
    seconds: dict[str, float] = {}
    for name, step in ways.items():
        try:
            taken = _median_seconds(step, worker.device)
        except Exception as error:
            if name == NONE:
                raise
            # A missing compiler or an operator that cannot be recorded: the training goes on without.
            _left_out(name, error)
            taken = math.inf
        seconds[name] = max(worker.gather(taken))
    chosen = min(seconds, key=lambda name: seconds[name])
    told = ", ".join(f"{name} {1e3 * taken:.1f} ms" for name, taken in seconds.items() if taken < math.inf)
    _log.info("acceleration %s is the fastest of %s", chosen, told)
    return chosen


def _median_seconds(step: Callable[[], object], device: torch.device) -> float:
    taken = []
    for _ in range(WARM_UPS + TIMED_STEPS):
        synchronise(device)
        began = time.perf_counter()
        step()
        synchronise(device)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[WARM_UPS:])


class RecordedFunction:
    """A function of a batch whose kernels are recorded for one set of shapes; each call copies a batch and runs them.

    Args:
        function: takes the batch, and returns one tensor.
        batch: gives the shapes, and the values of the recording.
        device: does the work.
    """

    def __init__(
        self, function: Callable[[Mapping[str, Tensor]], Tensor], batch: Mapping[str, Tensor], device: torch.device
    ) -> None:
        self._held = {name: torch.empty_like(value, device=device).copy_(value) for name, value in batch.items()}
        self._again, self._output = record_cuda_graph(lambda: function(self._held), device)

    def fits(self, batch: Mapping[str, Tensor]) -> bool:
        """Return whether a batch has the shapes of the recording."""
        return all(value.shape == batch[name].shape for name, value in self._held.items())

    def __call__(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the output for a batch, in memory of its own: the next call overwrites that of the recording."""
        for name, value in self._held.items():
            value.copy_(batch[name], non_blocking=True)
        self._again()
        return self._output.clone()


def record_cuda_graph(function: Callable[[], T], device: torch.device) -> tuple[Callable[[], None], T]:
    """Record the kernels of a function of tensors that stay where they are, after runs that warm it up.

    Returns the way to run them again, and the result whose memory each run fills.
    """
    beside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    beside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(beside):
        for _ in range(WARM_UPS):
            function()
    torch.cuda.current_stream(device).wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = function()
    return graph.replay, output


class RecordedNetwork(nn.Module):
    """A network in evaluation whose kernels are recorded for the shape of its first batch; others pass as they are.

    Its weights may change in place.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.network = network
        self._device = device
        self._recorded: RecordedFunction | None = None

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to heatmaps (B, K, h, w)."""
        batch = {"image": images}
        if self._recorded is None and not self.training:
            self._recorded = RecordedFunction(self._heatmaps, batch, self._device)
        if self.training or self._recorded is None or not self._recorded.fits(batch):
            return self._heatmaps(batch)
        return self._recorded(batch)

    def _heatmaps(self, batch: Mapping[str, Tensor]) -> Tensor:
        heatmaps: Tensor = self.network(batch["image"])
        return heatmaps


@contextlib.contextmanager
def statistics_kept(network: nn.Module) -> Iterator[None]:
    """Give a network its running statistics back after the block, in which it only tries something."""
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(network.buffers(), before, strict=True):
            buffer.copy_(value)
