"""How the tensors of a graph lie in a LiteRT model: with channels last, or as ONNX has them.

An order tells which ONNX dimension each dimension of the stored tensor is: (0, 2, 3, 1) of (B, C, H, W) is (B, H, W, C).
Most transpositions of the graph change the order alone and move nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.runtimes.tflite.flatbuffer import LiteModel

Order = tuple[int, ...]
Shape = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Held:
    """A tensor of the model: its index, its shape in ONNX, and the order in which it is stored."""

    index: int
    shape: Shape
    order: Order

    @property
    def stored(self) -> Shape:
        """The shape in the model."""
        return tuple(self.shape[axis] for axis in self.order)


def as_written(rank: int) -> Order:
    """The order of ONNX."""
    return tuple(range(rank))


def channels_last(rank: int) -> Order:
    """The batch, the space, and the channels."""
    return (0, *range(2, rank), 1) if rank > 1 else as_written(rank)


class Layout:
    """The tensors of a model by their names in ONNX, each in every order that was asked for."""

    def __init__(self, model: LiteModel) -> None:
        self.model = model
        self._held: dict[str, Held] = {}
        self._moved: dict[tuple[str, Order], Held] = {}

    def __getitem__(self, name: str) -> Held:
        return self._held[name]

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def hold(self, name: str, held: Held) -> None:
        """Remember where an ONNX tensor lies."""
        self._held[name] = held

    def new(self, name: str, shape: Shape, order: Order) -> Held:
        """A new tensor, remembered under its name."""
        held = self.unnamed(name, shape, order)
        self.hold(name, held)
        return held

    def unnamed(self, name: str, shape: Shape, order: Order) -> Held:
        """A new tensor that stands between two of the graph."""
        index = self.model.tensor(name, [shape[axis] for axis in order])
        return Held(index=index, shape=shape, order=order)

    def get(self, name: str, order: Order) -> int:
        """The index of a tensor in an order; it is moved where it lies otherwise, once."""
        held = self._held[name]
        if held.order == order:
            return held.index
        if (name, order) not in self._moved:
            self._moved[name, order] = self.moved(held, order, f"{name}_{''.join(map(str, order))}")
        return self._moved[name, order].index

    def moved(self, held: Held, order: Order, name: str) -> Held:
        """The same tensor in another order; where single entries alone change their place, the memory stays as it is."""
        out = self.unnamed(name, held.shape, order)
        if _larger(held.order, held.shape) == _larger(order, held.shape):
            self.reshape(held.index, out)
        else:
            permutation = np.array([held.order.index(axis) for axis in order])
            self.model.add(
                "TRANSPOSE", [held.index, self.model.constant(permutation)], [out.index], table="TransposeOptions"
            )
        return out

    def reshape(self, index: int, out: Held) -> None:
        """Read a tensor's memory in the stored shape of another."""
        shape = self.model.constant(np.array(out.stored))
        self.model.add("RESHAPE", [index, shape], [out.index], table="ReshapeOptions", newShape=list(out.stored))

    def reshaped(self, source: str, name: str, shape: Shape) -> None:
        """The same entries in the order of ONNX under another shape, moved as little as can be."""
        held = self._held[source]
        split = _split(held, shape)
        if split is None:
            out = self.new(name, shape, as_written(len(shape)))
            self.reshape(self.get(source, as_written(len(held.shape))), out)
            return
        before, after = split
        out = self.new(name, shape, _last(len(shape), after))
        self.reshape(self.get(source, _last(len(held.shape), before)), out)


def constant_as(values: NDArray[Any], order: Order) -> NDArray[Any]:
    """A constant of any rank that broadcasts to an ONNX shape, as it broadcasts to the stored one."""
    full = values.reshape((1,) * (len(order) - values.ndim) + values.shape)
    return full.transpose(order)


def _larger(order: Order, shape: Shape) -> list[int]:
    return [axis for axis in order if shape[axis] > 1]


def _last(rank: int, count: int) -> Order:
    """The order in which the dimensions 1 to ``count`` stand last."""
    return (0, *range(count + 1, rank), *range(1, count + 1))


def _split(held: Held, shape: Shape) -> tuple[int, int] | None:
    """How many dimensions behind the batch are channels, before and after a reshape that does not mix them with the space.

    None where the two are mixed, or where the tensor lies as ONNX has it and may stay so.
    """
    if held.order == as_written(len(held.shape)) and len(held.shape) > 2:
        return None
    if held.shape[0] != shape[0]:
        return None
    choices = [
        (before, after)
        for before in range(1, len(held.shape))
        for after in range(1, len(shape))
        if prod(held.shape[1 : before + 1]) == prod(shape[1 : after + 1])
    ]
    lying = [pair for pair in choices if _last(len(held.shape), pair[0]) == held.order]
    single = [pair for pair in choices if pair[1] == 1]
    return next(iter([*lying, *single]), None)
