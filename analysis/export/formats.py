"""The forms of a network for runtimes beside ONNX Runtime: written, opened from their files, and timed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from analysis.export.directory import INT8_STEM, STEM
from analysis.export.parity import Parity
from analysis.profiling.latency import Latency, random_input, time_calls
from analysis.runtimes.registry import runtime_named
from analysis.runtimes.runtime import Runner, Runtime, Static
from search_spaces.common.errors import InvalidInput, first_line

LARGEST_DIFFERENCE = 1e-3
"""Of a float form, relative to the largest heatmap value; runtimes sum in orders and have exponentials of their own."""
Crops = Callable[[], Iterator[NDArray[np.float32]]]


class Formats:
    """The forms for other runtimes in the folder of an export; ``left_out`` has the reason for each that is not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, tuple[Runtime, str]] = {}
        self.left_out: dict[str, str] = {}

    def write(
        self, names: Sequence[str], static: Static, calibration: Crops | None, no_calibration: str
    ) -> dict[str, nn.Module]:
        """Write the forms of the named runtimes, and return those that run here by the names of their first files.

        A converter that fails leaves its form out. What it complained about is the reason.

        Args:
            names: The runtimes.
            static: The network.
            calibration: The images (3, H, W) for int8; None leaves int8 out.
            no_calibration: The reason, where there are none.

        Raises:
            InvalidInput: a runtime is not installed.
        """
        forms: dict[str, nn.Module] = {}
        for runtime in [runtime_named(name) for name in names]:
            forms |= self._form(runtime, STEM, partial(runtime.convert, static))
            if runtime.why_no_int8 or calibration is None:
                name = runtime.paths(self._folder, INT8_STEM)[0].name
                self.left_out[name] = runtime.why_no_int8 or no_calibration
            elif runtime.quantise is not None:
                quantise, images = runtime.quantise, calibration

                def int8(folder: Path, stem: str, quantise: Any = quantise, images: Crops = images) -> None:
                    quantise(static, folder, stem, images())

                forms |= self._form(runtime, INT8_STEM, int8)
        return forms

    @property
    def untested(self) -> list[str]:
        """The first files of forms that nothing on this system can run."""
        return [name for name, (runtime, _) in self._made.items() if runtime.open is None]

    def agreeing(self, parity: Parity, tolerance: float) -> Parity:
        """Leave out the float forms whose heatmaps are another network's, files included."""
        accepted, kept = max(LARGEST_DIFFERENCE, tolerance), []
        for form in parity.forms:
            runtime, stem = self._made.get(form.name, (None, ""))
            if runtime is None or stem == INT8_STEM or (form.max_relative_difference or 0.0) <= accepted:
                kept.append(form)
                continue
            difference = f"{form.max_relative_difference:.1e} of the largest heatmap value, accepted up to {accepted:.1e}"
            self._leave_out(form.name, f"{runtime.version} differs from the trained network by {difference}")
        return replace(parity, forms=kept)

    def timers(self, input_size: tuple[int, int], threads: int) -> dict[str, Callable[[], Latency]]:
        """A measurement of each form on one random image, by the names of the first files."""
        image = random_input((3, *input_size))
        timers: dict[str, Callable[[], Latency]] = {}
        for name, (runtime, _) in self._made.items():
            if runtime.open is not None:
                run = runtime.open(self._folder / name, threads)
                timers[name] = partial(time_calls, partial(run, image), threads=threads, runtime=runtime.version)
        return timers

    def size_of(self, name: str) -> int | None:
        """The bytes of a form's files; None for what has no file."""
        runtime, stem = self._made.get(name, (None, ""))
        paths = [self._folder / name] if runtime is None else runtime.paths(self._folder, stem)
        return sum(_bytes(path) for path in paths) or None

    def _form(self, runtime: Runtime, stem: str, make: Callable[[Path, str], None]) -> dict[str, nn.Module]:
        name = runtime.paths(self._folder, stem)[0].name
        self._made[name] = (runtime, stem)
        try:
            make(self._folder, stem)
            return {} if runtime.open is None else {name: _Ran(runtime.open(self._folder / name, 1))}
        except Exception as error:  # a converter's own errors have no common base but this one
            failed = f"the converter to {runtime.version} failed: {first_line(error)}"
            self._leave_out(name, str(error) if isinstance(error, InvalidInput) else failed)
            return {}

    def _leave_out(self, name: str, reason: str) -> None:
        runtime, stem = self._made.pop(name)
        self.left_out[name] = reason
        for path in runtime.paths(self._folder, stem):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def check_formats(names: Sequence[str]) -> None:
    """Refuse, with InvalidInput, a runtime that does not exist or is not installed."""
    for name in names:
        runtime_named(name)


class _Ran(nn.Module):
    """A runner as a module: ``module(images) -> heatmaps``."""

    def __init__(self, run: Runner) -> None:
        super().__init__()
        self._run = run

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(self._run(images.numpy()))


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
    return path.stat().st_size if path.is_file() else 0
