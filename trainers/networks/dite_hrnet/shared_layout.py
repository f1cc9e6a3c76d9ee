"""Where each parameter of a network stands in the weights that the networks of a space share.

Shared tensors are named by the role of a parameter, not by its name in one network. So a static kernel and the first of
several dynamic ones are one tensor. Each axis of a parameter reads some indices of its shared tensor, which are those of
`search_spaces.families.dite_hrnet.channel_sets`.

Shape legend: C channels of a branch, H half of them, N kernels, G groups of DSC, S channels of the stem.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from search_spaces.families.dite_hrnet.channel_sets import (
    Indices,
    after_split,
    anchor,
    joined,
    prefix,
    readers,
    worked,
)
from search_spaces.families.dite_hrnet.config import BRANCHES, STAGES, ArchConfig, reduced
from search_spaces.families.dite_hrnet.elastic import DiteEnvelope


@dataclass(frozen=True, kw_only=True, eq=False)
class Axis:
    """The indices (n,) that a parameter reads along one axis of ``size`` places."""

    size: int
    indices: Indices

    @classmethod
    def whole(cls, size: int) -> Axis:
        """Return the axis that is read as it is."""
        return cls(size=size, indices=prefix(size))

    @classmethod
    def first(cls, count: int, size: int) -> Axis:
        """Return the axis of inner units, of which the first are read."""
        return cls(size=size, indices=prefix(count))

    @property
    def is_whole(self) -> bool:
        """Whether every place is read, in order."""
        return self.is_prefix and len(self.indices) == self.size

    @property
    def is_prefix(self) -> bool:
        """Whether the first places are read, in order."""
        return bool(np.array_equal(self.indices, prefix(len(self.indices))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Slice:
    """The part of a shared tensor that one parameter is.

    Args:
        role: The name of the shared tensor.
        axes: The indices along each of its axes.
        shape: The shape of the parameter; a single kernel lacks the axis over N.
        is_learned: Whether the parameter has an effect, and is learned.
    """

    role: str
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    is_learned: bool = True

    @property
    def shared_shape(self) -> tuple[int, ...]:
        """The shape of the shared tensor."""
        return tuple(axis.size for axis in self.axes)


def layout_of(arch: ArchConfig, envelope: DiteEnvelope) -> dict[str, Slice]:
    """Return the slice of every parameter of a network, by the parameter's name.

    The network must have a place in the envelope.
    """
    return _Layout(arch.canonical, envelope).slices


def shared_tensors(envelope: DiteEnvelope) -> dict[str, Slice]:
    """Return a slice for each shared tensor, by its role: the union over the networks of the envelope.

    The largest network alone would lack other G and poolings, and a transition that only other widths have.
    """
    found: dict[str, Slice] = {}
    for arch in _covering(envelope):
        for part in layout_of(arch, envelope).values():
            found.setdefault(part.role, part)
    return found


def _covering(envelope: DiteEnvelope) -> Iterator[ArchConfig]:
    """Yield networks of the largest sizes which together have every part that a network of the envelope may have."""
    firsts = {envelope.widths[0][-1], next((w for w in envelope.widths[0] if w != envelope.base.stem_width), 0)} - {0}
    variants = range(max(map(len, envelope.groups)))
    for first, variant, pooling in product(sorted(firsts), variants, envelope.poolings or ("released",)):
        yield dataclasses.replace(
            envelope.base,
            block="dmc" if envelope.uses_acm else "lite_dsc",
            context_pooling=pooling,
            widths=(first, *envelope.largest_widths[1:]),
            groups=tuple(own[variant % len(own)] for own in envelope.groups),
            kernels=envelope.kernels,
            modules=envelope.modules,
            blocks_per_module=envelope.blocks,
            stem_kernels=envelope.stem_kernels,
            attention_reduction=envelope.attention_reduction,
            context_reductions=envelope.context_reductions,
            stem_context_reduction=envelope.stem_context_reduction,
            cross_reduction=envelope.cross_reduction,
        )


class _Layout:
    """The slices of one network's parameters, collected part by part."""

    def __init__(self, arch: ArchConfig, envelope: DiteEnvelope) -> None:
        self.slices: dict[str, Slice] = {}
        self._arch, self._envelope = arch, envelope
        largest = envelope.largest_widths
        places = [anchor(*sizes) for sizes in zip(arch.widths, largest, envelope.parts, strict=True)]
        channels = [worked(*pair) for pair in zip(places, largest, strict=True)]
        behind = [own[after_split(len(own), groups)] for own, groups in zip(channels, arch.groups, strict=True)]
        columns = [readers(*each) for each in zip(places, channels, arch.groups, strict=True)]
        self._halves = [width // 2 for width in largest]
        self._anchors = [Axis(size=size, indices=own) for size, own in zip(largest, places, strict=True)]
        self._columns = [Axis(size=size, indices=own) for size, own in zip(largest, columns, strict=True)]
        self._worked = [Axis(size=size, indices=own) for size, own in zip(self._halves, channels, strict=True)]
        self._behind = [Axis(size=size, indices=own) for size, own in zip(self._halves, behind, strict=True)]
        self._stem()
        before: tuple[Axis, ...] = (Axis.whole(arch.stem_width),)
        for number, (branches, modules) in enumerate(zip(STAGES, arch.modules, strict=True)):
            self._transition(f"stages.{number}.transition", number, before, tuple(self._anchors[:branches]))
            for module in range(modules):
                name = f"stages.{number}.fused_modules.{module}"
                for block in range(arch.blocks_per_module):
                    self._block(f"{name}.blocks.{block}", branches)
                self._fusion(f"{name}.fusion", branches)
            before = tuple(self._anchors[:branches])
        self._head()

    def _put(self, name: str, *axes: Axis, role: str = "", is_learned: bool = True) -> None:
        """Note a parameter, whose role is its name unless another is given."""
        shape = tuple(len(axis.indices) for axis in axes)
        self.slices[name] = Slice(role=_role(role or name), axes=axes, shape=shape, is_learned=is_learned)

    def _norm(self, name: str, channels: Axis, role: str = "") -> None:
        for part in ("weight", "bias"):
            self._put(f"{name}.{part}", channels, role=f"{role or name}.{part}")

    def _conv(self, name: str, rows: Axis, columns: Axis, side: int, role: str = "") -> None:
        sides = (Axis.whole(side), Axis.whole(side))
        self._put(f"{name}.weight", rows, columns, *sides, role=f"{role or name}.weight")

    def _pointwise(self, name: str, rows: Axis, columns: Axis) -> None:
        """Note a 1×1 ConvBn."""
        self._conv(f"{name}.conv", rows, columns, 1)
        self._norm(f"{name}.bn", rows)

    def _separable(self, name: str, rows: Axis, columns: Axis) -> None:
        self._conv(f"{name}.depthwise.conv", columns, Axis.whole(1), 3)
        self._norm(f"{name}.depthwise.bn", columns)
        self._pointwise(f"{name}.pointwise", rows, columns)

    def _dynamic(
        self, name: str, role: str, rows: Axis, columns: Axis, side: int, inputs: Axis, kernels: tuple[int, int]
    ) -> None:
        """Note a ConvBn of N kernels, of which there are so many in the network and in the store; one has no attention."""
        count, most = kernels
        shared = f"{role}.conv.kernels"
        stacked = (Axis.first(count, most), rows, columns, Axis.whole(side), Axis.whole(side))
        if count > 1:
            hidden = Axis.first(
                reduced(len(inputs.indices), self._arch.attention_reduction),
                reduced(inputs.size, self._envelope.attention_reduction),
            )
            attention, own = f"{role}.conv.attention", f"{name}.conv.attention"
            self._conv(f"{own}.reduce", hidden, inputs, 1, f"{attention}.reduce")
            self._norm(f"{own}.bn", hidden, f"{attention}.bn")
            self._conv(f"{own}.expand", stacked[0], hidden, 1, f"{attention}.expand")
            self._put(f"{own}.expand.bias", stacked[0], role=f"{attention}.expand.bias")
            self._put(f"{name}.conv.kernels", *stacked, role=shared)
        else:
            self._put(f"{name}.conv.weight", *stacked, role=shared)
            single = self.slices[f"{name}.conv.weight"]
            self.slices[f"{name}.conv.weight"] = dataclasses.replace(single, shape=single.shape[1:])
        self._norm(f"{name}.bn", rows, f"{role}.bn")

    def _attention(self, name: str, rows: Axis, columns: Axis, hidden: Axis, role: str = "") -> None:
        """Note a `ChannelAttention`; ``role`` names the part that reads, where it is one of several variants."""
        reads = role or name
        self._conv(f"{name}.reduce", hidden, columns, 1, f"{reads}.reduce")
        self._norm(f"{name}.bn", hidden, f"{reads}.bn")
        self._conv(f"{name}.expand", rows, hidden, 1)
        self._put(f"{name}.expand.bias", rows)

    def _global_context(self, name: str, channels: Axis, hidden: Axis) -> None:
        self._conv(f"{name}.mask", Axis.whole(1), channels, 1)
        self._put(f"{name}.mask.bias", Axis.whole(1))
        self._attention(f"{name}.channel_attention", channels, channels, hidden)
        self._norm(f"{name}.bn", channels)

    def _stem(self) -> None:
        """The stem is whole but for the number of its kernels and the bottleneck of its GCM."""
        width = self._arch.stem_width
        whole, half, quarter = Axis.whole(width), Axis.whole(width // 2), Axis.whole(width // 8)
        self._conv("stem.entry.conv", whole, Axis.whole(3), 3)
        self._norm("stem.entry.bn", whole)
        if self._arch.stem == "lite":
            self._separable_parts("stem.first", half, ((0, half, 3), (1, half, 1)))
            self._separable_parts("stem.second", half, ((0, whole, 1), (1, whole, 3), (2, half, 1)))
            return
        kernels, one = (self._arch.stem_kernels, self._envelope.stem_kernels), Axis.whole(1)
        for name, rows, columns, side, inputs in (
            ("stem.first.0", half, one, 3, half),
            ("stem.first.2", half, half, 1, half),
            ("stem.second.0", half, one, 3, half),
            ("stem.second.2", quarter, half, 1, half),
            ("stem.second.3", half, quarter, 1, quarter),
            ("stem.second.4", half, one, 3, half),
        ):
            self._dynamic(name, name, rows, columns, side, inputs, kernels)
        reductions = (self._arch.stem_context_reduction, self._envelope.stem_context_reduction)
        hidden = Axis.first(*(reduced(half.size, reduction) for reduction in reductions))
        for name in ("stem.first.1", "stem.second.1"):
            self._global_context(name, half, hidden)

    def _separable_parts(self, name: str, entry: Axis, parts: Sequence[tuple[int, Axis, int]]) -> None:
        """Note ConvBns one after another: 1×1 ones, and depth-wise 3×3 ones."""
        before = entry
        for number, rows, side in parts:
            self._conv(f"{name}.{number}.conv", rows, before if side == 1 else Axis.whole(1), side)
            self._norm(f"{name}.{number}.bn", rows)
            before = rows

    def _transition(self, name: str, stage: int, before: Sequence[Axis], after: Sequence[Axis]) -> None:
        # Widths are the same in all stages, so that only the stem's may change.
        if stage == 0 and self._arch.stem_width != self._arch.widths[0]:
            self._separable(f"{name}.kept.0", after[0], before[0])
        self._separable(f"{name}.new", after[-1], before[-1])

    def _block(self, name: str, branches: int) -> None:
        if self._arch.uses_acm:
            self._dense_context(f"{name}.cross", branches)
        else:
            self._cross_weighting(f"{name}.cross", branches)
        for branch in range(branches):
            self._split_conv(f"{name}.convs.{branch}", branch)
            own, half = self._behind[branch], self._halves[branch]
            hidden = Axis.first(
                reduced(len(own.indices), self._arch.context_reductions[branch]),
                reduced(half, self._envelope.context_reductions[branch]),
            )
            context = f"{name}.contexts.{branch}"
            if self._arch.uses_acm:
                self._global_context(context, own, hidden)
                continue
            for part, rows, columns in (("reduce", hidden, own), ("expand", own, hidden)):
                self._conv(f"{context}.{part}", rows, columns, 1)
                self._put(f"{context}.{part}.bias", rows)

    def _over_branches(self, branches: int, sets: Sequence[Indices]) -> Axis:
        halves = self._halves[:branches]
        return Axis(size=sum(halves), indices=joined(sets, halves))

    def _bottleneck(self, branches: int) -> Axis:
        own = sum(width // 2 for width in self._arch.widths[:branches])
        largest = sum(self._halves[:branches])
        return Axis.first(reduced(own, self._arch.cross_reduction), reduced(largest, self._envelope.cross_reduction))

    def _dense_context(self, name: str, branches: int) -> None:
        pooling = self._arch.context_pooling
        reads = f"{name}.{pooling}"
        own = [axis.indices for axis in self._worked[:branches]]
        for branch in range(branches):
            mask, role = f"{name}.masks.{branch}", f"{reads}.masks.{branch}"
            is_used = branch < branches - 1
            self._put(
                f"{mask}.weight",
                Axis.whole(1),
                self._worked[branch],
                Axis.whole(1),
                Axis.whole(1),
                role=f"{role}.weight",
                is_learned=is_used,
            )
            self._put(f"{mask}.bias", Axis.whole(1), role=f"{role}.bias", is_learned=is_used)
        # The released pooling mixes channels and positions: its outputs are pieces of memory, which have no channel.
        pooled = [prefix(len(indices)) for indices in own[:-1]] if pooling == "released" else own[:-1]
        rows, columns = self._over_branches(branches, own), self._over_branches(branches, [*pooled, own[-1]])
        attention = "channel_attention"
        self._attention(f"{name}.{attention}", rows, columns, self._bottleneck(branches), f"{reads}.{attention}")

    def _cross_weighting(self, name: str, branches: int) -> None:
        own = self._over_branches(branches, [axis.indices for axis in self._worked[:branches]])
        hidden = self._bottleneck(branches)
        for part, rows, columns in (("reduce", hidden, own), ("expand", own, hidden)):
            self._conv(f"{name}.{part}", rows, columns, 1)
            self._norm(f"{name}.{part}_bn", rows)

    def _split_conv(self, name: str, branch: int) -> None:
        """Every G has kernels of its own: a group's place decides the side of its kernels."""
        groups = self._arch.groups[branch]
        part, own = self._halves[branch] // groups, self._worked[branch].indices
        kernels = (self._arch.kernels[branch], self._envelope.kernels[branch])
        for group in range(groups):
            within = own[group * len(own) // groups : (group + 1) * len(own) // groups] - group * part
            rows = Axis(size=part, indices=within)
            role = f"{name}.of_{groups}.{group}"
            self._dynamic(f"{name}.operations.{group}", role, rows, Axis.whole(1), 2 * group + 3, rows, kernels)

    def _fusion(self, name: str, branches: int) -> None:
        for target, source in product(range(branches), repeat=2):
            path, rows = f"{name}.paths.{target}.{source}", self._anchors[target]
            if source > target:
                self._pointwise(f"{path}.project", rows, self._columns[source])
            for step in range(source, target):
                # The way down from the highest branch reads what is fused already, in the order of the next block.
                entry = self._columns[source] if step == source and source > 0 else self._anchors[source]
                last = step == target - 1
                self._separable(f"{path}.{step - source}", rows if last else self._anchors[source], entry)

    def _head(self) -> None:
        for number, branch in enumerate(reversed(range(BRANCHES))):
            self._separable(f"head.projects.{number}", self._anchors[max(branch - 1, 0)], self._anchors[branch])
        keypoints = Axis.whole(self._arch.keypoints)
        self._conv("final", keypoints, self._anchors[0], 1)
        self._put("final.bias", keypoints)


def _role(name: str) -> str:
    """Return a name that torch takes for a parameter of a module, which may hold no dots."""
    return name.replace(".", "/")
