"""The page of a data set: one HTML file without scripts, which loads nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from analysis.data_page.augmented import inputs_of
from analysis.data_page.gallery import LabelledPicture, caption_of, choose_people, labelled_picture, seen_from_behind
from analysis.data_page.inspection import Inspection
from analysis.data_page.reading import SplitData
from analysis.data_page.tables import (
    histograms,
    keypoint_bars,
    overview,
    pairs_table,
    shared_table,
    suspicious_table,
)
from analysis.errors.drawing import COLOURS
from analysis.report.elements.people import Shown
from analysis.templates import template_environment, template_text
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_text
from search_spaces.families.architecture import format_size, resized
from search_spaces.registry import DEFAULT_FAMILY
from search_spaces.training_config import TrainConfig
from trainers.data.formats.data_format import FORMATS
from trainers.data.samples.datasets import augmentation_of, codec_for

GENERATOR = "dite-search data show"
"""The mark of a page of this program, looked for before a page is replaced."""
HEAD_BYTES = 1000
"""Bytes of a page among which `GENERATOR` stands."""
MOST_SUSPICIOUS, MOST_BEHIND = 12, 12
"""People drawn of each split whose sides contradict each other, and who are labelled as seen from behind."""
MOST_ROWS = 50
MAX_CHARACTERS = 4_000_000
LEARNED_FROM = ("train", "trainval")
"""Splits whose people are varied before a network gets them."""


@dataclass(frozen=True, kw_only=True)
class PersonRow:
    """A person with names, and the same person as the network gets them."""

    labelled: LabelledPicture
    inputs: Sequence[Shown]

    @property
    def size(self) -> int:
        """Characters that the pictures take on the page."""
        return len(self.labelled.uri) + sum(len(shown.uri) for shown in self.inputs)


@dataclass(frozen=True, kw_only=True)
class SplitGallery:
    """The people of one split in pictures."""

    split: str
    is_learned_from: bool
    suspicious: Sequence[LabelledPicture]
    behind: Sequence[LabelledPicture]
    people: Sequence[PersonRow]

    @property
    def size(self) -> int:
        """Characters that the pictures take on the page."""
        plain = sum(len(picture.uri) for picture in (*self.suspicious, *self.behind))
        return plain + sum(row.size for row in self.people)


def check_output(path: Path) -> None:
    """Refuse a place where a page cannot be written or another file lies; an earlier page may be replaced.

    Raises:
        InvalidInput: the path is a folder, its folder is missing, or it holds something else.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise InvalidInput(f"--output must be a file in a folder that is there, got {path}")
    if not path.exists():
        return
    with path.open("rb") as file:
        begins = file.read(HEAD_BYTES)
    if GENERATOR.encode() not in begins:
        raise InvalidInput(f"--output must be new or an earlier page of data show, but {path} holds something else")


def split_gallery(found: Inspection, split: SplitData, *, people: int, seed: int) -> SplitGallery:
    """Draw the people of a split: ``people`` chosen with ``seed``, and those whose sides look wrong."""
    keypoint_set, input_size = found.data.keypoint_set, found.input_size
    broken = {image.path for image in found.broken[split.name]}
    sides = found.sides[split.name]
    config = TrainConfig(**FORMATS[found.data.format].training)
    codec = codec_for(resized(DEFAULT_FAMILY.architecture(), input_size=input_size, keypoints=keypoint_set.count), config)
    chosen = choose_people(split, people, np.random.default_rng(seed), broken)
    is_learned_from = split.name in LEARNED_FROM
    inputs = inputs_of(
        [split.people[row] for row in chosen],
        codec,
        keypoint_set=keypoint_set,
        augmentation=augmentation_of(config, keypoint_set) if is_learned_from else None,
        seed=seed,
        on_orientation=found.data.on_orientation,
    )

    def drawn(row: int, words: str = "") -> LabelledPicture:
        person = split.people[row]
        return labelled_picture(
            person, keypoint_set, input_size, caption_of(split, person) + words, on_orientation=found.data.on_orientation
        )

    suspicious = [row for row in sides.suspicious if split.people[row].image_path not in broken][:MOST_SUSPICIOUS]
    has_faces = bool((sides.face != 0).any())
    behind = [] if has_faces else seen_from_behind(split, sides, MOST_BEHIND, broken)
    return SplitGallery(
        split=split.name,
        is_learned_from=is_learned_from,
        suspicious=[drawn(row, ": " + "; ".join(map(str, sides.conflicts[row]))) for row in suspicious],
        behind=[drawn(row) for row in behind],
        people=[PersonRow(labelled=drawn(row), inputs=shown) for row, shown in zip(chosen, inputs, strict=True)],
    )


def page_html(found: Inspection, galleries: Sequence[SplitGallery]) -> str:
    """Return the page; people that would make it larger than `MAX_CHARACTERS` are left out, and the page says so."""
    galleries, left_out = _within_size(galleries)
    environment = template_environment("analysis")
    config = TrainConfig(**FORMATS[found.data.format].training)
    return environment.get_template("data_page.html").render(
        found=found,
        galleries=galleries,
        left_out=left_out,
        generator=GENERATOR,
        size=format_size(found.input_size),
        half_body=config.half_body_probability > 0,
        overview=overview(found),
        keypoints=keypoint_bars(found),
        histograms=histograms(found),
        pairs=pairs_table(found.data.keypoint_set),
        suspicious=suspicious_table(found, MOST_ROWS),
        shared=shared_table(found, MOST_ROWS),
        broken=[(name, image.problem) for name, images in found.broken.items() for image in images][:MOST_ROWS],
        colours={side: f"#{red:02x}{green:02x}{blue:02x}" for side, (blue, green, red) in COLOURS.items()},
        style=Markup(template_text("analysis", "report/page.css") + template_text("analysis", "data_page.css")),
    )


def write_page(found: Inspection, galleries: Sequence[SplitGallery], path: Path) -> None:
    """Write the page, whole or not at all."""
    write_text(path, page_html(found, galleries))


def _within_size(galleries: Sequence[SplitGallery]) -> tuple[list[SplitGallery], int]:
    """Leave out people of the largest gallery until all fit; returns how many as well."""
    kept, left_out = list(galleries), 0
    while sum(gallery.size for gallery in kept) > MAX_CHARACTERS:
        largest = max(range(len(kept)), key=lambda index: sum(row.size for row in kept[index].people))
        if not kept[largest].people:
            break
        kept[largest] = dataclasses.replace(kept[largest], people=kept[largest].people[:-1])
        left_out += 1
    return kept, left_out
