"""One driver for each study: a lease in the study's database, renewed while the driver lives."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from optuna.storages import RDBStorage
from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from dite_search.storage.database_errors import reason_of
from dite_search.storage.pause import Pause
from search_spaces.common.errors import InvalidInput

LEASE_LIFETIME_SECONDS = 60.0
"""Seconds after which a lease that was not renewed may be taken: how long a database may be away unnoticed."""
RENEWAL_SECONDS = 5.0
"""Seconds between renewals, and so the longest that a request to pause waits for its driver."""

_LEASES = Table(
    "dite_search_leases",
    MetaData(),
    Column("study", String(512), primary_key=True),
    Column("holder", String(36), nullable=False),
    Column("host", String(255), nullable=False),
    Column("place", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("pause", Integer, nullable=False),
)
_CLOCKS = {"postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())", "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))"}
"""The time (s) of a database server, which is the same for all drivers; SQLite has none but the machine's."""


class Lease:
    """The right to drive a study, in the database of its ``storage``; each object is another driver."""

    def __init__(self, study: str, storage: RDBStorage, *, lifetime: float = LEASE_LIFETIME_SECONDS) -> None:
        self._study, self._engine, self._lifetime = study, storage.engine, lifetime
        self._holder = str(uuid.uuid4())

    def take(self) -> None:
        """Take the lease: a free one, one that has expired, or one whose driver on this machine has died.

        Raises:
            InvalidInput: another driver holds it; the message says which, and for how long.
        """
        with _answering(self._study):
            self._take()

    def _take(self) -> None:
        _make_table(self._engine)
        with self._engine.begin() as connection:
            now = _now(connection)
            ours = {**_whereabouts(), "holder": self._holder, "expires": now + self._lifetime, "pause": 0}
            known = connection.execute(select(_LEASES).where(_LEASES.c.study == self._study)).mappings().first()
            if known is None:
                try:
                    connection.execute(insert(_LEASES).values(study=self._study, **ours))
                    return
                except IntegrityError:
                    raise InvalidInput(
                        f"study {self._study} must have one driver, but another one has just started it"
                    ) from None
            free = [_LEASES.c.expires <= now]
            if _has_died(known["place"], known["pid"], known["started"]):
                free.append(_LEASES.c.holder == known["holder"])
            taken = connection.execute(update(_LEASES).where(_LEASES.c.study == self._study, or_(*free)).values(**ours))
            if taken.rowcount == 1:
                return
        raise InvalidInput(
            f"study {self._study} must have one driver, but process {known['pid']} on {known['host']} drives it;"
            f" pause it there, or wait: if it is gone, its lease ends in {max(1, round(known['expires'] - now))} s"
        )

    def renew(self) -> bool | None:
        """Hold the lease for another lifetime; whether a pause is asked for, or None where another driver has it now."""
        with self._engine.begin() as connection:
            mine = (_LEASES.c.study == self._study, _LEASES.c.holder == self._holder)
            expires = _now(connection) + self._lifetime
            if connection.execute(update(_LEASES).where(*mine).values(expires=expires)).rowcount != 1:
                return None
            return bool(connection.execute(select(_LEASES.c.pause).where(*mine)).scalar())

    def release(self) -> None:
        """Let the next driver take it at once."""
        with self._engine.begin() as connection:
            mine = (_LEASES.c.study == self._study, _LEASES.c.holder == self._holder)
            connection.execute(update(_LEASES).where(*mine).values(expires=0.0))

    @contextmanager
    def held(self, pause: Pause, *, every: float = RENEWAL_SECONDS) -> Iterator[None]:
        """Take the lease and renew it until the end; ``pause`` is asked for what others ask of the study.

        A database that is away for a while is tried again; once that takes longer than the lease, another driver may have
        it. Where one has, this one stops at once: two would train the same trials.
        """
        self.take()
        held = time.monotonic()
        over = threading.Event()

        def renew() -> None:
            nonlocal held
            while not over.wait(every):
                tried = time.monotonic()
                try:
                    asked = self.renew()
                except SQLAlchemyError:
                    logging.getLogger(__name__).debug("lease", exc_info=True)
                    pause.doubtful = time.monotonic() - held > self._lifetime - every
                    continue
                if asked is None:
                    pause.supersede()
                    return
                held, pause.doubtful = tried, False
                if asked:
                    pause.ask("dite-search pause")

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            try:
                self.release()
            except SQLAlchemyError:
                # It expires by itself.
                logging.getLogger(__name__).debug("lease", exc_info=True)


def ask_to_pause(study: str, storage: RDBStorage) -> str:
    """Ask the driver of a study to pause; the host and process that drive it.

    Raises:
        InvalidInput: no driver runs it.
    """
    driver = driver_of(study, storage)
    if driver is None:
        raise InvalidInput(f"study {study} must be running to be paused, but no driver runs it")
    with _answering(study), storage.engine.begin() as connection:
        connection.execute(update(_LEASES).where(_LEASES.c.study == study).values(pause=1))
    return driver


def driver_of(study: str, storage: RDBStorage) -> str | None:
    """The process and the host that hold the lease of a study, in words; None where it is free.

    Raises:
        InvalidInput: its database does not answer.
    """
    with _answering(study):
        _make_table(storage.engine)
        with storage.engine.begin() as connection:
            now = _now(connection)
            known = connection.execute(select(_LEASES).where(_LEASES.c.study == study)).mappings().first()
    if known is None or known["expires"] <= now or _has_died(known["place"], known["pid"], known["started"]):
        return None
    return f"process {known['pid']} on {known['host']}"


def forget_lease(study: str, storage: RDBStorage) -> None:
    """Remove what a database knows of the drivers of a study that is gone.

    Raises:
        InvalidInput: the database does not answer.
    """
    with _answering(study):
        _make_table(storage.engine)
        with storage.engine.begin() as connection:
            connection.execute(delete(_LEASES).where(_LEASES.c.study == study))


@dataclass(frozen=True, kw_only=True)
class Holder:
    """The driver that a study has, or had last.

    ``state`` is ``drives``, ``ended`` for one that let go of the study, or ``gone`` for one that died without. ``since`` is
    when its process began, in seconds since 1970 by its own clock.
    """

    host: str
    pid: int
    since: float
    state: str
    pause_asked: bool = False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def holder_of(study: str, storage: RDBStorage) -> Holder | None:
    """Return who holds, or last held, the lease of a study; None where nobody ever did. Nothing is written.

    Raises:
        InvalidInput: its database does not answer.
    """
    with _answering(study):
        if not inspect(storage.engine).has_table(_LEASES.name):
            return None
        with storage.engine.connect() as connection:
            now = _now(connection)
            known = connection.execute(select(_LEASES).where(_LEASES.c.study == study)).mappings().first()
    if known is None:
        return None
    state = "drives"
    if known["expires"] == 0.0:
        state = "ended"
    elif known["expires"] <= now or _has_died(known["place"], known["pid"], known["started"]):
        state = "gone"
    return Holder(
        host=known["host"],
        pid=known["pid"],
        since=known["started"],
        state=state,
        pause_asked=state == "drives" and bool(known["pause"]),
    )


@contextmanager
def _answering(study: str) -> Iterator[None]:
    """Turns a database that is away, or has no room, into one sentence."""
    try:
        yield
    except SQLAlchemyError as error:
        raise InvalidInput(f"study {study} must have one driver, but its database cannot tell: {reason_of(error)}") from None


def _make_table(engine: Engine) -> None:
    try:
        _LEASES.create(engine, checkfirst=True)
    except SQLAlchemyError:
        # Two drivers that start together make it together.
        if not inspect(engine).has_table(_LEASES.name):
            raise


def _now(connection: Connection) -> float:
    clock = _CLOCKS.get(connection.dialect.name)
    return float(connection.execute(text(clock)).scalar_one()) if clock else time.time()


def _whereabouts() -> dict[str, object]:
    pid = os.getpid()
    return {
        "host": socket.gethostname(),
        "place": _place(),
        "pid": pid,
        "started": psutil.Process(pid).create_time(),
    }


def _place() -> str:
    """Return the scope in which process numbers are unique: this start of this machine, and the container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {psutil.boot_time():.0f}"


def _has_died(place: str, pid: int, started: float) -> bool:
    """Whether a process is known to be gone; of another machine's nothing is known."""
    if place != _place():
        return False
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) > 1.0 or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
