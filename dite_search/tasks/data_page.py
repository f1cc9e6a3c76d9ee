"""``dite-search data show``: a data set read, decoded, counted and written as a page, with a bar while it takes time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from analysis.data_page.inspection import Inspection, inspect
from analysis.data_page.page import check_output, split_gallery, write_page
from analysis.data_page.reading import read_dataset
from analysis.data_page.scanning import scan_images
from search_spaces.families.architecture import parse_size, resized
from search_spaces.registry import DEFAULT_FAMILY
from trainers.data.config import DataConfig


def default_output(root: Path) -> Path:
    """Return the file that a page is written to where nobody names one: in the working directory, after the data set."""
    # A link keeps the name that the user gave, which `Path.resolve` does not.
    place = Path(os.path.abspath(root))
    return Path(f"{(place.stem if place.is_file() else place.name) or 'root'}-data.html")


def show_data(
    data: DataConfig,
    *,
    splits: Sequence[str],
    output: Path,
    input_size: str | None,
    people: int,
    seed: int,
    console: Console,
) -> Inspection:
    """Look at the splits of a data set and write its page to ``output``.

    Args:
        data: The data set.
        splits: The names of its splits.
        output: The file to write.
        input_size: Height and width of the network's input, as in ``256x192``; None takes the papers' for the format.
        people: People of each split that are drawn.
        seed: Chooses those people and their variations.
        console: Where the bar is drawn.

    Raises:
        InvalidInput: an option or an annotation file breaks its rule, or no split is there.
    """
    usual = DEFAULT_FAMILY.architecture()
    size = parse_size(input_size) if input_size else data.data_format.input_size or usual.input_size
    # The size of an architecture has rules of its own, and a mistake should be told before minutes are spent.
    size = resized(usual, input_size=size).input_size
    check_output(output)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("annotations", total=None)
        found = read_dataset(data, splits)
        scanned = {}
        for split in found.splits:
            bar.update(task, description=f"images of {split.name}", completed=0, total=len(split.images))
            scanned[split.name] = scan_images(
                split.images,
                lambda done, total: bar.update(task, completed=done, total=total),
                on_orientation=data.on_orientation,
            )
        bar.update(task, description="copies", completed=0, total=None)
        inspection = inspect(found, scanned, size)
        bar.update(task, description="pictures", completed=0, total=len(found.splits))
        galleries = []
        for split in found.splits:
            galleries.append(split_gallery(inspection, split, people=people, seed=seed))
            bar.advance(task)
        write_page(inspection, galleries, output)
    return inspection


def summary(found: Inspection, output: Path) -> dict[str, Any]:
    """Return the figures that a terminal shows."""
    result: dict[str, Any] = {"page": str(output)}
    for counts in found.statistics:
        result |= {f"{counts.split}_images": counts.images, f"{counts.split}_people": counts.people}
    return result | {"keypoints": found.data.keypoint_set.count, "warnings": len(found.warnings), "notes": len(found.notes)}
