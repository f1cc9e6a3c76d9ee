"""One sentence for a study whose database is away or damaged, or has no room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dite_search.config.search_config import SearchConfig
from dite_search.storage.database_errors import is_damage, reason_of
from dite_search.study.study import DATABASE_AWAY, damaged_study
from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import own_command


@contextmanager
def answering(config: SearchConfig, command: str = "resume") -> Iterator[None]:
    """Turn storage errors inside the block into one sentence that names the command to retry.

    Raises:
        InvalidInput: in place of what a storage raises while its database does not answer, or is damaged.
    """
    try:
        yield
    except DATABASE_AWAY as error:
        if is_damage(error):
            raise damaged_study(config, reason_of(error)) from None
        raise InvalidInput(
            f"the database of study {config.name} must answer, but: {reason_of(error)}; what it has is kept, and once"
            f" it answers this goes on:  {own_command(command, config.study_directory)}"
        ) from None
