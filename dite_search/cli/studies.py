"""Commands about studies as a whole: which there are, what MLflow has of one, and taking one away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dite_search.cli.shared.options import directory_option, json_option
from dite_search.cli.shared.output import next_steps, program, show
from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import shell_command

if TYPE_CHECKING:
    from dite_search.housekeeping.listing import ListedStudy

HEAD = ("study", "state", "trials", "best", "size")
WRITE_COUNTS = ("runs created", "runs closed", "metric values", "twins deleted", "pages renewed")


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


@click.command(epilog="Example:  dite-search sync quickstart")
@click.argument("study")
@directory_option
@json_option
def sync(study: str, directory: str, as_json: bool) -> None:
    """Write to MLflow what it lacks of STUDY (its name, or its folder), as after a server that was down; nothing twice.

    Before that, epochs that the study itself lacks are taken from the checkpoints of its trials, whether or not these have
    ended. A search that runs writes both by itself; its study is left to it.
    """
    from dite_search.housekeeping.exports import log_exports
    from dite_search.storage.lease import Lease, driver_of
    from dite_search.storage.pause import Pause
    from dite_search.study.backfill import backfill_curves
    from dite_search.study.directory import load_config
    from dite_search.study.storage_errors import answering
    from dite_search.study.study import open_study, storage_of
    from dite_search.tracking.client import Refused, Unreachable, tracker_of
    from dite_search.tracking.mirror import Mirror
    from dite_search.tracking.source import StudySource, search_address

    config = load_config(study, directory=directory)
    # A study with other settings than it was made with is refused before anything is written.
    open_study(config)
    storage = storage_of(config)
    driver = driver_of(config.name, storage)
    if driver:
        raise InvalidInput(
            f"study {config.name} must not be running to be synced, but {driver} drives it, and writes to MLflow by itself"
        )
    tracker = tracker_of(config)
    try:
        # A driver that starts now would write the same runs.
        with answering(config, "sync"), Lease(config.name, storage).held(Pause()):
            filled = backfill_curves(config, lambda sentence: click.echo(sentence, err=True))
            mirror = Mirror(tracker, StudySource(config, driven=False))
            mirror.reconcile()
            if filled.trials:
                mirror.recount()
    except (Unreachable, Refused) as error:
        raise InvalidInput(f"mlflow_url {tracker.shown} must answer until all is written, but: {error}") from None
    for number, reason in mirror.refused.items():
        raise InvalidInput(f"mlflow_url {tracker.shown} must take what trial {number} has, but refuses: {reason}")
    counts = {name.replace(" ", "_"): mirror.written[name] for name in WRITE_COUNTS}
    counts |= {"models_logged": log_exports(config, tracker)}
    counts = {"epochs_from_checkpoints": filled.epochs, "trials_mended": len(filled.trials)} | counts
    place = {"study": str(config.study_directory), "mlflow": tracker.shown, "run": search_address(config)}
    show(place | counts, as_json)
    if filled.trials:
        report = shell_command(program("dite-search"), "report", config.study_directory)
        next_steps(as_json, f"{report}   # writes its curves and tables anew")


def _cells(study: ListedStudy) -> tuple[str, ...]:
    from dite_search.housekeeping.listing import size_words
    from search_spaces.common.objectives import format_value

    best = f"{format_value(study.accuracy, study.best)} (trial {study.best_trial})" if study.best is not None else "–"
    trials = f"{study.trials} of {study.asked}" if study.asked else "–" if study.asked == 0 else str(study.trials)
    return study.name, study.state, trials, best, size_words(study.size)
