"""Options that several commands share."""

from __future__ import annotations

import click

from trainers.data.formats.data_format import FORMATS

DATA_VARIABLE = "DITE_SEARCH_DATA"

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
directory_option = click.option(
    "--directory", default="runs", show_default=True, help="Folder of the studies.", type=click.Path(file_okay=False)
)
input_size_option = click.option("--input-size", metavar="HxW", help="Input height and width, as in 256x192.")
format_option = click.option(
    "--format",
    "data_format",
    type=click.Choice(tuple(FORMATS)),
    default="coco",
    show_default=True,
    help="Layout of the data.",
)
category_option = click.option(
    "--category", help="Category of the people, a name or an id (default: found by its name and its keypoints)."
)
on_broken_image_option = click.option(
    "--on-broken-image",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="End at a broken image, or go on without its people; validation always ends.",
)
on_orientation_option = click.option(
    "--on-orientation",
    type=click.Choice(["apply", "ignore", "stop"]),
    default="apply",
    show_default=True,
    help="Turn an image by its EXIF orientation, as annotation tools do, read it as stored, or refuse it.",
)
