"""The data of a search: where they lie, and what is wrong with them before a trial is spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from analysis.study.learning import DataCounts
from dite_search.config.search_config import SearchConfig
from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.notes import DataNote, Severity
from trainers.data.config import DataConfig
from trainers.data.images.image_check import image_notes, orientation_notes
from trainers.data.prepared.image_source import training_pictures, validation_pictures
from trainers.data.samples.photometric import photometric_of
from trainers.data.synthetic.dataset import draw_dataset


def data_of(config: SearchConfig, console: Console | None = None) -> DataConfig:
    """Return the data set of a search; a synthetic one is drawn, once for all studies of a folder."""
    drawing = config.data.synthetic
    if drawing is not None and not root_of(config).exists():
        if console:
            console.print(f"Drawing {drawing.train_images + drawing.val_images} synthetic images in {root_of(config)}")
        try:
            draw_dataset(
                root_of(config), train_images=drawing.train_images, val_images=drawing.val_images, seed=drawing.seed
            )
        except InvalidInput:
            # Another search drew the same images meanwhile: the folder's name says what is in it.
            if not root_of(config).is_dir():
                raise
    return undrawn_data_of(config)


def undrawn_data_of(config: SearchConfig) -> DataConfig:
    """Return the data set of a search, which may have to be drawn yet; raises InvalidInput where fields contradict."""
    return config.data.data_config(root_of(config))


def root_of(config: SearchConfig) -> Path:
    """Return the folder of the data: that of the search file, or where a synthetic set is drawn."""
    section = config.data
    if section.synthetic is None:
        root = section.folder
        assert root is not None, "the search file names a root, places or a synthetic data set"
        return root
    drawing = section.synthetic
    folder = f"synthetic-{drawing.train_images}-{drawing.val_images}-{drawing.seed}"
    return config.study_directory.parent / "data" / folder


@dataclass(frozen=True, kw_only=True)
class CheckedData:
    """The remarks on data that were read, and how many people and images they hold."""

    notes: tuple[DataNote, ...] = ()
    counts: DataCounts | None = None


def check_data(config: SearchConfig, data: DataConfig) -> CheckedData:
    """Read the data as a training and its validation will, and return the remarks on them with their counts.

    Annotations of both splits are read, and every image that is scored, because no trial could do without them. Images to
    learn from are read where broken ones are to be left out.

    Raises:
        InvalidInput: the data, or a library that the training needs, is not there, or every trial would fail for it.
    """
    size = config.search_space.base.input_size
    learned_from, notes = data.people_and_notes(data.train_split)
    training_pictures(data, size, learned_from)
    people = data.validation_people()
    stored = validation_pictures(data, people, size)
    photometric_of(1.0 if "photometric" in config.search_space.parameters else config.train_config.photometric)
    if data.val_split != data.train_split:
        notes = (*notes, *data.notes(data.val_split))
    read = [person for index, person in enumerate(people) if stored is None or stored.image_size(index) is None]
    found = image_notes(read, data.annotations, on_orientation=data.on_orientation)
    if len(read) < len(people):
        # A prepared set has the pixels as they were turned; whether they had to be is in the images alone.
        found = orientation_notes(people, data.annotations, on_orientation=data.on_orientation)
    counts = DataCounts(
        training_people=len(learned_from),
        validation_people=len(people),
        validation_images=len({person.image_id for person in people}),
    )
    return CheckedData(notes=(*notes, *found), counts=counts)


def say_notes(notes: Sequence[DataNote], console: Console) -> None:
    """Print what was left out of the data, corrected, or looks wrong."""
    for note in notes:
        style = "yellow" if note.severity is Severity.WARNING else None
        text = f"{note.severity.value}: {note.sentence}"
        console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
