"""Inputs that are nearly right: files with bytes changed, and documents with values changed."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    float("inf"),
    10**30,
    "",
    "\x00",
    "../../etc/passwd",
    "/etc/passwd",
    "<script>alert(1)</script>",
    "${HOME}",
    "9" * 400,
    [],
    {},
    [[]],
    {"": None},
    [1] * 50,
)
"""Values that a careless or hostile file may hold."""


def mutated_bytes(content: bytes, chance: random.Random) -> bytes:
    """The content with a few bytes changed, taken out, put in, copied or cut off."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        if not changed:
            break
        start = chance.randrange(len(changed))
        length = min(chance.choice((1, 1, 2, 8, 64)), len(changed) - start)
        match chance.randrange(5):
            case 0:
                changed[start : start + length] = chance.randbytes(length)
            case 1:
                del changed[start : start + length]
            case 2:
                changed[start:start] = chance.randbytes(length)
            case 3:
                target = chance.randrange(len(changed))
                changed[target:target] = changed[start : start + length]
            case 4:
                del changed[start:]
    return bytes(changed)


def mutated_document(document: Any, chance: random.Random) -> Any:
    """The document with one to three of its values replaced, taken out, or put in another's place."""
    changed = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(changed))
        if not places:
            break
        holder, key = chance.choice(places)
        match chance.randrange(4):
            case 0 | 1:
                # A copy: the next change may be one of it.
                holder[key] = copy.deepcopy(chance.choice(STRANGE))
            case 2:
                del holder[key]
            case 3:
                other, source = chance.choice(places)
                if (isinstance(other, dict) and source in other) or (isinstance(other, list) and source < len(other)):
                    holder[key] = copy.deepcopy(other[source])
    return changed


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    items = (
        list(document.items())
        if isinstance(document, dict)
        else list(enumerate(document))
        if isinstance(document, list)
        else []
    )
    for key, value in items:
        yield document, key
        yield from _places(value)
