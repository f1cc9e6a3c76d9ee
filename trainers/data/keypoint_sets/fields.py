"""Keypoint sets as plain values: the fields of ``data.keypoints``, of a YAML file, of checkpoints and of exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from trainers.data.annotations.json_fields import is_finite, shown
from trainers.data.annotations.keypoint_names import left_right_pairs, upper_body
from trainers.data.annotations.keypoints import GIVEN, KeypointSet
from trainers.data.keypoint_sets.sigmas import DEFAULT_SIGMA, DEFAULT_SOURCE

FIELDS = ("name", "names", "flip_pairs", "skeleton", "sigmas", "upper_body", "colours")
"""The fields that a user gives, all of them optional."""
KEPT_FIELDS = ("sigmas_from", "file_names")
"""The fields that a whole set has besides."""


def to_plain(keypoint_set: KeypointSet) -> dict[str, Any]:
    """Return a keypoint set as plain JSON values, keypoints by their names; `from_plain` reads them."""
    names = keypoint_set.names

    def named(pairs: Sequence[tuple[int, int]]) -> list[list[str]]:
        return [[names[a], names[b]] for a, b in pairs]

    return {
        "name": keypoint_set.name,
        "names": list(names),
        "flip_pairs": named(keypoint_set.flip_pairs) if keypoint_set.mirrors else None,
        "skeleton": named(keypoint_set.limbs),
        "sigmas": list(keypoint_set.oks_sigmas),
        "upper_body": [names[index] for index in keypoint_set.upper_body],
        "colours": list(keypoint_set.colours),
        "sigmas_from": keypoint_set.sigmas_from,
        "file_names": list(keypoint_set.file_names),
    }


def is_whole(values: Mapping[str, Any]) -> bool:
    """Whether plain values are those of `to_plain`, which need no annotation file to be completed from."""
    return all(field in values for field in (*FIELDS, *KEPT_FIELDS))


def from_plain(values: Mapping[str, Any], base: KeypointSet | None, where: str) -> KeypointSet:
    """Return the keypoint set of an annotation file, completed and overruled by plain values.

    Args:
        values: Some of `FIELDS`. ``flip_pairs`` and ``upper_body`` follow from the names where only ``names`` are given, and
            ``flip_pairs`` of ``null`` says that no image may be mirrored.
        base: The set that the file describes; None where it describes none, so that ``names`` must be given.
        where: Words for the values in messages, such as ``data.keypoints``.

    Raises:
        InvalidInput: a field breaks its rule; the message names it.
    """
    for field in values:
        if field not in (*FIELDS, *KEPT_FIELDS):
            raise unknown_name(f"field of {where}", str(field), FIELDS)
    names = _names(values["names"], base, where) if values.get("names") is not None else (base.names if base else ())
    if not names:
        raise InvalidInput(f"{where} must have names, because the annotation file has no names of keypoints")
    renamed = base is not None and names != base.names
    if "flip_pairs" in values:
        pairs = _pairs(values["flip_pairs"] or [], names, f"flip_pairs of {where}", once=True)
        mirrors = values["flip_pairs"] is not None
    elif base is None or renamed:
        pairs = left_right_pairs(names)
        mirrors = bool(pairs)
    else:
        pairs, mirrors = base.flip_pairs, base.mirrors
    limbs = base.limbs if base else ()
    if values.get("skeleton") is not None:
        limbs = _pairs(values["skeleton"], names, f"skeleton of {where}", once=False)
    sigmas, source = _sigmas(values, base, names, where)
    return KeypointSet(
        name=str(values.get("name") or (base.name if base else f"own{len(names)}")),
        names=names,
        flip_pairs=pairs,
        mirrors=mirrors,
        limbs=limbs,
        upper_body=_upper(values, base, names, where, renamed=renamed),
        oks_sigmas=sigmas,
        sigmas_from=source,
        colours=_colours(values.get("colours") or (), base, names, where),
        file_names=_file_names(values, base, names),
    )


def inferred_halves(names: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the upper half of a body that the names tell; none where they do not tell both halves."""
    upper = upper_body(names)
    return upper if len(upper) < len(names) else ()


def default_sigmas(count: int) -> tuple[tuple[float, ...], str]:
    """Return the deviations of keypoints of which nothing is known, and their source in words."""
    return (DEFAULT_SIGMA,) * count, DEFAULT_SOURCE


def _names(value: Any, base: KeypointSet | None, where: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or not all(isinstance(n, str) and n.strip() for n in value):
        raise InvalidInput(f"names of {where} must be a list of names, got {shown(value)}")
    repeated = [name for index, name in enumerate(value) if name in value[:index]]
    if repeated:
        raise InvalidInput(f"names of {where} must differ, got {repeated[0]!r} twice")
    if base is not None and len(value) != base.count:
        raise InvalidInput(
            f"names of {where} must be {base.count}, as many as the annotation file has keypoints, got {len(value)}"
        )
    return tuple(value)


def _index(value: Any, names: Sequence[str], field: str) -> int:
    """Return the place of a keypoint that a user names."""
    if value not in names:
        raise InvalidInput(f"{field} must name keypoints of the set ({', '.join(names[:5])}, ...), got {shown(value)}")
    return names.index(value)


def _pairs(value: Any, names: Sequence[str], field: str, *, once: bool) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in value):
        raise InvalidInput(f"{field} must be a list of pairs of names, got {shown(value)}")
    found = tuple((_index(a, names, field), _index(b, names, field)) for a, b in value)
    places = [index for pair in found for index in pair]
    again = [index for number, index in enumerate(places) if index in places[:number]]
    if once and again:
        raise InvalidInput(f"{field} must name each keypoint once, got {names[again[0]]!r} twice")
    if any(a == b for a, b in found):
        raise InvalidInput(
            f"{field} must be pairs of two keypoints, got {names[next(a for a, b in found if a == b)]!r} twice"
        )
    return found


def _upper(
    values: Mapping[str, Any], base: KeypointSet | None, names: Sequence[str], where: str, *, renamed: bool
) -> tuple[int, ...]:
    if values.get("upper_body") is None:
        return inferred_halves(names) if base is None or renamed else base.upper_body
    given = values["upper_body"]
    if not isinstance(given, list | tuple):
        raise InvalidInput(f"upper_body of {where} must be a list of names, got {shown(given)}")
    found = [_index(name, names, f"upper_body of {where}") for name in given]
    if len(set(found)) < len(found):
        raise InvalidInput(f"upper_body of {where} must name each keypoint once, got {shown(given)}")
    return tuple(found)


def _by_name(value: Any, names: Sequence[str], field: str) -> list[Any]:
    """Return one value for each keypoint, from a list in the order of the names or a mapping by name."""
    if isinstance(value, Mapping):
        for name in value:
            _index(name, names, field)
        missing = [name for name in names if name not in value]
        if missing:
            raise InvalidInput(f"{field} must have a value for each of {len(names)} keypoints, none for {missing[0]!r}")
        return [value[name] for name in names]
    if not isinstance(value, list | tuple) or len(value) != len(names):
        got = len(value) if isinstance(value, list | tuple) else shown(value)
        raise InvalidInput(f"{field} must be {len(names)} values, one for each keypoint, got {got}")
    return list(value)


def _sigmas(
    values: Mapping[str, Any], base: KeypointSet | None, names: Sequence[str], where: str
) -> tuple[tuple[float, ...], str]:
    if values.get("sigmas") is None:
        if base is not None and base.oks_sigmas:
            return base.oks_sigmas, base.sigmas_from
        return default_sigmas(len(names))
    given = _by_name(values["sigmas"], names, f"sigmas of {where}")
    wrong = [value for value in given if not is_finite(value) or not 0 < value <= 1]
    if wrong:
        raise InvalidInput(f"sigmas of {where} must be numbers above 0 and at most 1, got {shown(wrong[0])}")
    return tuple(map(float, given)), str(values.get("sigmas_from") or GIVEN)


def _colours(value: Any, base: KeypointSet | None, names: Sequence[str], where: str) -> tuple[str, ...]:
    if not value:
        return base.colours if base else ()
    given = _by_name(value, names, f"colours of {where}")
    if not all(isinstance(colour, str) for colour in given):
        raise InvalidInput(f"colours of {where} must be texts such as '#1f77b4', got {shown(given)}")
    return tuple(given)


def _file_names(values: Mapping[str, Any], base: KeypointSet | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the annotation file where the user's are other names."""
    if "file_names" in values:
        return tuple(values["file_names"])
    theirs = base.file_names or base.names if base else names
    return theirs if theirs != names else ()
