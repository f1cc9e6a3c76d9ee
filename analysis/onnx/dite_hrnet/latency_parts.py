"""The parts whose latencies add up to a network's: stem, blocks, fusions, transitions and head.

A block's branches differ in G and N independently of each other, and all their combinations are too many to measure. So a
block counts as one with G = N = 1, plus, for each branch, what its own G and N take beyond that.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import nn

from analysis.onnx.dite_hrnet.dynamic_conv import attentions, depthwise, read_kernels
from analysis.onnx.dite_hrnet.network import (
    write_block,
    write_contexts,
    write_fusion,
    write_head,
    write_stem,
    write_transition,
)
from analysis.onnx.family import Model, Part, Place
from analysis.onnx.graph import Graph, Value
from analysis.onnx.weights import Weights, arrays
from search_spaces.families.dite_hrnet.config import BRANCHES, STAGES, ArchConfig, reduced
from trainers.networks.dite_hrnet.build import build_block, build_stem
from trainers.networks.dite_hrnet.fusion import Fusion, IterativeHead, Transition

BLOCKS, BRANCH = "blocks", "G and N"
"""The kinds of a part: all blocks of a stage as if G = N = 1, and the addition for the G and N of one branch."""
AFTER_STAGES = 100
_ORDER = ("stem", "transition", BLOCKS, "fusion", BRANCH, "head")
_STAGE_FIELD = {"transition": "after", "fusion": "widths", "block": "widths"}


def parts_of(arch: ArchConfig) -> Counter[Part]:
    """How often each part occurs; a branch at G = N = 1 is taken off as often as its own G and N are counted."""
    arch = arch.canonical
    parts: Counter[Part] = Counter({_stem_part(arch): 1, _part("head", arch, ("widths", "keypoints")): 1})
    before: tuple[int, ...] = (arch.stem_width,)
    for count, modules in zip(STAGES, arch.modules, strict=True):
        widths, blocks = arch.widths[:count], modules * arch.blocks_per_module
        parts[_part("transition", arch, (), before=before, after=widths)] += 1
        parts[_part("fusion", arch, ("fusion",), widths=widths)] += modules
        parts[_block_part(arch, count)] += blocks
        for branch in range(count):
            setting = (arch.groups[branch], arch.kernels[branch]) if arch.uses_dsc else (1, 1)
            if setting != (1, 1):
                for (groups, kernels), times in ((setting, blocks), ((1, 1), -blocks)):
                    parts[_branch_part(arch, branch, groups, kernels)] += times
        before = widths
    return Counter({part: times for part, times in parts.items() if times})


def place_of(part: Part) -> Place:
    """Return where a part stands; what the G and N of a branch take stands after the stages."""
    fields = json.loads(part)
    kind = fields["kind"]
    if kind == "branch":
        return Place((AFTER_STAGES, _ORDER.index(BRANCH)), BRANCH, branch=int(fields["branch"]))
    if kind in _STAGE_FIELD:
        stage, shown = len(fields[_STAGE_FIELD[kind]]), BLOCKS if kind == "block" else kind
        return Place((stage, _ORDER.index(shown)), shown, stage=stage)
    return Place((0 if kind == "stem" else AFTER_STAGES + 1, _ORDER.index(kind)), kind)


def reference_model() -> Model:
    """Return the model of a block of Dite-HRNet-18."""
    return part_model(next(part for part in parts_of(ArchConfig()) if json.loads(part)["kind"] == "block"))


def part_model(part: Part) -> Model:
    """The ONNX model of a part with random weights, and the shapes (C, H, W) of its inputs."""
    fields = json.loads(part)
    graph = Graph()
    inputs, outputs = _WRITERS[fields["kind"]](graph, fields)
    names = [f"output_{i}" for i in range(len(outputs))]
    model: bytes = graph.model(outputs, names, {}).SerializeToString()
    return model, {value.name: value.shape for value in inputs}


def _part(kind: str, arch: ArchConfig, names: tuple[str, ...], **fields: Any) -> Part:
    values = {"kind": kind, "input_size": arch.input_size, **{name: getattr(arch, name) for name in names}, **fields}
    return json.dumps(values, sort_keys=True)


def _stem_part(arch: ArchConfig) -> Part:
    if arch.stem == "lite":
        return _part("stem", arch, ("stem", "stem_width"))
    half = arch.stem_width // 2
    attended = _tightest(arch.attention_reduction, half, half // 4) if arch.stem_kernels > 1 else 1
    names = ("stem", "stem_width", "stem_kernels", "stem_context_reduction")
    return _part("stem", arch, names, attention_reduction=attended)


def _block_part(arch: ArchConfig, count: int) -> Part:
    """A block over ``count`` branches without dynamic kernels."""
    return _part(
        "block",
        arch,
        ("context_pooling",),
        block="lite_acm" if arch.uses_acm else "lite",
        widths=arch.widths[:count],
        reductions=arch.context_reductions[:count],
        cross_reduction=_tightest(arch.cross_reduction, sum(width // 2 for width in arch.widths[:count])),
    )


def _branch_part(arch: ArchConfig, branch: int, groups: int, kernels: int) -> Part:
    width = arch.widths[branch]
    return _part(
        "branch",
        arch,
        (),
        acm=arch.uses_acm,
        branch=branch,
        width=width,
        groups=groups,
        kernels=kernels,
        reduction=arch.context_reductions[branch],
        attention_reduction=_tightest(arch.attention_reduction, width // 2 // groups) if kernels > 1 else 1,
    )


def _tightest(reduction: int, *channels: int) -> int:
    """The smallest reduction with the same bottlenecks, so that a part has one spelling."""
    wanted = [reduced(count, reduction) for count in channels]
    return next(r for r in range(1, reduction + 1) if [reduced(count, r) for count in channels] == wanted)


def _arch(fields: Mapping[str, Any]) -> ArchConfig:
    """An architecture that holds the fields of a part; its other fields do not matter to the part."""
    known = {f.name for f in dataclasses.fields(ArchConfig)}
    values = {name: value for name, value in fields.items() if name in known}
    for name, filler in (("widths", 2), ("groups", 1), ("kernels", 1)):
        own = list(values.get(name, ()))
        values[name] = own + [filler] * (BRANCHES - len(own))
    if "reductions" in fields:
        values["context_reductions"] = [*fields["reductions"], *[1] * (BRANCHES - len(fields["reductions"]))]
    return ArchConfig.from_dict(values)


def _inputs(g: Graph, arch: ArchConfig, widths: list[int]) -> list[Value]:
    sizes = arch.branch_sizes()
    return [g.input(f"branch_{i}", (width, *sizes[i])) for i, width in enumerate(widths)]


def _weights(module: nn.Module) -> Weights:
    return Weights(arrays(module))


Written = tuple[list[Value], list[Value]]


def _stem(g: Graph, fields: Mapping[str, Any]) -> Written:
    arch = _arch(fields)
    images = g.input("images", (3, *arch.input_size))
    return [images], [write_stem(g, arch, _weights(build_stem(arch)), images)]


def _transition(g: Graph, fields: Mapping[str, Any]) -> Written:
    before, after = fields["before"], fields["after"]
    inputs = _inputs(g, _arch(fields), before)
    return inputs, write_transition(g, _weights(Transition(before, after)), inputs)


def _fusion(g: Graph, fields: Mapping[str, Any]) -> Written:
    inputs = _inputs(g, _arch(fields), fields["widths"])
    weights = _weights(Fusion(fields["widths"], source=fields["fusion"])).at("paths")
    return inputs, write_fusion(g, weights, inputs, source=fields["fusion"])


def _block(g: Graph, fields: Mapping[str, Any]) -> Written:
    arch = _arch(fields)
    inputs = _inputs(g, arch, fields["widths"])
    return inputs, write_block(g, arch, _weights(build_block(arch, len(inputs))), inputs)


def _head(g: Graph, fields: Mapping[str, Any]) -> Written:
    arch = _arch(fields)
    inputs = _inputs(g, arch, list(arch.widths))
    out = write_head(g, _weights(IterativeHead(arch.widths)).at("projects"), inputs)
    return inputs, [g.conv(out, np.ones((arch.keypoints, arch.widths[0], 1, 1)), np.zeros(arch.keypoints))]


def _branch_alone(g: Graph, fields: Mapping[str, Any]) -> Written:
    """Write the work of one branch of a block after the branches have met: its convolutions and its context."""
    branch, values = fields["branch"], {**fields, "block": "dmc" if fields["acm"] else "lite_dsc"}
    for name, own, filler in (
        ("widths", "width", 2),
        ("groups", "groups", 1),
        ("kernels", "kernels", 1),
        ("reductions", "reduction", 1),
    ):
        values[name] = [fields[own] if i == branch else filler for i in range(BRANCHES)]
    arch = _arch(values)
    x = g.input("branch", (fields["width"] // 2, *arch.branch_sizes()[branch]))
    weights = _weights(build_block(arch, BRANCHES))
    kernels = [read_kernels(weights.at("convs", branch, "operations", group)) for group in range(fields["groups"])]
    (attention,) = attentions(g, [x], [kernels])
    worked = depthwise(g, x, kernels, attention)
    return [x], write_contexts(g, arch, [worked], [weights.at("contexts", branch)])


_WRITERS: dict[str, Callable[[Graph, Mapping[str, Any]], Written]] = {
    "stem": _stem,
    "transition": _transition,
    "fusion": _fusion,
    "block": _block,
    "branch": _branch_alone,
    "head": _head,
}
