"""The pages of the dashboard: one of each study in a folder, and one of all of them."""

from __future__ import annotations

import gzip
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.templates import template_environment, template_text
from dite_search.config.search_config import SearchConfig
from dite_search.housekeeping.listing import size_words, studies_in
from dite_search.monitor.payload import as_plain
from dite_search.monitor.snapshot import LiveReader
from dite_search.storage.database_errors import reason_of
from dite_search.study.directory import SEARCH_FILE, load_config, study_url_of
from dite_search.study.places import REPORT_PAGE
from dite_search.study.study import DATABASE_AWAY, readable
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import format_value
from search_spaces.common.redaction import HIDDEN, redacted
from search_spaces.common.shell import shell_command

HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"
REPORT = REPORT_PAGE.rpartition("/")[2]
"""The name of the report among the pages of a study."""
REPORT_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
"""The content policy of a report, which holds its scripts itself."""
LIST_SECONDS = 10.0
"""Seconds between readings of all studies, however many pages ask."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A dashboard of another tool: where it is served already, or the command that serves it; no password in either."""

    name: str
    url: str = ""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to a path: its kind, its body, the content policy of a page, and whether it is packed or kept."""

    kind: str
    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    policy: str = ""
    packed: bool = False
    keep: bool = False


def tools_of(config: SearchConfig, *, mlflow: str = "mlflow") -> list[Tool]:
    """MLflow's own page, at the run of this search, and Optuna's, with the databases of this study."""
    # MLflow takes seconds to import.
    from dite_search.tracking.address import is_server
    from dite_search.tracking.client import tracking_uri
    from dite_search.tracking.source import search_address

    uri = tracking_uri(config.mlflow_url, config.study_directory.parent)
    storage = study_url_of(config)
    address, served = search_address(config), shell_command(mlflow, "ui", "--backend-store-uri", redacted(uri))
    return [
        Tool(name="MLflow", url=address)
        if is_server(uri)
        else Tool(name="MLflow", url=address, command=f"{served}   # then open {address}"),
        Tool(name="optuna-dashboard", command=shell_command("optuna-dashboard", redacted(storage))),
    ]


class SnapshotCache:
    """The newest reading of a study, as JSON; read at most every ``every`` seconds, however many pages ask.

    Where the study cannot be read, the last reading stays, with the ``problem`` in words.
    """

    def __init__(
        self,
        reader: LiveReader,
        *,
        every: float,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reader, self._every, self._clock, self._now = reader, every, clock, now
        self._lock = threading.Lock()
        self._read = -float("inf")
        self._plain: dict[str, Any] = {}

    def json(self) -> bytes:
        """The present state."""
        with self._lock:
            if self._clock() - self._read >= self._every:
                self._plain = self._fresh()
                self._read = self._clock()
            return json.dumps(self._plain, allow_nan=False, separators=(",", ":")).encode()

    def _fresh(self) -> dict[str, Any]:
        try:
            return as_plain(self._reader.read(self._now())) | {"problem": ""}
        except (DATABASE_AWAY, InvalidInput) as error:
            if not self._plain:
                raise
            return self._plain | {"problem": f"The study cannot be read just now: {reason_of(error)}"}


class StudyPages:
    """The pages of one study.

    Args:
        config: The search.
        every: Seconds between readings.
        mlflow: The program that serves MLflow's page.

    Raises:
        InvalidInput: at construction, where the study cannot be read.
    """

    def __init__(self, config: SearchConfig, *, every: float, mlflow: str) -> None:
        self.board = SnapshotCache(LiveReader(config), every=every)
        with readable(config):
            self.board.json()
        self.tools = tools_of(config, mlflow=mlflow)
        self._name, self._every = config.name, every
        self._report = config.study_directory / REPORT_PAGE

    def answer(self, path: str, root: str) -> Answer | None:
        """Return what is sent for a path below the study's; None where there is nothing.

        Args:
            path: The path, such as ``state.json``; empty for the page itself.
            root: The way from the page to that of all studies.
        """
        if path == "":
            nonce = secrets.token_urlsafe(16)
            page = page_of(self._name, self.tools, every=self._every, root=root)(nonce)
            return Answer(kind=HTML, body=page, policy=_policy(nonce))
        if path == "state.json":
            return Answer(kind=JSON, body=self.board.json())
        if path == REPORT:
            if not self._report.is_file():
                return Answer(kind=TEXT, body=b"The study has no report yet.\n", status=HTTPStatus.NOT_FOUND)
            return Answer(kind=HTML, body=self._report.read_bytes(), policy=REPORT_POLICY)
        return None


class Site:
    """The pages that are served: paths below the token, or below / without a token.

    Args:
        directory: The folder of the studies.
        first: The pages of the study that the address itself shows; None shows all studies there.
        token: The token of the address; empty where only this machine is listened to.
        every: Seconds between readings of a study.
        mlflow: The program that serves MLflow's page.
    """

    def __init__(self, directory: Path, first: StudyPages | None, *, token: str, every: float, mlflow: str) -> None:
        self._directory, self._first, self._token = directory, first, token
        self._every, self._mlflow = every, mlflow
        self._opened: dict[str, tuple[tuple[int, int], StudyPages]] = {}
        self._lock = threading.Lock()
        self._listed, self._list = -float("inf"), b""

    def admits(self, path: str, host: str) -> str | None:
        """The path behind the token, or None for who may not read."""
        if not self._token:
            return path if _is_loopback_name(host) else None
        given, slash, rest = path.removeprefix("/").partition("/")
        return f"/{rest}" if slash and hmac.compare_digest(given.encode(), self._token.encode()) else None

    def answer(self, path: str) -> Answer:
        """Return what is sent for a path; a sentence with its status where there is no such page."""
        found: Answer | None = None
        try:
            found = self._answer(path)
        except InvalidInput as error:
            return Answer(kind=TEXT, body=f"{error}\n".encode(), status=HTTPStatus.NOT_FOUND)
        except Exception:
            # Whatever a database raises, the page says that nothing was read, and asks again.
            return Answer(kind=TEXT, body=b"The study cannot be read.\n", status=HTTPStatus.SERVICE_UNAVAILABLE)
        return found or Answer(kind=TEXT, body=b"There is no such page.\n", status=HTTPStatus.NOT_FOUND)

    def _answer(self, path: str) -> Answer | None:
        if path == "/plotly.js":
            return Answer(kind="text/javascript; charset=utf-8", body=_plotly(), packed=True, keep=True)
        if path == "/studies" or (path == "/" and self._first is None):
            return Answer(kind=HTML, body=self._studies(), policy=_policy(""))
        if path.startswith("/study/"):
            name, slash, rest = path.removeprefix("/study/").partition("/")
            return self._pages(unquote(name)).answer(rest, "../../") if slash else None
        return self._first.answer(path.removeprefix("/"), "") if self._first else None

    def _pages(self, name: str) -> StudyPages:
        """Return the pages of a study of the folder, which are made once for each study of that name."""
        file = self._directory / name / SEARCH_FILE
        with self._lock:
            if not name or Path(name).name != name or not file.is_file():
                raise InvalidInput(f"no study {name[:80]!r} lies in the folder of the dashboard")
            # A study that was deleted and made anew has another search file; a disk may give it the same inode again.
            written = file.stat()
            made = written.st_ino, written.st_mtime_ns
            if name not in self._opened or self._opened[name][0] != made:
                config = load_config(file.parent)
                self._opened[name] = made, StudyPages(config, every=self._every, mlflow=self._mlflow)
            return self._opened[name][1]

    def _studies(self) -> bytes:
        """Return the page of all studies."""
        with self._lock:
            if time.monotonic() - self._listed >= LIST_SECONDS:
                template = template_environment("dite_search").get_template("studies.html")
                self._list = template.render(
                    directory=self._directory,
                    studies=studies_in(self._directory),
                    size_words=size_words,
                    format_value=format_value,
                    quote=lambda name: quote(name, safe=""),
                    style=_style(),
                ).encode()
                self._listed = time.monotonic()
            return self._list


def page_of(name: str, tools: list[Tool], *, every: float, root: str = "") -> Callable[[str], bytes]:
    """The page of a study, for the nonce that its script is given."""
    template = template_environment("dite_search").get_template("dashboard.html")
    hidden = any(HIDDEN in tool.command for tool in tools)
    return lambda nonce: template.render(
        name=name, tools=tools, hidden=hidden, every=every, nonce=nonce, root=root, style=_style(), report=REPORT
    ).encode()


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _policy(nonce: str) -> str:
    """Scripts of this server alone, and nothing from anywhere else; plotly.js writes styles."""
    scripts = f"'self' 'nonce-{nonce}'" if nonce else "'none'"
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _is_loopback_name(host: str) -> bool:
    """Whether the Host of a request is loopback's own name, with any port."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


@cache
def _plotly() -> bytes:
    return gzip.compress(get_plotlyjs().encode(), mtime=0)


@cache
def _style() -> Markup:
    return Markup(template_text("dite_search", "dashboard.css"))
