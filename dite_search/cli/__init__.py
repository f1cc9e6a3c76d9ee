"""The command line: ``dite-search``, also ``python -m dite_search``.

Every command imports what it needs when it runs: torch, Ray and MLflow take seconds, and help should take none.
"""

from __future__ import annotations

import errno
import logging
import warnings
from typing import Any

import click

from dite_search.cli import (
    compare,
    data,
    doctor,
    export,
    jobs,
    replay,
    search,
    studies,
    supernet,
    watch,
)
from dite_search.cli.networks import cost, predict, show, train
from dite_search.cli.shared.completion import add_completion
from search_spaces.common.errors import InvalidInput

FULL_OR_CLOSED = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
PATH_ERRORS = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
DISK_ERRORS = (*FULL_OR_CLOSED, *PATH_ERRORS)


class UserError(click.ClickException):
    """A user's mistake: one sentence, exit status 2."""

    exit_code = 2


class Commands(click.Group):
    """Turns a user's mistake, and an output that cannot be written, into one sentence; a defect keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise UserError(str(error)) from None
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            done = "written" if error.errno in FULL_OR_CLOSED else "used"
            raise UserError(f"{error.filename or 'the output'} cannot be {done}: {error.strerror}") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dite-search")
def main() -> None:
    """Find the best lightweight pose network for a compute budget.

    Start with:  dite-search quickstart
    """
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)


for _command in (
    search.quickstart,
    data.init,
    search.search,
    doctor.doctor,
    search.resume,
    search.extend,
    search.pause,
    watch.watch,
    watch.dashboard,
    train.train,
    train.evaluate,
    predict.predict,
    supernet.supernet,
    show.show,
    cost.complexity,
    cost.latency,
    search.report,
    studies.list_studies,
    studies.delete,
    export.export,
    compare.compare,
    studies.sync,
    replay.replay,
    data.data,
    data.prepare,
    data.synth,
    jobs.submit,
    jobs.job,
):
    main.add_command(_command)
add_completion(main)
