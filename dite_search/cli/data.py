"""Commands about data: look at a data set, prepare one, draw one, and write a search file for one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import click

from dite_search.cli.shared.data_options import DATA_HELP, data_options, data_set
from dite_search.cli.shared.options import DATA_VARIABLE, json_option, on_broken_image_option
from dite_search.cli.shared.output import console_for, next_steps, program, say_notes, show
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import check_output
from search_spaces.common.shell import shell_command
from trainers.data.formats.data_format import FORMATS, SPLITS


@click.command(epilog="Example:  dite-search prepare --data ~/coco --input-size 256x192 --workers 8")
@click.option("--data", "root", envvar=DATA_VARIABLE, required=True, help=DATA_HELP)
@data_options
@click.option("--input-size", metavar="HxW", help="Shape of the networks' input (default: the papers' for the data).")
@click.option("--output", help="Folder to write (default: prepared/HxW in the data set).", type=click.Path(file_okay=False))
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Split to prepare (default: train, val).")
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes (default: all cores).")
@click.option("--reduce", is_flag=True, help="Store large regions smaller: faster, no longer the very same pixels.")
@on_broken_image_option
@json_option
def prepare(
    root: str,
    described: dict[str, Any],
    input_size: str | None,
    output: str | None,
    splits: tuple[str, ...],
    workers: int | None,
    reduce: bool,
    on_broken_image: str,
    as_json: bool,
) -> None:
    """Store of every image what training needs of it, once, so that loading becomes faster.

    Run again, the command keeps finished parts that are still right, and makes the rest. It goes on after an interruption,
    follows changed images or annotations, and mends damage. All broken images are listed.
    """
    from dite_search.tasks.prepare_data import prepare_data

    result = prepare_data(
        data_set(root, described, on_broken_image=on_broken_image),
        splits=splits or ("train", "val"),
        output=Path(output) if output else None,
        input_size=input_size,
        workers=workers,
        reduce=reduce,
        console=console_for(as_json),
    )
    show(result, as_json)


@click.command(epilog="Example:  dite-search synth people --train-images 500 --val-images 100")
@click.argument("directory", type=click.Path(file_okay=False))
@click.option("--train-images", type=click.IntRange(min=1), default=1200, show_default=True, help="Images to train on.")
@click.option("--val-images", type=click.IntRange(min=1), default=150, show_default=True, help="Images to be scored on.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same images.")
@json_option
def synth(directory: str, train_images: int, val_images: int, seed: int, as_json: bool) -> None:
    """Draw a data set of people in COCO's layout in DIRECTORY."""
    from dite_search.study.directory import free_name
    from trainers.data.synthetic.dataset import draw_dataset

    draw_dataset(Path(directory), train_images=train_images, val_images=val_images, seed=seed)
    show({"directory": directory, "train_images": train_images, "val_images": val_images, "seed": seed}, as_json)
    options = ("--input-size", "128x96", "--data", Path(directory), "--epochs", 5, "--batch-size", 32)
    # A folder of another training is refused, or gone on with.
    free = free_name("train", "runs")
    output = () if free == "train" else ("--output", Path("runs") / free)
    next_steps(as_json, shell_command(program("dite-search"), "train", "lite_hrnet_18", *options, *output))


@click.group(epilog="Example:  dite-search data show ~/coco")
def data() -> None:
    """See what networks will learn from a data set."""


@data.command("show", epilog="Example:  dite-search data show my_data --people 24 --output my_data.html")
@click.argument("directory", metavar="DATA", type=click.Path())
@data_options
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Split to show (default: train, val).")
@click.option("--output", help="Page to write (default: NAME-data.html here).", type=click.Path(dir_okay=False))
@click.option("--input-size", metavar="HxW", help="Shape of the networks' input (default: the papers' for the data).")
@click.option("--people", type=click.IntRange(1, 60), default=12, show_default=True, help="People drawn of each split.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same people.")
@json_option
def show_data(
    directory: str,
    described: dict[str, Any],
    splits: tuple[str, ...],
    output: str | None,
    input_size: str | None,
    people: int,
    seed: int,
    as_json: bool,
) -> None:
    """Write one page on DATA: what was read and left out, what looks wrong, and people in pictures.

    DATA is a folder, or a YAML file with the fields of data of a search file.

    People are drawn with their skeleton, left and right in two colours, and as a network gets them in training. All images
    are decoded, so that broken ones and copies in two splits are found. Please confirm the pairs of left and right
    keypoints, which are found by their names.
    """
    from dite_search.tasks import data_page
    from search_spaces.common.files import check_output

    page = Path(output) if output else data_page.default_output(Path(directory))
    check_output(page)
    found = data_page.show_data(
        data_set(directory, described),
        splits=splits or ("train", "val"),
        output=page,
        input_size=input_size,
        people=people,
        seed=seed,
        console=console_for(as_json),
    )
    if as_json:
        click.echo(json.dumps({"page": str(page)} | found.to_dict(), indent=2))
        return
    show(data_page.summary(found, page), as_json)
    for note in (*found.data.notes, *(note for note in found.warnings if note not in found.data.notes)):
        click.echo(f"\n{note.severity}: {note.sentence}")


@click.command(epilog="Example:  dite-search init my_data --hours 8")
@click.argument("folder", required=False, type=click.Path(file_okay=False))
@click.option("--output", help="File to write (default: NAME.yaml here).", type=click.Path(dir_okay=False))
@click.option("--name", help="Name of the study (default: that of the folder).")
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Hours to spend.")
@click.option("--format", "data_format", type=click.Choice(tuple(FORMATS)), help="Layout of the data (default: found).")
@click.option("--category", help="Category of the people, a name or an id (default: found).")
@click.option("--val-share", type=float, help="Share of the images to score on (default: the data's split, or 0.2).")
@click.option("--group-by", help="Field whose equal values stay in one part of --val-share, such as subject.")
@json_option
def init(
    folder: str | None,
    output: str | None,
    name: str | None,
    hours: float,
    data_format: str | None,
    category: str | None,
    val_share: float | None,
    group_by: str | None,
    as_json: bool,
) -> None:
    """Write a search file for FOLDER after a look at its annotations; without FOLDER, one that draws people.

    Batch, epochs and warm-up follow from the people, and every choice has its comment. Nothing is written over.
    """
    from dite_search.config.sections import study_name
    from dite_search.planning.search_file import name_of, refuse_existing, summary, write_search_file
    from dite_search.planning.survey import survey
    from dite_search.study.directory import free_name

    used = study_name(name) if name else free_name(name_of(Path(folder)) if folder else "drawn_people", "runs")
    path = Path(output or f"{used}.yaml")
    # Annotations take minutes to read, and what cannot be written is told before.
    refuse_existing(path)
    check_output(path)
    if not math.isfinite(hours):
        raise InvalidInput(f"--hours must be a finite number above 0, got {hours}")
    options = {"format": data_format, "category": category, "val_share": val_share, "group_by": group_by}
    found = survey(Path(folder).expanduser(), options) if folder else None
    write_search_file(path, found, name=used, hours=hours, gpu=_has_gpu())
    if found is not None:
        say_notes(found.data, found.data.train_split, found.data.val_split)
    show(summary(found, path), as_json)
    commands = [shell_command(program("dite-search"), word, path) for word in ("doctor", "search")]
    next_steps(as_json, *commands)


def _has_gpu() -> bool:
    """Whether torch sees a GPU here."""
    import torch

    return torch.cuda.is_available()
