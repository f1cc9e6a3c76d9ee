"""The runtimes by their names: the only file that knows all of them."""

from __future__ import annotations

import importlib
from functools import cache

from analysis.runtimes.runtime import Runtime
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import CONVERTED, ONNX


@cache
def runtime_named(name: str) -> Runtime:
    """Return a runtime that is installed.

    Raises:
        InvalidInput: there is none of that name, or it is not installed.
    """
    if name not in CONVERTED:
        raise InvalidInput(f"runtime must be one of {', '.join((ONNX, *CONVERTED))}, got {name!r}")
    runtime: Runtime = importlib.import_module(f"analysis.runtimes.{name}").RUNTIME
    runtime.require()
    return runtime
