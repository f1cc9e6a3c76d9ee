"""One sentence for a study whose database is away, or has no room."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dite_search.config import SearchConfig
from dite_search.study import DATABASE_AWAY
from search_spaces.errors import InvalidInput, first_line


@contextmanager
def answering(config: SearchConfig, command: str = "resume") -> Iterator[None]:
    """What reads and writes a study; ``command`` is what goes on with it later.

    Raises:
        InvalidInput: in place of what a storage raises while its database does not answer.
    """
    try:
        yield
    except DATABASE_AWAY as error:
        raise InvalidInput(
            f"the database of study {config.name} must answer, but: {first_line(error.__cause__ or error)}; what it has is"
            f" kept, and once it answers this goes on:  dite-search {command} {config.study_directory}"
        ) from None
