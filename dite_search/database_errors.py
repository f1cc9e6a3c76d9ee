"""The cause of a database's failure, below what Optuna, SQLAlchemy and MLflow wrap around it."""

from __future__ import annotations

import sqlite3

from search_spaces.errors import first_line
from search_spaces.redaction import redacted


def cause_of(error: BaseException) -> BaseException:
    """Return the error at the end of the chain of causes: that of the database's driver, where one raised it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's cause, without users and passwords."""
    return redacted(first_line(cause_of(error)))


def is_damage(error: BaseException) -> bool:
    """Whether a SQLite file is damaged or is no database; such an error does not pass by waiting."""
    # Everything else that SQLite raises, from a lock to a full disk, has a class below this one.
    return type(cause_of(error)) is sqlite3.DatabaseError
