"""The model card: what was measured, how, and how to run the network, in the README of an export."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from analysis.export.directory import INT8_FILE, INT8_STEM, ONNX_FILE, STEM
from analysis.export.parity import TRAINED, Parity
from analysis.onnx.export import INPUT, OPSET, OUTPUT, Agreement
from analysis.onnx.writers import forms_of
from analysis.profiling.latency import Latency
from analysis.runtimes.forms import FORMS
from analysis.study.labels import AP, architecture_words, conventions, learned_and_scored_on, number_words, plain, quantity
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from analysis.templates import template_environment
from search_spaces.common.objectives import format_value
from search_spaces.families.architecture import Architecture, format_size
from search_spaces.registry import cost_of, family_of
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.codecs import make_codec
from trainers.data.geometry.transforms import BOX_PADDING

if TYPE_CHECKING:
    from analysis.onnx.graph import GraphSize

LARGE_LOSS, SPEED_NOISE = 0.05, 0.10
"""A loss of accuracy that is called large, and a difference in speed that is more than noise, as fractions."""


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """The facts of a card that the network itself does not tell.

    Args:
        name: The name of the network.
        origin: One sentence on where the weights come from.
        metrics: The scores, by the names of a trial record.
        protocol: The protocol, as in the study record.
        provenance: The provenance, as in the study record.
        latency: The latency of the ONNX model, where it was measured.
        codec: The codec that reads the heatmaps.
        sigma: The deviation of the codec's Gaussian; None: the published one.
        keypoint_set: The keypoints that it finds; None: those of the format with as many.
    """

    name: str
    origin: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    protocol: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    latency: Latency | None = None
    codec: str = "msra"
    sigma: float | None = None
    keypoint_set: KeypointSet | None = None


def card_of(study: StudyRecord, record: TrialRecord) -> ModelCard:
    """The facts about one trial of a study."""
    epochs = number_words(len(record.curve), "epoch")
    recipe = dict(study.protocol.get("recipe_changes", {})) | dict(record.parameters)
    origin = f"Trial {record.number} of the search {study.name!r}, after {epochs} of training."
    if record.status is not TrialStatus.COMPLETE:
        origin += f" The trial was {record.status} before its budget was spent: its scores are of a lower fidelity."
    return ModelCard(
        name=f"{study.name}, trial {record.number}",
        origin=origin,
        metrics=record.metrics,
        protocol=study.protocol,
        provenance=study.provenance,
        codec=recipe.get("codec", "msra"),
        sigma=recipe.get("sigma"),
    )


def _shown_conventions(names: Collection[str], *, is_timed: bool) -> dict[str, str]:
    """Return the conventions behind the figures that a card shows."""
    shown = {*names, *({"latency_ms"} if is_timed else ()), *({AP} if any(name.startswith("ap") for name in names) else ())}
    return {name: words for name, words in conventions().items() if name in shown}


def card_text(
    arch: Architecture,
    card: ModelCard,
    agreement: Agreement,
    *,
    parity: Parity | None = None,
    size: GraphSize | None = None,
    quantised: tuple[int, int] | None = None,
    demo: bool = False,
) -> str:
    """The card as Markdown; text from outside is put on one line and stripped of what Markdown or HTML would act on.

    ``quantised``: the convolutions of the int8 model in int8, and all of them. ``demo``: whether demo.html is there.
    """
    environment = template_environment("analysis", autoescape=False)
    environment.filters |= {"md": markdown, "value": lambda value, name: format_value(name, value)}
    cost = cost_of(arch)
    codec = make_codec(card.codec, input_size=arch.input_size, heatmap_size=arch.heatmap_size, sigma=card.sigma)
    return environment.get_template("model_card.md").render(
        card=card,
        arch=arch,
        architecture=architecture_words(arch),
        family=family_of(arch),
        costs={"params": float(cost.params)} | cost.objectives,
        quantity=quantity,
        conventions=_shown_conventions({*card.metrics, *cost.objectives}, is_timed=card.latency is not None),
        learned_split=learned_and_scored_on(card.protocol),
        agreement=agreement,
        input_size=format_size(arch.input_size),
        heatmap_size=format_size(arch.heatmap_size),
        input_name=INPUT,
        output_name=OUTPUT,
        opset=OPSET,
        mean=arch.NORMALISATION.mean,
        std=arch.NORMALISATION.std,
        padding=BOX_PADDING,
        codec=codec,
        parity=parity,
        size=size,
        is_written=forms_of(arch.FAMILY).write is not None,
        quantised=quantised,
        demo=demo,
        verdict=int8_verdict(parity) if parity else "",
        runtimes=runtime_rows(parity) if parity else [],
        spread=_spread,
    )


def int8_verdict(parity: Parity, pair: tuple[str, str] = (ONNX_FILE, INT8_FILE)) -> str:
    """Describe the costs and gains of int8; empty where there is no int8 model.

    ``pair``: the files of the float model and of the int8 model.
    """
    float_form, int8 = (parity.form(name) for name in pair)
    if float_form is None or int8 is None:
        return ""
    sentences = []
    loss, trained = parity.loss(int8.name), parity.form(TRAINED)
    if loss is None or trained is None or float_form.accuracy is None:
        sentences.append("What it costs in accuracy was not measured.")
    else:
        name = quantity(parity.quantity)
        change = f"loses {loss:.4f}" if loss > 0 else f"gains {-loss:.4f}" if loss < 0 else "loses nothing"
        sentences.append(f"It {change} {name} against the trained network ({trained.accuracy:.4f} to {int8.accuracy:.4f}).")
        if loss > LARGE_LOSS:
            sentences.append(f"That is a large loss: use {float_form.name} unless you train for int8.")
    if float_form.latency is not None and int8.latency is not None:
        kind = _speed(int8.latency, float_form.latency)
        figures = f"{_spread(int8.latency)} against {_spread(float_form.latency)}"
        sentences.append(f"On this processor it is {kind}: {figures} (10th to 90th percentile of an image).")
        if kind == "slower":
            sentences.append(f"Use {float_form.name}, in float32, on processors like this one.")
    return " ".join(sentences)


def runtime_rows(parity: Parity) -> list[dict[str, str]]:
    """The runtimes whose files are there: files, what they are, and the verdict on the int8 model."""
    rows = []
    for form in FORMS.values():
        first = f"{STEM}{form.endings[0]}"
        if parity.form(first) is None and first not in parity.untested:
            continue
        files = ", ".join(f"`{STEM}{ending}`" for ending in form.endings)
        verdict = int8_verdict(parity, (first, f"{INT8_STEM}{form.endings[0]}"))
        rows.append({"label": form.label, "files": files, "note": form.note, "verdict": verdict})
    return rows


def _speed(int8: Latency, float32: Latency) -> str:
    """Return whether one latency is above another; spreads that overlap, and small differences, are noise."""
    ratio = int8.median_ms / float32.median_ms
    if ratio > 1 + SPEED_NOISE and int8.p10_ms > float32.p90_ms:
        return "slower"
    if ratio < 1 - SPEED_NOISE and int8.p90_ms < float32.p10_ms:
        return "faster"
    return "as fast, within noise"


def _spread(latency: Latency) -> str:
    return f"{latency.median_ms:.2f} ms ({latency.p10_ms:.2f} to {latency.p90_ms:.2f})"


def markdown(value: Any) -> str:
    """Any plain value as one line of Markdown text that can stand in a table."""
    text = " ".join(plain(value).split())
    for special in "\\`*_[]<>|#":
        text = text.replace(special, "\\" + special)
    return text
