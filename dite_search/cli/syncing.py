"""The command that makes MLflow equal to a study."""

from __future__ import annotations

import click

from dite_search.cli.options import directory_option, json_option
from dite_search.cli.output import show
from search_spaces.errors import InvalidInput

WRITTEN = ("runs created", "runs closed", "metric values", "twins deleted")


@click.command(epilog="Example:  dite-search sync quickstart")
@click.argument("study")
@directory_option
@json_option
def sync(study: str, directory: str, as_json: bool) -> None:
    """Write to MLflow what it lacks of STUDY (its name, or its folder), as after a server that was down; nothing twice."""
    from dite_search.mirror import Mirror
    from dite_search.mirror_source import StudySource
    from dite_search.study import load_config
    from dite_search.tracking import Refused, Unreachable, tracker_of

    config = load_config(study, directory=directory)
    tracker = tracker_of(config)
    mirror = Mirror(tracker, StudySource(config))
    try:
        mirror.reconcile()
    except (Unreachable, Refused) as error:
        raise InvalidInput(f"mlflow_url {tracker.shown} must answer until all is written, but: {error}") from None
    for number, reason in mirror.refused.items():
        raise InvalidInput(f"mlflow_url {tracker.shown} must take what trial {number} has, but refuses: {reason}")
    counts = {name.replace(" ", "_"): mirror.written[name] for name in WRITTEN}
    show({"study": str(config.study_directory), "mlflow": tracker.shown} | counts, as_json)
