"""The command that makes MLflow equal to a study."""

from __future__ import annotations

import click

from dite_search.cli.shared.options import directory_option, json_option
from dite_search.cli.shared.output import next_steps, program, show
from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import shell_command

WRITE_COUNTS = ("runs created", "runs closed", "metric values", "twins deleted", "pages renewed")


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
