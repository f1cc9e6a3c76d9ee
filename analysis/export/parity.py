"""How far each form of an exported network is from the trained one: heatmaps, and accuracy on the validation set."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from analysis.export.study_data import StudyData
from analysis.onnx.export import INPUT, OUTPUT, Agreement, random_images, relative_difference
from analysis.onnx.session import open_session
from analysis.profiling.latency import Latency
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.common.objectives import OBJECTIVES, gain
from trainers.evaluation.scoring import evaluate

CROPS = 32
"""Validation crops on which heatmaps are compared, where there are any."""
RANDOM_IMAGES = 8
BATCH = 8
TRAINED = "trained network"


@dataclass(frozen=True, kw_only=True)
class Form:
    """One form of the network against the trained one.

    The differences are those of two cells of a heatmap: absolute, and as a fraction of the largest value of the trained
    network's heatmaps. Both are None for the trained network itself. ``accuracy`` None: not measured.
    """

    name: str
    max_difference: float | None = None
    max_relative_difference: float | None = None
    accuracy: float | None = None
    latency: Latency | None = None
    size: int | None = None
    """Bytes of its files; None for the trained network."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """All forms of one export.

    Args:
        forms: The forms.
        images: The images on which the heatmaps were compared, in words.
        quantity: The name of the accuracy.
        people: The number of scored people.
        protocol: The protocol of the scores.
        why_not: The reason why nobody was scored.
        agreement: The agreement of the ONNX model with torch.
        left_out: The reason for each file that was not made.
        untested: Files that were made, and that nothing on this system can run.
    """

    forms: Sequence[Form]
    images: str
    quantity: str = ""
    people: int = 0
    protocol: str = ""
    why_not: str = ""
    agreement: Agreement | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    untested: Sequence[str] = ()

    def form(self, name: str) -> Form | None:
        """The form of that name, if there is one."""
        return next((form for form in self.forms if form.name == name), None)

    def loss(self, name: str) -> float | None:
        """How much accuracy a form loses against the trained network; None where one of the two was not measured."""
        trained, form = self.form(TRAINED), self.form(name)
        if trained is None or form is None or trained.accuracy is None or form.accuracy is None:
            return None
        sign = gain(self.quantity, 1.0) if self.quantity in OBJECTIVES else 1.0
        return sign * (trained.accuracy - form.accuracy)

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def onnx_network(model: bytes | Path) -> nn.Module:
    """An ONNX model as a module: ``module(images) -> heatmaps``."""
    return _Session(open_session(model))


def compare(
    trained: nn.Module,
    forms: Mapping[str, Callable[[Tensor], Tensor] | nn.Module],
    input_size: tuple[int, int],
    data: StudyData | None,
    *,
    accuracy: bool,
    follow: Follow = UNSEEN,
) -> Parity:
    """Run the trained network and its forms on the same images, and score them where that is asked for.

    A form with the trained network's heatmaps, bit for bit, has its accuracy without being scored again.

    Args:
        trained: The trained network.
        forms: The forms by their names.
        input_size: The height and width of an image.
        data: The data of the training; None takes random images.
        accuracy: Whether forms are scored.
        follow: Shows how far the scores are.

    Raises:
        InvalidInput: the data cannot be read.
    """
    crops = data.validation_crops(CROPS) if data else None
    images = random_images(RANDOM_IMAGES, input_size, seed=0) if crops is None else crops
    expected = _heatmaps(trained, images)
    scored: float | None = None
    found: list[Form] = []
    for name in follow([TRAINED, *forms]):
        if name == TRAINED:
            scored = _score(trained, data, follow) if data and accuracy else None
            found.append(Form(name=TRAINED, accuracy=scored))
            continue
        form = forms[name]
        heatmaps = _heatmaps(form, images)
        same = np.array_equal(heatmaps, expected)
        found.append(
            Form(
                name=name,
                max_difference=float(np.abs(heatmaps - expected).max()),
                max_relative_difference=relative_difference(heatmaps, expected),
                accuracy=scored if same or scored is None or data is None else _score(form, data, follow),
            )
        )
    kind = f"{len(images)} random images" if crops is None else f"{len(images)} validation crops"
    if data is None or scored is None:
        return Parity(forms=found, images=kind)
    return Parity(
        forms=found, images=kind, quantity=data.quantity, people=len(data.validation), protocol=data.protocol_words
    )


def _heatmaps(network: Callable[[Tensor], Tensor] | nn.Module, images: Tensor) -> Any:
    with torch.inference_mode():
        return np.concatenate([network(part).numpy() for part in torch.split(images, BATCH)])


def _score(network: Any, data: StudyData, follow: Follow) -> float:
    scored = evaluate(
        network, data.validation, data.config, flip_test=data.flip_test, batch_size=BATCH, follow=follow.within
    )
    assert scored is not None, "one process has the scores"
    return scored.metrics[data.quantity]


class _Session(nn.Module):
    def __init__(self, session: Any) -> None:
        super().__init__()
        self._session = session

    def forward(self, images: Tensor) -> Tensor:
        return torch.from_numpy(self._session.run([OUTPUT], {INPUT: images.numpy()})[0])
