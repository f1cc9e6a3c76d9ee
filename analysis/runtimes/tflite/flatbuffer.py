"""A LiteRT model in memory: tensors, constants and operators, and the flatbuffer that they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

IDENTIFIER = b"TFL3"
VERSION = 3
"""Of the format."""
ALIGNMENT = 16
"""Bytes to which the format aligns constants."""
SIGNATURE = "serving_default"
KINDS = {np.dtype(np.float32): schema.TensorType.FLOAT32, np.dtype(np.int32): schema.TensorType.INT32}
Array = NDArray[Any]


class LiteModel:
    """Tensors by their index, and operators in the order in which they are added."""

    def __init__(self) -> None:
        self._tensors: list[Any] = []
        self._buffers: list[Any] = [schema.BufferT()]
        self._codes: list[int] = []
        self._operators: list[Any] = []
        self._constants: dict[bytes, int] = {}

    def __len__(self) -> int:
        """The number of tensors."""
        return len(self._tensors)

    def tensor(self, name: str, shape: Sequence[int]) -> int:
        """The index of a new float tensor."""
        return self._tensor(name, shape, np.dtype(np.float32), 0)

    def constant(self, values: Array) -> int:
        """The index of a tensor of constants: floats in single precision, integers of 32 bits; equal ones share one."""
        kind = np.dtype(np.int32 if values.dtype.kind == "i" else np.float32)
        array = np.array(values, kind, order="C")
        key = repr((array.shape, array.dtype.str)).encode() + array.tobytes()
        if key not in self._constants:
            buffer = _AlignedBuffer(array)
            self._buffers.append(buffer)
            name = f"constant_{len(self._constants)}"
            self._constants[key] = self._tensor(name, array.shape, kind, len(self._buffers) - 1)
        return self._constants[key]

    def add(self, kind: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        """Add an operator by its name in the schema; ``options`` are those of its table, ``table`` names one of them."""
        code = getattr(schema.BuiltinOperator, kind)
        if code not in self._codes:
            self._codes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.index(code)
        operator.inputs, operator.outputs = list(inputs), list(outputs)
        table = options.pop("table", None)
        if table is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, f"{table}T")()
            for name, value in options.items():
                assert hasattr(operator.builtinOptions, name), (table, name)
                setattr(operator.builtinOptions, name, value)
        self._operators.append(operator)

    def content(self, inputs: dict[str, int], outputs: dict[str, int], description: str) -> bytes:
        """The model's file: inputs and outputs by name, which one signature holds too."""
        graph = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = "main", self._tensors, self._operators
        graph.inputs, graph.outputs = list(inputs.values()), list(outputs.values())
        signature = schema.SignatureDefT()
        signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
        signature.inputs, signature.outputs = _named(inputs), _named(outputs)
        model = schema.ModelT()
        model.version, model.description = VERSION, description
        model.operatorCodes = [_operator_code(code) for code in self._codes]
        model.subgraphs, model.buffers, model.signatureDefs = [graph], self._buffers, [signature]
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
        return bytes(builder.Output())

    def _tensor(self, name: str, shape: Sequence[int], kind: np.dtype[Any], buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), KINDS[kind], buffer
        tensor.hasRank = True
        self._tensors.append(tensor)
        return len(self._tensors) - 1


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    """A buffer whose bytes begin at a multiple of `ALIGNMENT`, which the generated class does not see to."""

    def __init__(self, array: Array) -> None:
        super().__init__()
        self._bytes = array.tobytes()

    def Pack(self, builder: Any) -> Any:  # noqa: N802
        """Write the buffer; the name is that of the generated classes."""
        size = len(self._bytes)
        builder.StartVector(1, size, ALIGNMENT)
        start = builder.Head() - size
        builder.Bytes[start : start + size] = self._bytes
        builder.head = start
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return schema.BufferEnd(builder)


def _operator_code(code: int) -> Any:
    entry = schema.OperatorCodeT()
    entry.builtinCode = code
    # Readers of before the long codes look here; 127 says that the code stands in the other field.
    entry.deprecatedBuiltinCode = min(code, 127)
    entry.version = 1
    return entry


def _named(tensors: dict[str, int]) -> list[Any]:
    entries = []
    for name, index in tensors.items():
        entry = schema.TensorMapT()
        entry.name, entry.tensorIndex = name, index
        entries.append(entry)
    return entries
