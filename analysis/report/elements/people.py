"""The parts of the page's section on people, in words and bytes, before anything is written."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.report.elements.section import Table


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture: a WebP file, a ``caption`` to stand below it, and ``alt`` for who cannot see it."""

    webp: bytes
    caption: str
    alt: str

    @property
    def uri(self) -> str:
        """The picture as a data: URI."""
        return f"data:image/webp;base64,{base64.b64encode(self.webp).decode()}"


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Pictures under one heading; those of a ``wide`` one take the whole line."""

    title: str
    note: str
    pictures: Sequence[Shown]
    wide: bool = False

    @property
    def size(self) -> int:
        """Characters that the pictures take on the page."""
        return sum(len(picture.uri) for picture in self.pictures)


@dataclass(frozen=True, kw_only=True)
class NetworkPeople:
    """The results of one network for the people: sentences, tables and galleries."""

    title: str
    words: Sequence[str]
    tables: Sequence[Table]
    galleries: Sequence[Gallery]


@dataclass(frozen=True, kw_only=True)
class People:
    """The whole section: sentences for all, then each network."""

    words: Sequence[str]
    networks: Sequence[NetworkPeople] = ()

    @property
    def size(self) -> int:
        """Characters that all pictures take on the page."""
        return sum(gallery.size for network in self.networks for gallery in network.galleries)
