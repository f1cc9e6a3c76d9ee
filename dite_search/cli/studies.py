"""Commands about studies as a whole: which there are, and taking one away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dite_search.cli.shared.options import directory_option, json_option
from search_spaces.common.errors import InvalidInput

if TYPE_CHECKING:
    from dite_search.housekeeping.listing import ListedStudy

HEAD = ("study", "state", "trials", "best", "size")


@click.command(name="list", epilog="Example:  dite-search list --directory runs")
@directory_option
@json_option
def list_studies(directory: str, as_json: bool) -> None:
    """List the studies of a folder: their state, trials, best accuracy and size on disk. Nothing is changed."""
    from dite_search.housekeeping.listing import studies_in

    found = studies_in(Path(directory))
    if as_json:
        click.echo(json.dumps([dict(study.to_dict()) for study in found], indent=2))
        return
    if not found:
        click.echo(f"There are no studies in {directory}.")
        return
    rows = [HEAD, *(_cells(study) for study in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    for study in found:
        if study.problem:
            click.echo(f"{study.name}: {study.problem}", err=True)


@click.command(epilog="Example:  dite-search delete quickstart")
@click.argument("study")
@directory_option
@click.option("--yes", is_flag=True, help="Delete without a question.")
@click.option("--keep-runs", is_flag=True, help="Leave the runs in MLflow, as where its server is gone for good.")
def delete(study: str, directory: str, yes: bool, keep_runs: bool) -> None:
    """Delete STUDY (its name, or its folder): folder, checkpoints, Optuna study and, until MLflow's own clean-up, its runs.

    A study that runs is refused. Versions in a model registry stay. A deletion that was cut off is finished by the same
    command.
    """
    from dite_search.housekeeping.deletion import delete_study, planned_deletion
    from dite_search.study.directory import load_config

    config = load_config(study, directory=directory, to_delete=True)
    deletion = planned_deletion(config, keep_runs=keep_runs)
    if not yes:
        click.echo(f"Study {config.name} is to be deleted:")
        for line in deletion.words:
            click.echo(f"  {line}")
        if not click.confirm("Delete all of it?"):
            raise InvalidInput(f"study {config.name} was not deleted")
    delete_study(deletion)
    click.echo(f"Study {config.name} was deleted.")


def _cells(study: ListedStudy) -> tuple[str, ...]:
    from dite_search.housekeeping.listing import size_words
    from search_spaces.common.objectives import format_value

    best = f"{format_value(study.accuracy, study.best)} (trial {study.best_trial})" if study.best is not None else "–"
    trials = f"{study.trials} of {study.asked}" if study.asked else "–" if study.asked == 0 else str(study.trials)
    return study.name, study.state, trials, best, size_words(study.size)
