"""Limits that stand beside a field, ``Annotated[int, Bounds(1, 64)]``: one function checks them, and a page prints them.

A field says by its type whether it is an integer, a number, a truth value or a name. With ``| None`` it may be left open.
The limits of a tuple are those of each entry; it has `Length` entries where its type does not say how many.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

from search_spaces.common.errors import InvalidInput, check_all, unknown_name

KINDS = {int: "integer", float: "number", bool: "true or false", str: "text"}
"""The words for the type of a field."""


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a number, both allowed; ``entries`` says what the numbers of a tuple are."""

    low: float
    high: float
    entries: str = ""

    def __str__(self) -> str:
        return f"from {plain_number(self.low)} to {plain_number(self.high)}"


@dataclass(frozen=True)
class Choices:
    """The names that a field may have; those of a registry are its names at the time of a check."""

    names: Collection[str]

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"


@dataclass(frozen=True)
class Length:
    """The number of entries of a tuple."""

    count: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The limits of one field.

    Args:
        kind: The type of the field, or of each entry of a tuple.
        optional: Whether the field may be None.
        is_tuple: Whether the field is a tuple.
        length: The number of entries of a tuple; None for any number.
        bounds: The least and the greatest value.
        choices: The names that are allowed.
    """

    kind: type
    optional: bool
    is_tuple: bool
    length: int | None
    bounds: Bounds | None
    choices: Choices | None

    @property
    def entries(self) -> str:
        """The entries of a tuple in words."""
        return self.bounds.entries if self.bounds and self.bounds.entries else f"{KINDS[self.kind]}s"

    def __str__(self) -> str:
        kind = KINDS[self.kind]
        if self.is_tuple:
            kind = f"{self.length} {self.entries}" if self.length else f"list of {self.entries}"
        rule = str(self.choices) if self.choices else f"{kind} {self.bounds}" if self.bounds else kind
        return f"{rule}, or null" if self.optional else rule


@cache
def limits_of(cls: Any) -> Mapping[str, Limits]:
    """Return the limits of every field of a dataclass that declares some; a truth value needs none to be declared."""
    hints = get_type_hints(cls, include_extras=True)
    found = {name: _limits(hint) for name, hint in hints.items() if name in getattr(cls, "__dataclass_fields__", {})}
    return types.MappingProxyType({name: limits for name, limits in found.items() if limits})


def check_fields(instance: object) -> None:
    """Check the fields of a dataclass against their limits; by the type, integers become floats, and lists tuples.

    Raises:
        InvalidInput: fields break their rules; the message names each such field, its rule and its value.
    """
    fields = limits_of(cast(Hashable, type(instance)))
    check_all(partial(_check_field, instance, name, limits) for name, limits in fields.items())


def _check_field(instance: object, name: str, limits: Limits) -> None:
    value = getattr(instance, name)
    if value is None and limits.optional:
        return
    checked = _checked(name, value, limits)
    if checked is not value:
        object.__setattr__(instance, name, checked)


def checked_integer(name: str, value: Any, low: float, high: float) -> int:
    """Return an integer from ``low`` to ``high``, or raise `InvalidInput` with the field's name."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidInput(f"{name} must be an integer from {low} to {high}, got {value!r}")
    return value


def checked_integers(name: str, value: Any, length: int, low: float, high: float) -> tuple[int, ...]:
    """Return ``length`` integers from ``low`` to ``high``, or raise `InvalidInput` with the field's name."""
    entries = _entries(name, value, f"a list of {length} integers", length)
    return tuple(checked_integer(f"{name}[{index}]", entry, low, high) for index, entry in enumerate(entries))


def checked_number(name: str, value: Any, low: float, high: float) -> float:
    """Return a finite number from ``low`` to ``high`` as a float, or raise `InvalidInput` with the field's name."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not low <= value <= high:
        raise InvalidInput(f"{name} must be a number from {low:g} to {high:g}, got {value!r}")
    return float(value)


def _checked(name: str, value: Any, limits: Limits) -> Any:
    if limits.choices:
        if value not in limits.choices.names:
            raise unknown_name(name, str(value), limits.choices.names)
        return value
    if limits.bounds is None:
        if not isinstance(value, bool):
            raise InvalidInput(f"{name} must be true or false, got {value!r}")
        return value
    low, high = limits.bounds.low, limits.bounds.high
    check: Callable[[str, Any, float, float], float] = checked_integer if limits.kind is int else checked_number
    if not limits.is_tuple:
        return check(name, value, low, high)
    rule = f"a list of {f'{limits.length} ' if limits.length else ''}{limits.entries}"
    entries = _entries(name, value, rule, limits.length)
    return tuple(check(f"{name}[{index}]", entry, low, high) for index, entry in enumerate(entries))


def _entries(name: str, value: Any, rule: str, length: int | None) -> Sequence[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != (length or len(value)):
        raise InvalidInput(f"{name} must be {rule}, got {value!r}")
    return value


def _limits(hint: Any) -> Limits | None:
    kind, notes = (get_args(hint)[0], get_args(hint)[1:]) if get_origin(hint) is Annotated else (hint, ())
    bounds = next((note for note in notes if isinstance(note, Bounds)), None)
    choices = next((note for note in notes if isinstance(note, Choices)), None)
    is_optional = type(None) in get_args(kind)
    if is_optional:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if not (bounds or choices or kind is bool):
        return None
    length = next((note.count for note in notes if isinstance(note, Length)), None)
    is_tuple = get_origin(kind) is tuple
    if is_tuple:
        entries = get_args(kind)
        length, kind = length or (None if Ellipsis in entries else len(entries)), entries[0]
    return Limits(kind=kind, optional=is_optional, is_tuple=is_tuple, length=length, bounds=bounds, choices=choices)


def plain_number(number: float) -> str:
    """Return a limit as messages write it: integers with all their digits, others with six."""
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
