"""The envelope of a space of the family: its largest widths, kernels and depths, and every G and pooling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture, Scalar
from search_spaces.families.dite_hrnet.channel_sets import common_parts
from search_spaces.families.dite_hrnet.config import BRANCHES, STAGES, ArchConfig, branch_problem, reduced
from search_spaces.families.dite_hrnet.parameters import unflatten
from search_spaces.families.envelope import Envelope, Values

ONE_FOR_ALL = ("stem", "stem_width", "fusion", "input_size", "keypoints")
"""Fields in which all networks of one store are alike."""
T = TypeVar("T", bound=Scalar)


@dataclass(frozen=True, kw_only=True)
class DiteEnvelope(Envelope):
    """The sizes of the tensors that networks of the family share.

    Args:
        base: A network of the space, of which the fields `ONE_FOR_ALL` are read.
        uses_acm: Whether blocks weight by DCM and GCM.
        widths: The widths of each branch, in rising order.
        groups: Every G of each branch.
        kernels: The largest N of each branch.
        modules: The largest number of modules of each stage.
        blocks: The largest number of blocks of a module.
        poolings: The poolings of DCM.
        stem_kernels: The largest N in the stem.
        attention_reduction: The smallest reduction of kernel attention.
        context_reductions: The smallest reduction of GCM, or of spatial weighting, on each branch.
        stem_context_reduction: The smallest reduction of GCM in the stem.
        cross_reduction: The smallest reduction of DCM, or of cross-resolution weighting.
    """

    base: ArchConfig
    uses_acm: bool
    widths: tuple[tuple[int, ...], ...]
    groups: tuple[tuple[int, ...], ...]
    kernels: tuple[int, ...]
    modules: tuple[int, ...]
    blocks: int
    poolings: tuple[str, ...]
    stem_kernels: int
    attention_reduction: int
    context_reductions: tuple[int, ...]
    stem_context_reduction: int
    cross_reduction: int

    @property
    def identity(self) -> dict[str, Any]:
        """The envelope as plain values; of the base only what all networks have alike."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "base"}
        return {name: _plain(value) for name, value in self._alike(self.base).items()} | {
            name: _plain(value) for name, value in values.items()
        }

    @cached_property
    def parts(self) -> tuple[int, ...]:
        """The equal parts of each branch of which narrower branches take the beginnings; 1 where there is one width."""
        return tuple(
            common_parts(widths, groups) if len(widths) > 1 else 1
            for widths, groups in zip(self.widths, self.groups, strict=True)
        )

    def problem(self, arch: Architecture) -> str:
        """Return why a network has no place in the envelope; empty where it has one."""
        if not isinstance(arch, ArchConfig):
            return f"it is of the family {arch.FAMILY}"
        for name, value in self._alike(self.base).items():
            if self._alike(arch)[name] != value:
                return f"{name} must be {_plain(value)!r}, got {_plain(self._alike(arch)[name])!r}"
        if arch.uses_acm != self.uses_acm:
            return f"block must {'' if self.uses_acm else 'not '}weight by DCM and GCM, got {arch.block}"
        return next((text for text in (*self._branch_problems(arch), *self._size_problems(arch)) if text), "")

    def _branch_problems(self, arch: ArchConfig) -> Iterable[str]:
        own = arch.canonical
        for branch in range(BRANCHES):
            place, width, half = f"branch {branch + 1}", own.widths[branch], own.widths[branch] // 2
            yield _outside(f"width of {place}", width, self.widths[branch])
            yield _outside(f"G of {place}", own.groups[branch], self.groups[branch])
            yield _beyond(f"N of {place}", own.kernels[branch], self.kernels[branch])
            most = reduced(self.widths[branch][-1] // 2, self.context_reductions[branch])
            yield _beyond(f"context bottleneck of {place}", reduced(half, own.context_reductions[branch]), most)
            if own.kernels[branch] > 1:
                group, largest = half // own.groups[branch], self.widths[branch][-1] // 2 // own.groups[branch]
                most = reduced(largest, self.attention_reduction)
                yield _beyond(f"attention bottleneck of {place}", reduced(group, own.attention_reduction), most)

    def _size_problems(self, arch: ArchConfig) -> Iterable[str]:
        own = arch.canonical
        for stage, count, most in zip(STAGES, own.modules, self.modules, strict=True):
            yield _beyond(f"modules of stage {stage}", count, most)
            total, largest = (sum(w // 2 for w in widths[:stage]) for widths in (own.widths, self.largest_widths))
            most_hidden = reduced(largest, self.cross_reduction)
            yield _beyond(f"cross bottleneck of stage {stage}", reduced(total, own.cross_reduction), most_hidden)
        yield _beyond("blocks of a module", own.blocks_per_module, self.blocks)
        if own.uses_acm:
            yield _outside("pooling", own.context_pooling, self.poolings)
        yield _beyond("N of the stem", own.stem_kernels, self.stem_kernels)
        if own.stem == "dgc":
            half = own.stem_width // 2
            hidden = reduced(half, own.stem_context_reduction)
            yield _beyond("context bottleneck of the stem", hidden, reduced(half, self.stem_context_reduction))
        if own.stem_kernels > 1:
            hidden = reduced(own.stem_width // 2, own.attention_reduction)
            most_hidden = reduced(own.stem_width // 2, self.attention_reduction)
            yield _beyond("attention bottleneck of the stem", hidden, most_hidden)

    @property
    def largest_widths(self) -> tuple[int, ...]:
        """The largest width of each branch."""
        return tuple(widths[-1] for widths in self.widths)

    @staticmethod
    def _alike(arch: ArchConfig) -> dict[str, Any]:
        return {name: getattr(arch, name) for name in ONE_FOR_ALL}


def envelope_of(values: Values) -> DiteEnvelope:
    """Return the envelope of networks whose flat names take these values.

    Raises:
        InvalidInput: the networks cannot share weights; the message says why.
    """
    for name in ONE_FOR_ALL:
        if len(set(values[name])) > 1:
            raise InvalidInput(f"{name} must be one for all networks that share weights, got {_listed(values[name])}")
    # A block with DSC on one side of the values only is a block whose G and N are 1 there.
    blocks = [dataclasses.replace(ArchConfig(), block=str(block), groups=(1,) * BRANCHES) for block in values["block"]]
    if len({block.uses_acm for block in blocks}) > 1:
        raise InvalidInput(
            "block must weight by DCM and GCM in all networks that share weights, or in none,"
            f" got {_listed(values['block'])}"
        )
    plain = (1,) if any(not block.uses_dsc for block in blocks) else ()
    split = any(block.uses_dsc for block in blocks)

    def of_branches(name: str) -> list[list[int]]:
        return [_integers(values[f"{name}_branch{branch + 1}"]) for branch in range(BRANCHES)]

    widths = tuple(map(tuple, of_branches("width")))
    groups = [sorted({*plain, *(given if split else ())}) for given in of_branches("groups")]
    built = tuple(
        tuple(g for g in own if not all(branch_problem(width, g, branch) for width in widths[branch]))
        for branch, own in enumerate(groups)
    )
    base = unflatten({name: values[name][0] for name in (*ONE_FOR_ALL, "block")}, ArchConfig(groups=(1,) * BRANCHES))
    envelope = DiteEnvelope(
        base=base,
        uses_acm=blocks[0].uses_acm,
        widths=widths,
        groups=built,
        kernels=tuple(max([1, *(given if split else ())]) for given in of_branches("kernels")),
        modules=tuple(max(_integers(values[f"modules_stage{stage}"])) for stage in STAGES),
        blocks=_most("blocks_per_module", values),
        poolings=tuple(sorted(map(str, set(values["context_pooling"])))) if blocks[0].uses_acm else (),
        stem_kernels=_most("stem_kernels", values) if base.stem == "dgc" else 1,
        attention_reduction=_most("attention_reduction", values, min),
        context_reductions=tuple(map(min, of_branches("context_reduction"))),
        stem_context_reduction=_most("stem_context_reduction", values, min),
        cross_reduction=_most("cross_reduction", values, min),
    )
    for branch, parts in enumerate(envelope.parts):
        if not parts:
            raise InvalidInput(
                f"widths of branch {branch + 1} must have a common divisor that is a multiple of 2G for every G to share"
                f" weights, got widths {_listed(widths[branch])} and G {_listed(built[branch])}"
            )
    return envelope


def _most(name: str, values: Values, choose: Callable[[list[int]], int] = max) -> int:
    return choose(_integers(values[name]))


def _integers(values: Sequence[Scalar]) -> list[int]:
    return sorted({int(value) for value in values})


def _listed(values: Iterable[Scalar]) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))


def _plain(value: Any) -> Any:
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _outside(name: str, value: T, known: Sequence[T]) -> str:
    return "" if value in known else f"{name} must be one of {_listed(known)}, got {value}"


def _beyond(name: str, value: int, most: int) -> str:
    return "" if value <= most else f"{name} must be at most {most}, got {value}"
