"""The command that looks at all that a search needs, before it starts."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dite_search.cli.shared.options import DATA_VARIABLE, json_option
from dite_search.cli.shared.output import console_for
from dite_search.terminal.progress import waiting

if TYPE_CHECKING:
    from dite_search.config.search_config import SearchConfig


@click.command(epilog="Example:  dite-search doctor examples/coco.yaml --address 10.0.0.1:6379")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("--address", envvar="RAY_ADDRESS", help="Ray cluster (HOST:PORT); also $RAY_ADDRESS.  [default: a local one]")
@click.option("--data", "data_root", envvar=DATA_VARIABLE, help=f"Replaces data.root of the file; also ${DATA_VARIABLE}.")
@click.option("--directory", help="Replaces the folder of the studies.", type=click.Path(file_okay=False))
@click.option("--timing/--no-timing", default=True, show_default=True, help="Train some steps to estimate hours and memory.")
@json_option
def doctor(
    file: str | None, address: str | None, data_root: str | None, directory: str | None, timing: bool, as_json: bool
) -> None:
    """Look at all that the search in FILE needs: Ray, its nodes, folders, databases, data, disk space and clocks.

    Every search is checked so before it starts. Without FILE, only what needs none is looked at. Where nothing failed, the
    networks within the budget are counted, and some steps are timed on this machine: they tell hours and memory. Ends with
    status 2 where something failed, and says what mends it.
    """
    if address:
        os.environ["RAY_ADDRESS"] = address
    from dite_search.tasks.search_file import read_search

    config = read_search(file, data_root=data_root, changes={"directory": directory}) if file else None
    # These imports take seconds, and a mistake in the file should be told before.
    from dite_search.doctor.preflight import examine, lines_of
    from dite_search.driver.ray_session import start_ray

    is_new = config is not None and not _is_of_study(config, str(file))
    console = console_for(as_json)
    with waiting(console, "Starting Ray, and looking at what the search needs"):
        found = examine(config, start=start_ray, new=None if config is None else is_new)
    findings = list(found.findings)
    if config is not None and is_new and timing and not found.failed:
        from dite_search.planning.outlook import outlook

        with waiting(console, "Training some steps"):
            findings += outlook(config, at_once=found.at_once)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        for line in lines_of(findings):
            console.print(line, highlight=False, soft_wrap=True)
    if found.failed:
        sys.exit(2)


def _is_of_study(config: SearchConfig, file: str) -> bool:
    """Whether a search file is the one that a study keeps: what is looked at then is whether the study can go on."""
    from dite_search.study.directory import SEARCH_FILE

    return Path(file).resolve() == (config.study_directory / SEARCH_FILE).resolve()
