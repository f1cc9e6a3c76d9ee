"""Checkpoints in the key layout of the published networks: infer the architecture, translate the keys, load the weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import BRANCHES, STAGES, ArchConfig, reduced
from trainers.networks.dite_hrnet.build import build_network
from trainers.networks.dite_hrnet.network import PoseNetwork

_COMMON_RULES = (
    (r"^stem\.entry\.", "backbone.stem.conv1."),
    (r"^stem\.first\.", "backbone.stem.branch1."),
    (r"^stages\.(\d)\.transition\.kept\.", r"backbone.transition\1."),
    (r"^stages\.(\d)\.fused_modules\.(\d+)\.", r"backbone.stage\1.\2."),
    (r"^head\.", "backbone.head_layer."),
    (r"^final\.", "keypoint_head.final_layer."),
    (r"\.blocks\.", ".layers."),
    (r"\.fusion\.paths\.", ".fuse_layers."),
    (r"\.attention\.reduce\.", ".attention.conv1."),
    (r"\.attention\.expand\.", ".attention.conv2."),
    (r"\.channel_attention\.reduce\.", ".channel_attention.0."),
    (r"\.channel_attention\.bn\.", ".channel_attention.1."),
    (r"\.channel_attention\.expand\.", ".channel_attention.3."),
    (r"\.mask\.", ".conv_mask."),
    (r"\.kernels$", ".aggregation.weight"),
    (r"\.convs\.(\d)\.operations\.(\d+)\.", r".conv.\1.conv.\2."),
    (r"\.project\.conv\.", ".0."),
    (r"\.project\.bn\.", ".1."),
    (r"(head_layer\.projects\.\d)\.(depthwise|pointwise)\.", r"\1.\2_conv."),
    (r"\.depthwise\.conv\.", ".0."),
    (r"\.depthwise\.bn\.", ".1."),
    (r"\.pointwise\.conv\.", ".2."),
    (r"\.pointwise\.bn\.", ".3."),
)
_ACM_RULES = (
    (r"\.cross\.masks\.", ".dcm.conv_mask."),
    (r"\.cross\.", ".dcm."),
    (r"\.contexts\.", ".gcm."),
)
_WEIGHTING_RULES = (
    (r"\.cross\.(reduce|expand)\.", r".cross_resolution_weighting.\1.conv."),
    (r"\.cross\.(reduce|expand)_bn\.", r".cross_resolution_weighting.\1.bn."),
    (r"\.contexts\.(\d)\.(reduce|expand)\.", r".spatial_weighting.\1.\2.conv."),
    (r"(weighting\.(?:\d\.)?)reduce\.", r"\1conv1."),
    (r"(weighting\.(?:\d\.)?)expand\.", r"\1conv2."),
)
_STATIC_CONV_RULES = ((r"\.convs\.(\d)\.operations\.0\.", r".depthwise_convs.\1."),)
_DGC_RULES = ((r"^stem\.second\.", "backbone.stem.branch2."),)
_LITE_STEM_RULES = (
    (r"^stem\.second\.0\.", "backbone.stem.expand_conv."),
    (r"^stem\.second\.1\.", "backbone.stem.depthwise_conv."),
    (r"^stem\.second\.2\.", "backbone.stem.linear_conv."),
)


def released_key(key: str, arch: ArchConfig) -> str:
    """The name in the published layout of a parameter or buffer of ours."""
    transition = re.match(r"^stages\.(\d)\.transition\.new\.", key)
    if transition:
        stage = int(transition[1])
        key = f"backbone.transition{stage}.{stage + 1}.0." + key[transition.end() :]
    rules = (
        *(_ACM_RULES if arch.uses_acm else _WEIGHTING_RULES),
        *(_STATIC_CONV_RULES if arch.block == "lite" else ()),
        *(_DGC_RULES if arch.stem == "dgc" else _LITE_STEM_RULES),
        *_COMMON_RULES,
    )
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key


def infer_arch(shapes: Mapping[str, tuple[int, ...]], *, input_size: tuple[int, int] = (256, 192)) -> ArchConfig:
    """The architecture a published state dict holds, from its keys and shapes.

    Input size and context pooling leave no trace in the weights: the size is the argument's, the pooling ``released``.

    Raises:
        InvalidInput: a key the inference needs is missing, or the shapes belong to no network of the family.
    """

    def shape(key: str) -> tuple[int, ...]:
        if key not in shapes:
            raise InvalidInput(f"key {key!r} is missing")
        if len(shapes[key]) < 4:
            raise InvalidInput(f"key {key!r} must have the four dimensions of a convolution, got {shapes[key]}")
        return shapes[key]

    def count(pattern: str) -> int:
        """How many parts are numbered in the keys: by the highest number, so that a missing key is named later on."""
        return max((int(match[1]) + 1 for match in (re.match(pattern, key) for key in shapes) if match), default=0)

    widths = tuple(shape(f"backbone.head_layer.projects.{3 - i}.depthwise_conv.conv.weight")[0] for i in range(BRANCHES))
    halves = [width // 2 for width in widths]
    stem_width = shape("backbone.stem.conv1.conv.weight")[0]
    dgc = any(key.startswith("backbone.stem.branch2.") for key in shapes)
    block = "backbone.stage2.0.layers.0"
    acm = f"{block}.dcm.conv_mask.0.weight" in shapes
    dsc = f"{block}.conv.0.conv.0.bn.weight" in shapes
    groups, kernels = [1] * BRANCHES, [1] * BRANCHES
    attention: list[tuple[int, int]] = []
    if dsc:
        for branch in range(BRANCHES):
            groups[branch] = count(rf"{re.escape(block)}\.conv\.{branch}\.conv\.(\d{{1,6}})\.")
            prefix = f"{block}.conv.{branch}.conv.0.conv"
            if f"{prefix}.aggregation.weight" in shapes:
                kernels[branch] = shape(f"{prefix}.aggregation.weight")[0]
                hidden, channels = shape(f"{prefix}.attention.conv1.weight")[:2]
                attention.append((channels, hidden))
    stem_kernels, stem_context = 1, 4
    if dgc:
        if "backbone.stem.branch1.0.conv.aggregation.weight" in shapes:
            stem_kernels = shape("backbone.stem.branch1.0.conv.aggregation.weight")[0]
            hidden, channels = shape("backbone.stem.branch1.0.conv.attention.conv1.weight")[:2]
            attention.append((channels, hidden))
        hidden, channels = shape("backbone.stem.branch1.1.channel_attention.0.weight")[:2]
        stem_context = _reduction("backbone.stem.branch1.1.channel_attention.0.weight", [(channels, hidden)])
    context_keys = [
        f"{block}.gcm.{branch}.channel_attention.0.weight"
        if acm
        else f"{block}.spatial_weighting.{branch}.conv1.conv.weight"
        for branch in range(BRANCHES)
    ]
    cross_keys = [
        f"backbone.stage{stage}.0.layers.0."
        + ("dcm.channel_attention.0.weight" if acm else "cross_resolution_weighting.conv1.conv.weight")
        for stage in range(len(STAGES))
    ]
    return ArchConfig(
        stem="dgc" if dgc else "lite",
        block={(True, True): "dmc", (True, False): "lite_acm", (False, True): "lite_dsc"}.get((acm, dsc), "lite"),
        fusion="after_relu" if dgc else "before_relu",
        stem_width=stem_width,
        stem_kernels=stem_kernels,
        widths=widths,
        modules=tuple(count(rf"backbone\.stage{stage}\.(\d{{1,6}})\.") for stage in range(len(STAGES))),
        blocks_per_module=count(r"backbone\.stage0\.0\.layers\.(\d{1,6})\."),
        groups=tuple(groups),
        kernels=tuple(kernels),
        attention_reduction=_reduction("attention.conv1.weight", attention),
        context_reductions=tuple(
            _reduction(key, [(channels, shape(key)[0])]) for key, channels in zip(context_keys, halves, strict=True)
        ),
        stem_context_reduction=stem_context,
        cross_reduction=_reduction(
            cross_keys[-1], [(sum(halves[:n]), shape(key)[0]) for n, key in zip(STAGES, cross_keys, strict=True)]
        ),
        input_size=input_size,
        keypoints=shape("keypoint_head.final_layer.weight")[0],
    )


def released_network(
    state: Mapping[str, Tensor], path: Path, input_size: tuple[int, int] | None = None
) -> tuple[ArchConfig, PoseNetwork]:
    """Return the architecture and the network of a published checkpoint's tensors, at COCO's 256×192 unless told otherwise.

    Raises:
        InvalidInput: a key is missing, unexpected or of another shape; the message names the path.
    """
    input_size = input_size or ArchConfig().input_size
    try:
        arch = infer_arch({key: tuple(value.shape) for key, value in state.items()}, input_size=input_size)
        network = build_network(arch)
        network.load_state_dict(translate(state, network, arch))
    except InvalidInput as error:
        raise InvalidInput(f"checkpoint {path}: {error}") from None
    return arch, network.eval()


def translate(state: Mapping[str, Tensor], network: PoseNetwork, arch: ArchConfig) -> dict[str, Tensor]:
    """A published state dict under our names, every key used once and of the right shape."""
    own = network.state_dict()
    names = {released_key(key, arch): key for key in own}
    for released, key in names.items():
        if released not in state:
            raise InvalidInput(f"key {released!r} is missing")
        if state[released].shape != own[key].shape:
            expected, got = tuple(own[key].shape), tuple(state[released].shape)
            raise InvalidInput(f"key {released!r} must have shape {expected}, got {got}")
    for released in state:
        if released not in names:
            raise InvalidInput(f"key {released!r} is unexpected")
    return {key: state[released] for released, key in names.items()}


def _reduction(key: str, channels_and_hidden: list[tuple[int, int]], usual: tuple[int, ...] = (4, 8)) -> int:
    """The reduction that gives every ``hidden`` from its ``channels``: a usual one where it fits, else the smallest."""
    largest = max((channels for channels, _ in channels_and_hidden), default=1)
    candidates: list[int] = [*usual, *range(1, largest + 1)]
    for reduction in candidates:
        if all(reduced(channels, reduction) == hidden for channels, hidden in channels_and_hidden):
            return reduction
    raise InvalidInput(f"key {key!r} has a bottleneck no whole reduction gives: {channels_and_hidden}")
