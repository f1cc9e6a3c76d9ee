"""`Runtime`: a program that runs networks, what it reads, and how a network becomes that."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import nn

from analysis.onnx.export import onnx_bytes
from analysis.runtimes.forms import FORMS
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture

Images = NDArray[np.float32]
"""Normalised images (B, 3, H, W)."""
Heatmaps = NDArray[np.float32]
"""(B, K, h, w)."""
PACKAGE = "dite-search"


@dataclass(frozen=True, kw_only=True)
class Static:
    """A network for one image at a time.

    Args:
        model: The ONNX model of its static form.
        network: The network itself, for converters that read no ONNX.
        input_size: The height and width of an image.
    """

    model: bytes
    network: nn.Module
    input_size: tuple[int, int]


def static_form(arch: Architecture, network: nn.Module, keypoints: Sequence[str] = ()) -> Static:
    """Return the static form of a network; ``keypoints`` are the names of its heatmaps where they are known."""
    model = onnx_bytes(arch, network, keypoints, static=True)
    return Static(model=model, network=network, input_size=arch.input_size)


class Runner(Protocol):
    """An open network: one image (1, 3, H, W) to its heatmaps (1, K, h, w)."""

    def __call__(self, images: Images) -> Heatmaps: ...


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """A runtime beside ONNX Runtime, installed by an extra of this package.

    Args:
        name: Its name in options and search files, and the name of its extra.
        distribution: The package whose version is the runtime's.
        needed: The modules that convert and run a network.
        convert: Writes a network as files of this stem in a folder, in single precision.
        open: Opens the first file with so many threads; None where nothing on this system can run it.
        quantise: Writes the same in int8, calibrated on images (3, H, W); None where the runtime has no such tool in Python.
        why_no_int8: The reason, where it has none.
    """

    name: str
    distribution: str
    needed: tuple[str, ...]
    convert: Callable[[Static, Path, str], None]
    open: Callable[[Path, int], Runner] | None
    quantise: Callable[[Static, Path, str, Iterable[Images]], None] | None = None
    why_no_int8: str = ""

    @property
    def label(self) -> str:
        """Its name in texts."""
        return FORMS[self.name].label

    @property
    def files(self) -> tuple[str, ...]:
        """The endings of the files of a network; the first is the one that is opened."""
        return FORMS[self.name].endings

    @property
    def version(self) -> str:
        """Its name and version, as a measurement names it."""
        return f"{self.label} {metadata.version(self.distribution)}"

    def require(self) -> None:
        """Refuse, with InvalidInput, a runtime that is not installed."""
        missing = [module for module in self.needed if importlib.util.find_spec(module) is None]
        if missing:
            raise InvalidInput(
                f"{self.label} needs the Python module {missing[0]}, which is not installed: "
                f"pip install '{PACKAGE}[{self.name}]'"
            )

    def paths(self, folder: Path, stem: str) -> list[Path]:
        """The files of a network of this stem."""
        return [folder / f"{stem}{ending}" for ending in self.files]


@contextmanager
def quiet() -> Iterator[None]:
    """Without what a tool and its native code write to standard output and standard error: progress and advice."""
    streams = {1: sys.stdout, 2: sys.stderr}
    for stream in streams.values():
        stream.flush()
    kept = {number: os.dup(number) for number in streams}
    silent = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in streams:
            os.dup2(silent, number)
        with open(os.devnull, "w", encoding="utf-8") as text, redirect_stdout(text), redirect_stderr(text):
            yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(silent)


def as_batch(run: Callable[[Images], Any]) -> Runner:
    """A runner for any number of images from one for a single image."""

    def together(images: Images) -> Heatmaps:
        return np.concatenate([run(np.ascontiguousarray(images[row : row + 1])) for row in range(len(images))])

    return together
