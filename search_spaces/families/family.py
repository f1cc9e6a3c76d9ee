"""`Family`: what every layer asks of a family of networks. The only other thing it sees of one is `Architecture`.

A family needs three things: the dataclass of its architectures, named networks, and the costs of its parts in closed form.
All else has a default that fits plain fields without rules between them: integers, names, and tuples written ``16-24-32``.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.architecture import Architecture, Scalar, format_size, parse_size
from search_spaces.families.cost import Cost, PartCost, total
from search_spaces.families.envelope import Envelope, Values
from search_spaces.families.parameter import Parameter, Point, format_tuple, parse_tuple
from search_spaces.families.published import PublishedFigure

SHARED = "all"
"""The unit of parameters whose rules reach over several units."""
INPUTS = (("COCO", (256, 192), 17), ("COCO", (384, 288), 17), ("MPII", (256, 256), 16))
"""Data set, input height and width, and number of keypoints of the papers' experiments."""
A = TypeVar("A", bound=Architecture)


@dataclass(frozen=True, kw_only=True)
class SpaceParts:
    """A named space: the architecture that parameters vary, and the parameters."""

    base: Architecture
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two parameters whose interaction a report shows as a table, with the letters that stand for them."""

    rows: str
    columns: str
    letters: tuple[str, str]
    note: str


class Family(ABC, Generic[A]):
    """Networks that one dataclass describes. ``architecture`` is that dataclass, and its defaults a network."""

    architecture: type[A]
    label: str
    """The name for people, as in "of the … family"."""
    field_notes: Mapping[str, str] = {}
    """The meaning of fields whose docstrings do not give it, for the reference of the search file."""
    defaults_note = "The defaults are a network of the family."
    """The sentence that precedes the table of the fields in that reference."""
    export_note = ""
    """A paragraph of an export's model card: what sets the exported graph apart from the trained network."""
    inputs: Sequence[tuple[str, tuple[int, int], int]] = INPUTS
    """Data sets, inputs and keypoints of the family's papers, at which ``complexity`` shows named networks.

    The first is the usual one: a named network of that input size takes the size that its papers have for other data.
    """
    published: Sequence[PublishedFigure] = ()
    """Rows of published tables with networks of the family."""
    published_count = "multiply-accumulates of convolutions"
    """The operations that ``flops_published`` counts for the family; families with other words are not compared by it."""
    published_giga = 1024
    """Published MFLOPs, which are in units of 2^20, in a published GFLOP of the family's papers."""
    pairs: Sequence[Pair] = ()
    """Interactions that a report shows."""
    legend = ""
    """The report's explanation of the letters and names in `outline`."""
    branch_fields: Mapping[str, str] = {}
    """Fields with a value for each parallel branch, and their headings in a report; branch b has stride 4 · 2^b."""
    coded: Mapping[str, Callable[[A], Mapping[str, float]]] = {}
    """Fields that a model of the accuracy reads as several numbers from 0 to 1, each by its name."""

    @property
    def name(self) -> str:
        """The name in files and in the registries."""
        return self.architecture.FAMILY

    @property
    def default(self) -> A:
        """The network of the fields' defaults."""
        return self.architecture()

    # What can be built

    @property
    @abstractmethod
    def presets(self) -> Mapping[str, Callable[[], A]]:
        """Named networks, at their usual input."""

    @property
    def spaces(self) -> Mapping[str, Callable[[], SpaceParts]]:
        """Named spaces."""
        return {}

    # What it costs

    @abstractmethod
    def parts(self, arch: A) -> list[PartCost]:
        """Return the costs of the parts from the input to the output, in closed form."""

    def cost(self, arch: A) -> Cost:
        """Return the cost of a network: the sum of its parts."""
        return total(self.parts(arch))

    # Parameters of a search, and their rules

    @property
    def whole_parameters(self) -> tuple[str, ...]:
        """Parameters whose values are whole tuples, written as `format_tuple` does."""
        known = self.default
        return tuple(
            field.name
            for field in dataclasses.fields(known)
            if field.name != "input_size" and isinstance(getattr(known, field.name), tuple)
        )

    @property
    def parameters(self) -> tuple[str, ...]:
        """Every flat name of an architecture's values, whole tuples with names of their own left out."""
        return tuple(self.flatten(self.default))

    @property
    def all_parameters(self) -> tuple[str, ...]:
        """Every parameter of an architecture that a space may vary."""
        return tuple(dict.fromkeys((*self.parameters, *self.whole_parameters)))

    def flatten(self, arch: A) -> dict[str, Scalar]:
        """Return every value of an architecture under a flat name, as Optuna, Ray and MLflow show it."""
        values = {field.name: getattr(arch, field.name) for field in dataclasses.fields(arch)}
        flat = {name: format_tuple(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return flat | {"input_size": format_size(arch.input_size)}

    def unflatten(self, values: Mapping[str, Scalar], base: A) -> A:
        """Return ``base`` with the values of parameters.

        Raises:
            InvalidInput: a name is no parameter, or a value breaks a rule of the architecture.
        """
        changes: dict[str, Any] = {}
        for name, value in values.items():
            if name not in self.all_parameters:
                raise unknown_name("architecture parameter", name, self.all_parameters)
            changes[name] = parse_tuple(name, value) if name in self.whole_parameters else value
        if "input_size" in changes:
            changes["input_size"] = parse_size(str(changes["input_size"]))
        return cast(A, dataclasses.replace(cast(Any, base), **changes))

    def whole_of(self, parameter: str) -> str | None:
        """Return the whole tuple that a flat name is one entry of, if it is one."""
        return None

    def values_of(self, arch: A) -> dict[str, Scalar]:
        """Return the value of every parameter of an architecture, whole tuples included."""
        return self.flatten(arch) | {name: format_tuple(getattr(arch, name)) for name in self.whole_parameters}

    @property
    def units(self) -> tuple[str, ...]:
        """Units of parameters that rules tie together, apart from `SHARED`; rules hold within a unit."""
        return ()

    def unit_of(self, parameter: str) -> str:
        """Return the unit of a parameter: one of `units`, `SHARED`, or its own name where no rule ties it to another."""
        return parameter

    def problem(self, values: Point, base: A, unit: str) -> str | None:
        """Return why the values of a unit, together with shared ones, cannot be built around ``base``; None if they can."""
        own = {name: value for name, value in values.items() if self.unit_of(name) in (SHARED, unit)}
        try:
            self.unflatten(own, base)
        except InvalidInput as error:
            return str(error)
        return None

    def check_value(self, parameter: str, value: Scalar, base: A) -> None:
        """Refuse a value that no network around ``base`` can have, whatever the other parameters are.

        Raises:
            InvalidInput: the value breaks a rule of its own.
        """
        if self.unit_of(parameter) == parameter:
            self.unflatten({parameter: value}, base)

    def entries(self, parameter: str, value: Scalar) -> dict[str, Scalar]:
        """Return the flat values that one value of a parameter decides on."""
        return {parameter: value}

    # What networks share

    def envelope(self, values: Values) -> Envelope:
        """Return what networks have in common whose flat names take these values, so that they can share weights.

        Raises:
            InvalidInput: the networks, or those of the whole family, cannot share weights; the message says why.
        """
        raise InvalidInput(f"networks of the {self.label} family cannot share weights")

    # What people read of it

    def part_labels(self, arch: A) -> Mapping[str, str]:
        """Return names for the kinds of parts in this network; a kind without one stands for itself."""
        return self.common_part_labels

    @property
    def common_part_labels(self) -> Mapping[str, str]:
        """Names for the kinds of parts that hold for every network of the family."""
        return {}

    def part_group(self, part: PartCost) -> str:
        """Return the row of a report's cost table that a part is counted in."""
        return "before and after the stages" if part.stage is None else f"stage {part.stage}"

    def outline(self, arch: A) -> str:
        """Return what sets networks of the family apart, in one line."""
        shown = {name: value for name, value in self.flatten(arch).items() if name not in ("input_size", "keypoints")}
        return "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())

    def diagram(self, arch: A, width: int) -> list[str]:
        """Return the network as a picture in text of at most ``width`` columns; no lines where there is no picture."""
        return []

    def block_sentence(self, arch: A) -> str:
        """Return a sentence that says what a block is made of; empty where there is none."""
        return ""

    def branch_settings(self, arch: A) -> list[tuple[str, list[str]]]:
        """Return what sets parallel branches apart: a name, and a text for each branch; none for a single branch."""
        return []

    def branch_costs(self, arch: A) -> list[Cost]:
        """Return what the blocks of each branch cost, for the same table."""
        return []
