"""The cause of a database's failure, below what Optuna, SQLAlchemy and MLflow wrap around it."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import SQLAlchemyError

from search_spaces.common.errors import first_line
from search_spaces.common.redaction import redacted


def cause_of(error: BaseException) -> BaseException:
    """Return the error of a database's driver that is behind an error; the error itself where no database is."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return chain[-1] if any(isinstance(each, SQLAlchemyError) for each in chain) else error


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's cause, without users and passwords."""
    return redacted(first_line(cause_of(error)))


def is_damage(error: BaseException) -> bool:
    """Whether a SQLite file is damaged or is no database; such an error does not pass by waiting."""
    # Everything else that SQLite raises, from a lock to a full disk, has a class below this one.
    return type(cause_of(error)) is sqlite3.DatabaseError
