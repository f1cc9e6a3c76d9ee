"""``dite-search prepare``: the preparation of `trainers.data.prepared.prepare` with a bar, and what came of it in words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import format_size, parse_size
from search_spaces.registry import DEFAULT_FAMILY
from trainers.data.config import SKIP, DataConfig
from trainers.data.prepared.prepare import Prepared, SplitToPrepare, prepare
from trainers.data.prepared.prepared_set import standard_directory


def prepare_data(
    data: DataConfig,
    *,
    splits: Sequence[str],
    output: Path | None,
    input_size: str | None,
    workers: int | None,
    reduce: bool,
    console: Console,
) -> dict[str, Any]:
    """Prepare splits of a data set and list its broken images; figures of what was done, in plain JSON types.

    Raises:
        InvalidInput: the data or an option breaks its rule, or images are broken and not to be skipped.
    """
    size = parse_size(input_size) if input_size else data.data_format.input_size or DEFAULT_FAMILY.default.input_size
    folder = (output or standard_directory(data.root, size)).absolute()
    parts = [
        SplitToPrepare(name=name, annotation_file=data.annotation_file(name), people=data.people(name, require_images=False))
        for name in dict.fromkeys(splits)
    ]
    columns = (TextColumn("people"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("people", total=None)
        result = prepare(
            parts,
            root=data.root,
            output=folder,
            format=data.format,
            keypoint_set=data.keypoint_set,
            input_size=size,
            reduce=reduce,
            workers=workers or os.cpu_count() or 1,
            category=data.category,
            skip_broken=data.on_broken_image == SKIP,
            on_orientation=data.on_orientation,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    for reason in result.broken.values():
        console.print(reason, highlight=False, soft_wrap=True, markup=False)
    if result.broken and data.on_broken_image != SKIP:
        count = len(result.broken)
        raise InvalidInput(
            f"{count} of {result.images} images {'is' if count == 1 else 'are'} broken, listed above: mend the files and run"
            " the same command again, which keeps the others, or give --on-broken-image skip"
        )
    return _figures(result, folder, size)


def _figures(result: Prepared, folder: Path, size: tuple[int, int]) -> dict[str, Any]:
    return {
        "prepared": str(folder),
        "input_size": format_size(size),
        "people": result.people,
        "images": result.images,
        "bytes": result.bytes,
        "bytes_per_person": round(result.bytes / max(1, result.people)),
        "shards_written": result.shards_written,
        "shards_kept": result.shards_kept,
        "stored_as_png": result.as_png,
        "broken": list(result.broken),
    }
