"""Commands about weights that the networks of a space share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dite_search.cli.shared.options import DATA_VARIABLE, directory_option, json_option
from dite_search.cli.shared.output import console_for
from dite_search.cli.shared.output import show as show_result


@click.group(epilog="Example:  dite-search supernet train examples/coco_mini.yaml --data ~/coco_mini")
def supernet() -> None:
    """Train weights that all networks of a search's space share, and score the networks with them."""


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the search file, and what replaces fields of it."""
    for option in (
        click.option("--directory", help="Replaces the folder of the studies.", type=click.Path(file_okay=False)),
        click.option("--name", help="Replaces the name of the study."),
        click.option(
            "--data", "data_root", envvar=DATA_VARIABLE, help=f"Replaces data.root of the file; also ${DATA_VARIABLE}."
        ),
        click.argument("file", type=click.Path(dir_okay=False)),
    ):
        command = option(command)
    return command


@supernet.command(epilog="Example:  dite-search supernet train examples/coco_mini.yaml --data ~/coco_mini")
@search_options
@click.option("--epochs", type=click.IntRange(min=1), help="Replaces supernet.epochs of the file.")
@click.option("--resume", is_flag=True, help="Go on with the weights, for other epochs too; without weights, end.")
@click.option("--restart", is_flag=True, help="Begin anew; the training so far is kept in a folder below its own.")
@json_option
def train(
    file: str,
    data_root: str | None,
    name: str | None,
    directory: str | None,
    epochs: int | None,
    resume: bool,
    restart: bool,
    as_json: bool,
) -> None:
    """Train the shared weights of the space in the search file FILE, as its section supernet says.

    The weights lie in the folder supernet of the study. A training that was cut off goes on when the same command is given
    again. With --resume it goes on for more epochs, by the schedule of so many. Its figures go to a run of their own in
    MLflow.
    """
    from dite_search.tasks.search_file import read_search
    from dite_search.tasks.supernet.train_supernet import train_shared_weights

    changes: dict[str, Any] = {"name": name, "directory": directory}
    config = read_search(file, data_root=data_root, changes=changes)
    if epochs is not None:
        changes["supernet"] = {**(config.supernet or {}), "epochs": epochs}
        config = read_search(file, data_root=data_root, changes=changes)
    console = console_for(as_json)
    show_result(train_shared_weights(config, restart=restart, resume=resume, console=console), as_json)


@supernet.command(epilog="Example:  dite-search supernet score examples/coco_mini.yaml --data ~/coco_mini")
@search_options
@click.option(
    "--networks", type=click.IntRange(min=1), help="Networks that have scores in the end; replaces supernet.scored."
)
@click.option("--restart", is_flag=True, help="Score anew; the scores so far are kept under another name.")
@json_option
def score(
    file: str,
    data_root: str | None,
    name: str | None,
    directory: str | None,
    networks: int | None,
    restart: bool,
    as_json: bool,
) -> None:
    """Score networks of the space in the search file FILE with the weights that they share.

    Each network inherits its weights, and statistics of batch normalisation are estimated for it from training images. It is
    scored on the held-out part of the training images. The scores rank networks, and are no results. A scoring that was cut
    off goes on when the same command is given again.
    """
    from dite_search.tasks.search_file import read_search
    from dite_search.tasks.supernet.score_supernet import score_inherited

    config = read_search(file, data_root=data_root, changes={"name": name, "directory": directory})
    console = console_for(as_json)
    show_result(score_inherited(config, file=file, networks=networks, restart=restart, console=console), as_json)


@supernet.command("show", epilog="Example:  dite-search supernet show coco_mini")
@click.argument("study")
@directory_option
@json_option
def show_summary(study: str, directory: str, as_json: bool) -> None:
    """Show how far the shared weights of STUDY are trained, and which networks their scores rank first.

    STUDY is the name of a study or its folder.
    """
    from dite_search.supernet.place import supernet_folder
    from dite_search.supernet.summary import summary_of

    show_result(summary_of(supernet_folder(study, directory)), as_json)
