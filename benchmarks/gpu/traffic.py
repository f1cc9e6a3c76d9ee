"""The least work of a step: bytes that its operators read and write, and multiply-accumulates of its convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu.timing import Step


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of one step: operators that are no views, the bytes of their tensors, and multiply-accumulates."""

    operators: int
    bytes: int
    macs: int


def work_of(step: Step) -> Work:
    """Run a step and count what it does."""
    with FlopCounterMode(display=False) as flops, _Traffic() as traffic:  # type: ignore[no-untyped-call]
        step()
    # The counter takes a multiplication and an addition for two.
    return Work(operators=traffic.operators, bytes=traffic.bytes, macs=flops.get_total_flops() // 2)


class _Traffic(TorchDispatchMode):  # type: ignore[misc]
    """Adds up the bytes of the tensors that each operator reads or writes; views move none."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operators = self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.operators += 1
            self.bytes += sum(tensor.nbytes for tensor in tensors_in((args, out)))
        return out


def tensors_in(values: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested lists and tuples."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from tensors_in(value)
