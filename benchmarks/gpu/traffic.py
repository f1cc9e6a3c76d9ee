"""The least work of a step: the bytes that its operators read and write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.gpu.timing import Step


@dataclass(frozen=True, kw_only=True)
class Work:
    """Operators of one step that are no views, and the bytes of their tensors."""

    operators: int
    bytes: int


def work_of(step: Step) -> Work:
    """Run a step and count what it does."""
    with _Traffic() as traffic:
        step()
    return Work(operators=traffic.operators, bytes=traffic.bytes)


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
