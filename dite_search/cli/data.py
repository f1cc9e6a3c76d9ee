"""Commands about data: prepare a data set, draw one."""

from __future__ import annotations

from pathlib import Path

import click

from dite_search.cli.options import (
    DATA_VARIABLE,
    format_option,
    json_option,
    on_broken_image_option,
)
from dite_search.cli.output import console_for, next_steps, program, show
from search_spaces.shell import shell_command
from trainers.data.formats import SPLITS


@click.command(epilog="Example:  dite-search prepare --data ~/coco --input-size 256x192 --workers 8")
@click.option("--data", "root", envvar=DATA_VARIABLE, required=True, help=f"Data set; also ${DATA_VARIABLE}.")
@format_option
@click.option("--input-size", metavar="HxW", help="Shape of the networks' input (default: the papers' for the data).")
@click.option("--output", help="Folder to write (default: prepared/HxW in the data set).", type=click.Path(file_okay=False))
@click.option("--split", "splits", multiple=True, type=click.Choice(SPLITS), help="Split to prepare (default: train, val).")
@click.option("--workers", type=click.IntRange(1, 1024), help="Processes (default: all cores).")
@click.option("--reduce", is_flag=True, help="Store large regions smaller: faster, no longer the very same pixels.")
@on_broken_image_option
@json_option
def prepare(
    root: str,
    data_format: str,
    input_size: str | None,
    output: str | None,
    splits: tuple[str, ...],
    workers: int | None,
    reduce: bool,
    on_broken_image: str,
    as_json: bool,
) -> None:
    """Store of every image what training needs of it, once, so that loading becomes faster.

    Run again it keeps what is finished and still right, and makes the rest: after an interruption, when images or
    annotations changed, and to mend damage. All broken images are listed.
    """
    from dite_search.preparation import prepare_data
    from trainers.data.source import DataConfig

    result = prepare_data(
        DataConfig(root=Path(root), format=data_format, on_broken_image=on_broken_image),
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
    from dite_search.folder import free_name
    from trainers.data.synthetic import draw_dataset

    draw_dataset(Path(directory), train_images=train_images, val_images=val_images, seed=seed)
    show({"directory": directory, "train_images": train_images, "val_images": val_images, "seed": seed}, as_json)
    options = ("--input-size", "128x96", "--data", Path(directory), "--epochs", 5, "--batch-size", 32)
    # A folder of another training is refused, or gone on with.
    free = free_name("train", "runs")
    output = () if free == "train" else ("--output", Path("runs") / free)
    next_steps(as_json, shell_command(program("dite-search"), "train", "lite_hrnet_18", *options, *output))
