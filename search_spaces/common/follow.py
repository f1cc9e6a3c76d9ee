"""`Follow`: items of long work yielded again, so that whoever waits for it sees how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")
Yielded = TypeVar("Yielded", covariant=True)


class Parts(Protocol[Yielded]):
    """Parts whose number is known before the first."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Yielded]: ...


class Follow(Protocol):
    """Yields the items of some work again, and may show how far the work is."""

    def __call__(self, items: Sequence[T], /) -> Iterable[T]:
        """Yield each item, whose work is done when the next one is asked for."""

    def within(self, parts: Parts[T], /) -> Iterable[T]:
        """Yield the parts of the present item."""


class _Unseen:
    """Work that nobody watches."""

    def __call__(self, items: Sequence[T], /) -> Iterable[T]:
        return items

    def within(self, parts: Parts[T], /) -> Iterable[T]:
        return parts


UNSEEN: Follow = _Unseen()
