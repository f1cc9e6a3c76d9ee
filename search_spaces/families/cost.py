"""The cost of an architecture in closed form: parameters and multiply-accumulates (MACs) of one forward pass.

Three conventions are told apart by name, since a figure without its convention is worthless:

``macs``
    every convolution our network executes on one image, each multiply-add counted once, bias additions not counted. This
    is what fvcore counts for the convolutions of the built network.
``macs_paper``
    the same with the additions of biases; a convolution that runs several times in one pass counts once. Batch
    normalisation, activations and the aggregation of kernels are in neither.
``flops_published``
    the operations behind the printed figures of the family's networks, by the rules of its authors' own counter
    (`search_spaces.families.family.Family.published_count`). Such figures are printed in units of 2^20 or 2^30.

A closed form is no luxury: a budget is checked, and a space of millions is looked through, without building a network.
`Tally` adds one up layer by layer; a test counts every family's built networks against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from search_spaces.common.objectives import COUNTED, named

MEGA = 1_000_000
BINARY_MEGA = 2**20
"""The unit that published figures call a million: counters print MFLOPs in units of 2^20 and GFLOPs in units of 2^30."""
_COUNTED = named(source=COUNTED)
"""Objectives that are properties of a cost."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Cost of one architecture; MACs are for one image of its input size.

    ``params`` counts every parameter, those that no output reads included, as published figures do.
    """

    params: int
    macs: int
    macs_paper: int
    flops_published: int = 0

    @property
    def mmacs(self) -> float:
        """``macs`` in millions."""
        return self.macs / MEGA

    @property
    def mmacs_paper(self) -> float:
        """``macs_paper`` in millions."""
        return self.macs_paper / MEGA

    @property
    def mflops_published(self) -> float:
        """``flops_published`` in units of 2^20, as published figures are printed."""
        return self.flops_published / BINARY_MEGA

    @property
    def objectives(self) -> dict[str, float]:
        """The costs that a search may minimise, by the names of `search_spaces.common.objectives`."""
        return {name: float(getattr(self, name)) for name in _COUNTED}

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            params=self.params + other.params,
            macs=self.macs + other.macs,
            macs_paper=self.macs_paper + other.macs_paper,
            flops_published=self.flops_published + other.flops_published,
        )


@dataclass(frozen=True, kw_only=True)
class ExtendedCost(Cost):
    """A cost beside the values of counted objectives of a user's own."""

    own: Mapping[str, float] = field(hash=False)

    @property
    def objectives(self) -> dict[str, float]:
        """The costs that a search may minimise, the user's own included."""
        return super().objectives | dict(self.own)


def extended(cost: Cost, own: Mapping[str, float]) -> Cost:
    """Return a cost beside values of the user's own objectives, where there are any."""
    counts = {name: getattr(cost, name) for name in ("params", "macs", "macs_paper", "flops_published")}
    return ExtendedCost(**counts, own=dict(own)) if own else cost


def own_values(cost: object) -> dict[str, float]:
    """Return the values of the user's own objectives that stand beside a cost."""
    return dict(cost.own) if isinstance(cost, ExtendedCost) else {}


NOTHING = Cost(params=0, macs=0, macs_paper=0, flops_published=0)


@dataclass(frozen=True, kw_only=True)
class PartCost:
    """The cost of one part of a network, all its ``times`` together.

    Args:
        stage: The number of a stage, or None for what lies before and after the stages.
        kind: The work of the part.
        branch: The parallel branch, from 0; None where the part belongs to all. A part between branches belongs to the
            branch that it leads to.
        times: How often the part occurs.
        cost: The cost of all of them.
    """

    stage: int | None
    kind: str
    branch: int | None
    times: int
    cost: Cost


def total(parts: Iterable[PartCost]) -> Cost:
    """Return the sum of the parts' costs."""
    return sum((part.cost for part in parts), NOTHING)


class Tally:
    """A running sum over layers. ``area`` is the number of output positions of a convolution.

    ``others`` are operations that only published figures count, beside multiply-accumulates of convolutions.
    """

    __slots__ = ("bias_additions", "macs", "others", "params")

    def __init__(self) -> None:
        self.params = self.macs = self.bias_additions = self.others = 0

    def add(self, other: Tally, times: int) -> None:
        """Add ``times`` times what another holds."""
        self.params += other.params * times
        self.macs += other.macs * times
        self.bias_additions += other.bias_additions * times
        self.others += other.others * times

    def cost(self, times: int = 1) -> Cost:
        """Return the cost of ``times`` of these."""
        return Cost(
            params=self.params * times,
            macs=self.macs * times,
            macs_paper=(self.macs + self.bias_additions) * times,
            flops_published=(self.macs + self.others) * times,
        )

    def part(self, kind: str, *, stage: int | None = None, branch: int | None = None, times: int = 1) -> PartCost:
        """Return the cost as a part of a network that occurs ``times`` times."""
        return PartCost(stage=stage, kind=kind, branch=branch, times=times, cost=self.cost(times))

    def conv(self, weights: int, out_channels: int, area: int, *, kernels: int = 1) -> None:
        """Add a convolution of so many weights in each of ``kernels`` kernels, without bias, and its batch normalisation."""
        self.params += weights * kernels + 2 * out_channels
        self.macs += weights * area

    def pointwise(self, inputs: int, outputs: int, area: int, *, bias: bool, norm: bool) -> None:
        """Add a 1×1 convolution, with its batch normalisation where ``norm``."""
        self.params += inputs * outputs + (outputs if bias else 0) + (2 * outputs if norm else 0)
        self.macs += inputs * outputs * area
        self.bias_additions += outputs * area if bias else 0

    def separable(self, inputs: int, outputs: int, area: int) -> None:
        """Add a depth-wise 3×3 and a point-wise 1×1 convolution, each with its batch normalisation."""
        self.params += 9 * inputs + 2 * inputs + inputs * outputs + 2 * outputs
        self.macs += (9 * inputs + inputs * outputs) * area
