"""Tables of MLflow's SQLite files, copied from a file that MLflow has made once.

MLflow changes the tables of its first version some 60 times for every new file, which takes seconds of a processor.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import mlflow
from mlflow.store.db import utils
from sqlalchemy import Engine, create_engine

MADE = Path(tempfile.gettempdir()) / f"dite-search-tests-{os.getuid()}" / f"mlflow-{mlflow.__version__}.db"
"""The file that is copied, for all processes of all runs with this version of MLflow."""
make_tables = utils._initialize_tables


def copy_mlflow_tables() -> None:
    """Have this process copy the tables of a new SQLite file; whatever else MLflow does with the file stays."""
    utils._initialize_tables = _copy


def _copy(engine: Engine) -> None:
    target = engine.url.database
    if engine.dialect.name != "sqlite" or not target or not utils._is_empty_database(engine):
        make_tables(engine)
        return
    if not MADE.is_file():
        _make()
    with closing(sqlite3.connect(MADE)) as made, closing(sqlite3.connect(target)) as new:
        made.backup(new)


def _make() -> None:
    """Make the file under a name of its own first: several processes may."""
    MADE.parent.mkdir(mode=0o700, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=MADE.parent))
    engine = create_engine(f"sqlite:///{folder / MADE.name}")
    try:
        make_tables(engine)
    finally:
        engine.dispose()
    (folder / MADE.name).replace(MADE)
    shutil.rmtree(folder)
