"""Commands about weights that the networks of a space share."""

from __future__ import annotations

import click

from dite_search.cli.shared.options import DATA_VARIABLE, json_option
from dite_search.cli.shared.output import console_for, show


@click.group(epilog="Example:  dite-search supernet train examples/coco_mini.yaml --data ~/coco_mini")
def supernet() -> None:
    """Train weights that all networks of a search's space share."""


@supernet.command(epilog="Example:  dite-search supernet train examples/coco_mini.yaml --data ~/coco_mini")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--data", "data_root", envvar=DATA_VARIABLE, help=f"Replaces data.root of the file; also ${DATA_VARIABLE}.")
@click.option("--name", help="Replaces the name of the study.")
@click.option("--directory", help="Replaces the folder of the studies.", type=click.Path(file_okay=False))
@click.option("--restart", is_flag=True, help="Begin anew; the training so far is kept in a folder below its own.")
@json_option
def train(file: str, data_root: str | None, name: str | None, directory: str | None, restart: bool, as_json: bool) -> None:
    """Train the shared weights of the space in the search file FILE, as its section supernet says.

    The weights lie in the folder supernet of the study. A training that was cut off goes on when the same command is given
    again. Its figures go to a run of their own in MLflow.
    """
    from dite_search.config.search_config import load_search
    from dite_search.tasks.train_supernet import train_shared_weights

    config = load_search(file, data_root=data_root, changes={"name": name, "directory": directory})
    show(train_shared_weights(config, restart=restart, console=console_for(as_json)), as_json)
