"""Write the export of a network, and read it back."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from analysis.demo_page.page import demo_text
from analysis.demo_page.web_runtime import read_web_runtime
from analysis.export.directory import (
    ARCH_FILE,
    CARD_FILE,
    DEMO_FILE,
    EXAMPLE_FILE,
    INT8_FILE,
    ONNX_FILE,
    PARITY_FILE,
    PROGRAM_FILE,
    RELEASED_FILE,
    WEIGHTS_FILE,
    whole_directory,
)
from analysis.export.example import example_settings, example_text
from analysis.export.formats import Formats
from analysis.export.model_card import ModelCard, card_text
from analysis.export.options import ESSENTIAL, NOT_ASKED, Parts
from analysis.export.parity import TRAINED, Parity, compare, onnx_network
from analysis.export.program import load_program, make_program, save_program
from analysis.export.quantisation import IMAGES, quantise, quantised_share
from analysis.export.released import load_released, released_problem, save_released
from analysis.export.study_data import StudyData
from analysis.onnx.export import Agreement, agreement, onnx_bytes
from analysis.onnx.graph import GraphSize, graph_size
from analysis.onnx.session import open_session
from analysis.profiling.latency import Latency, measure_latency
from analysis.runtimes.runtime import static_form
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import require_file, write_mapping
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.families.architecture import Architecture
from search_spaces.registry import load_arch
from search_spaces.training_config import TrainConfig
from trainers.data.images.orientation import APPLY
from trainers.data.keypoint_sets.fields import to_plain
from trainers.networks.registry import build_network
from trainers.networks.weights_file import recipe_said

ROUNDS = 3
ORIENTATION = "on_orientation"
"""In the metadata of the weights: the rule by which the images of the training were read."""
NO_DATA = "the export was not given the training's data"


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The files of an export, and how far each form is from the trained network."""

    directory: Path
    agreement: Agreement
    parity: Parity
    latencies: dict[str, Latency] = field(default_factory=dict)

    @property
    def onnx(self) -> Path:
        """The ONNX model."""
        return self.directory / ONNX_FILE

    @property
    def example(self) -> Path:
        """The runnable example."""
        return self.directory / EXAMPLE_FILE


def export_network(
    arch: Architecture,
    network: nn.Module,
    directory: Path,
    *,
    card: ModelCard,
    threads: int | None = None,
    parts: Parts = ESSENTIAL,
    data: StudyData | None = None,
    no_data: str = NO_DATA,
    follow: Follow = UNSEEN,
) -> Exported:
    """Write an export to a directory that does not exist, is empty, or holds an earlier export, which is replaced.

    Args:
        arch: The architecture.
        network: The trained network.
        directory: The folder of the export.
        card: The facts for the model card.
        threads: The threads with which the latency of the ONNX models is measured for the card; None measures nothing.
        parts: The forms that are made.
        data: The data of the training. Without it the parts that need it are left out, and the card says so.
        no_data: The reason why there is no data.
        follow: Shows how far the scores of the forms are.

    Raises:
        InvalidInput: the directory holds anything else, a file of onnxruntime-web is missing, or a form does not agree with
            the trained network. Nothing is left then.
    """
    web_runtime = read_web_runtime(parts.html) if parts.html else None
    network = copy.deepcopy(network).cpu().eval()
    with whole_directory(Path(directory)) as folder:
        model = onnx_bytes(arch, network, card.keypoint_set.names if card.keypoint_set else ())
        found = agreement(network, model, arch.input_size)
        if not found.holds:
            raise InvalidInput(f"the exported network must compute what the trained one does, but {found}")
        rule = data.config.on_orientation if data else APPLY
        writer = _Writer(folder, arch, network, model, parts, _reading(card) | {ORIENTATION: rule})
        data, no_data = _readable(data, parts, no_data)
        forms = writer.write(data, no_data)
        parity = compare(network, forms, arch.input_size, data, accuracy=parts.accuracy, follow=follow)
        _require_exact(parity)
        parity = writer.formats.agreeing(parity, found.tolerance)
        why_not = "" if parity.quantity else (no_data if parts.accuracy else NOT_ASKED)
        latencies = _latencies(folder, arch, threads, writer.formats)
        timed = [
            replace(form, latency=latencies.get(form.name), size=writer.formats.size_of(form.name)) for form in parity.forms
        ]
        parity = replace(
            parity,
            forms=timed,
            why_not=why_not,
            agreement=found,
            left_out=writer.left_out | writer.formats.left_out,
            untested=writer.formats.untested,
        )
        parity.write(folder / PARITY_FILE)
        settings = example_settings(
            arch,
            codec=card.codec,
            sigma=card.sigma,
            data_format=card.protocol.get("format"),
            on_orientation=rule,
            keypoint_set=card.keypoint_set,
        )
        (folder / EXAMPLE_FILE).write_text(example_text(settings), encoding="utf-8")
        if web_runtime:
            page = demo_text(model, settings, web_runtime, title=card.name)
            (folder / DEMO_FILE).write_text(page, encoding="utf-8")
        card = replace(card, latency=latencies.get(ONNX_FILE))
        text = card_text(
            arch, card, found, parity=parity, size=writer.size, quantised=writer.quantised, demo=web_runtime is not None
        )
        (folder / CARD_FILE).write_text(text, encoding="utf-8")
    return Exported(directory=Path(directory), agreement=found, parity=parity, latencies=latencies)


class _Writer:
    """Writes the forms of a network into a folder, and hands back each as it reads from its file."""

    def __init__(
        self, folder: Path, arch: Architecture, network: nn.Module, model: bytes, parts: Parts, reading: Mapping[str, str]
    ) -> None:
        self._folder, self._arch, self._network, self._model, self._parts = folder, arch, network, model, parts
        self._reading = reading
        self.left_out: dict[str, str] = {}
        self.size: GraphSize = graph_size(model)
        self.quantised: tuple[int, int] | None = None
        self.formats = Formats(folder)

    def write(self, data: StudyData | None, no_data: str) -> dict[str, nn.Module]:
        """The forms by the names of their files, in the order in which a card lists them."""
        forms = {WEIGHTS_FILE: self._weights()}
        (self._folder / ONNX_FILE).write_bytes(self._model)
        forms[ONNX_FILE] = onnx_network(self._model)
        optional = [(RELEASED_FILE, self._released_problem(), self._released)]
        optional.append((PROGRAM_FILE, "" if self._parts.program else NOT_ASKED, self._program))
        for name, problem, make in optional:
            if problem:
                self.left_out[name] = problem
            else:
                forms[name] = make()
        if not self._parts.int8:
            self.left_out[INT8_FILE] = NOT_ASKED
        elif data is None:
            self.left_out[INT8_FILE] = no_data
        else:
            try:
                forms[INT8_FILE] = self._int8(data)
            except InvalidInput as error:
                self.left_out[INT8_FILE] = str(error)
        if self._parts.formats:
            static = static_form(self._arch, self._network)
            images = None if data is None or not self._parts.int8 else partial(data.training_crops, IMAGES)
            no_images = no_data if self._parts.int8 else NOT_ASKED
            forms |= self.formats.write(self._parts.formats, static, images, no_images)
        return forms

    def _weights(self) -> nn.Module:
        write_mapping(self._folder / ARCH_FILE, self._arch.to_dict())
        state = {name: tensor.detach().contiguous() for name, tensor in self._network.state_dict().items()}
        metadata = {"format": "pt", "arch_id": self._arch.arch_id, **self._reading}
        save_file(state, self._folder / WEIGHTS_FILE, metadata=metadata)
        return load_export(self._folder)[1]

    def _released_problem(self) -> str:
        return released_problem(self._arch) if self._parts.released else NOT_ASKED

    def _released(self) -> nn.Module:
        save_released(self._folder / RELEASED_FILE, self._arch, self._network)
        return load_released(self._folder / RELEASED_FILE, self._arch)

    def _program(self) -> nn.Module:
        save_program(self._folder / PROGRAM_FILE, make_program(self._arch, self._network), self._arch)
        return load_program(self._folder / PROGRAM_FILE)

    def _int8(self, data: StudyData) -> nn.Module:
        content = quantise(self._model, data.training_crops(IMAGES))
        (self._folder / INT8_FILE).write_bytes(content)
        self.quantised = quantised_share(content)
        return onnx_network(content)


def load_export(directory: Path) -> tuple[Architecture, nn.Module]:
    """The architecture and the network, in evaluation mode, of an export's ``arch.yaml`` and ``model.safetensors``.

    Raises:
        InvalidInput: a file is missing or broken, or the two do not belong together.
    """
    from trainers.networks.load import load_weights

    arch = load_arch(Path(directory) / ARCH_FILE)
    path = Path(directory) / WEIGHTS_FILE
    with _opened(path) as weights:
        arch_id = (weights.metadata() or {}).get("arch_id")
        state = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    if arch_id != arch.arch_id:
        raise InvalidInput(f"{path} must hold the weights of architecture {arch.arch_id}, got those of {arch_id}")
    network = build_network(arch)
    load_weights(network, state, str(path))
    return arch, network.eval()


def read_with(directory: Path) -> TrainConfig:
    """How the heatmaps of an exported network are read: the recipe with its codec and sigma, else the published ones.

    Raises:
        InvalidInput: ``model.safetensors`` is missing or broken, or names a codec that is none.
    """
    try:
        return recipe_said(weights_metadata(directory)) or TrainConfig()
    except ValueError as error:
        raise InvalidInput(f"{Path(directory) / WEIGHTS_FILE}: {error}") from None


def weights_metadata(directory: Path) -> Mapping[str, str]:
    """Return the metadata of an export's weights: codec, sigma, keypoints and the rule for orientations, if it says them.

    Raises:
        InvalidInput: ``model.safetensors`` is missing or broken.
    """
    with _opened(Path(directory) / WEIGHTS_FILE) as weights:
        return weights.metadata() or {}


def _reading(card: ModelCard) -> dict[str, str]:
    points = {} if card.keypoint_set is None else {"keypoints": json.dumps(to_plain(card.keypoint_set))}
    return {"codec": card.codec} | ({} if card.sigma is None else {"sigma": str(card.sigma)}) | points


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    require_file(path)
    try:
        with safe_open(path, framework="pt") as weights:
            yield weights
    except SafetensorError as error:
        raise InvalidInput(f"{path} must be a safetensors file, but: {error}") from None


def _readable(data: StudyData | None, parts: Parts, no_data: str) -> tuple[StudyData | None, str]:
    """The data, if anything needs it and it can be read, else the reason why not."""
    if data is None or not (parts.int8 or parts.accuracy):
        return None, no_data
    try:
        data.validation_crops(1)
    except InvalidInput as error:
        return None, str(error)
    return data, ""


def _require_exact(parity: Parity) -> None:
    """Refuse a file that does not give the trained network back; what is float elsewhere is held to `Agreement`.

    A program runs the same operators, so that only their order of summation may differ.
    """
    for name in (WEIGHTS_FILE, RELEASED_FILE, PROGRAM_FILE):
        form = parity.form(name)
        if form is not None and not (form.max_relative_difference or 0.0) <= 1e-4:
            raise InvalidInput(
                f"{name} must compute what the {TRAINED} does, but differs by {form.max_relative_difference:.1e} of the"
                " largest heatmap value"
            )


def _latencies(folder: Path, arch: Architecture, threads: int | None, formats: Formats) -> dict[str, Latency]:
    """Of what runs on this processor: all in turn, and the fastest of `ROUNDS`, as other programs only slow them."""
    if threads is None:
        return {}
    timers: dict[str, Callable[[], Latency]] = {}
    for name in (ONNX_FILE, INT8_FILE):
        if (folder / name).is_file():
            timers[name] = partial(measure_latency, open_session(folder / name, threads=threads), arch.input_size)
    timers |= formats.timers(arch.input_size, threads)
    times = ROUNDS if len(timers) > 1 else 1
    rounds = [{name: measure() for name, measure in timers.items()} for _ in range(times)]
    return {name: min((measured[name] for measured in rounds), key=lambda one: one.median_ms) for name in timers}
