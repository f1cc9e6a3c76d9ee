"""A search as a page: a small server that only reads, and tells the page what is new.

The page loads nothing but what this server has. Off loopback every path begins with a token. On loopback a browser must ask
for loopback's name, so that no other site's name can lead to it (DNS rebinding).
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from plotly.offline import get_plotlyjs

from analysis.templates import template_environment
from dite_search.config.search_config import SearchConfig
from dite_search.monitor.payload import as_plain
from dite_search.monitor.snapshot import LiveReader
from dite_search.storage.database_errors import reason_of
from dite_search.study.directory import study_url_of
from dite_search.study.study import DATABASE_AWAY, readable
from search_spaces.common.errors import InvalidInput
from search_spaces.common.redaction import HIDDEN, redacted
from search_spaces.common.shell import shell_command

TEMPLATE = "dashboard.html"
TOKEN_BYTES = 24
IDLE_SECONDS = 30.0
"""After so long without a word a connection is closed: a client cannot hold a thread for ever."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A dashboard of another tool: where it is served already, or the command that serves it; no password in either."""

    name: str
    url: str = ""
    command: str = ""


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
        else Tool(name="MLflow", command=f"{served}   # then open {address}"),
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


class Dashboard:
    """The server of one study's page, on the first of ``ports`` that is free.

    Raises:
        InvalidInput: at construction, where the study cannot be read, the address is none of this machine, or no port is
            free.
    """

    def __init__(
        self, config: SearchConfig, *, host: str, ports: Iterable[int], every: float = 2.0, mlflow: str = "mlflow"
    ) -> None:
        board = SnapshotCache(LiveReader(config), every=every)
        with readable(config):
            board.json()
        self.tools = tools_of(config, mlflow=mlflow)
        self._token = "" if is_loopback(host) else secrets.token_urlsafe(TOKEN_BYTES)
        self._server = _bound(host, list(ports))
        self._server.site = Site(
            board=board,
            token=self._token,
            page=page_of(config.name, self.tools, every=every),
        )

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the page is; whoever knows it may read the study."""
        host, port = self._server.server_address[:2]
        shown = socket.gethostname() if host in ("0.0.0.0", "::") else str(host)
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/{self._token + '/' if self._token else ''}"

    def serve(self) -> None:
        """Answer until `stop`, or Ctrl-C."""
        self._server.serve_forever(poll_interval=0.2)

    def stop(self) -> None:
        """End `serve`, from another thread."""
        self._server.shutdown()


@dataclass(frozen=True, kw_only=True)
class Site:
    """The pages that are served: paths below the token, or below / without a token."""

    board: SnapshotCache
    token: str
    page: Callable[[str], bytes]

    def admits(self, path: str, host: str) -> str | None:
        """The path behind the token, or None for who may not read."""
        if not self.token:
            return path if _is_loopback_name(host) else None
        given, slash, rest = path.removeprefix("/").partition("/")
        return f"/{rest}" if slash and hmac.compare_digest(given.encode(), self.token.encode()) else None


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def page_of(name: str, tools: list[Tool], *, every: float) -> Callable[[str], bytes]:
    """The page, for the nonce that its script is given."""
    template = template_environment("dite_search").get_template(TEMPLATE)
    hidden = any(HIDDEN in tool.command for tool in tools)
    return lambda nonce: template.render(name=name, tools=tools, hidden=hidden, every=every, nonce=nonce).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Another program that holds the port must be noticed.
    allow_reuse_port = False
    site: Site


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of three paths; everything else is refused."""

    server: _Server
    server_version, sys_version = "dite-search", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        site = self.server.site
        path = site.admits(urlsplit(self.path).path, self.headers.get("Host", ""))
        if path is None:
            self._send(HTTPStatus.FORBIDDEN, "text/plain; charset=utf-8", b"The address must be the one that was printed.\n")
        elif path == "/":
            nonce = secrets.token_urlsafe(16)
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", site.page(nonce), policy=_policy(nonce))
        elif path == "/plotly.js":
            self._send(HTTPStatus.OK, "text/javascript; charset=utf-8", _plotly(), packed=True, keep=True)
        elif path == "/state.json":
            self._state(site.board)
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"There is no such page.\n")

    def do_HEAD(self) -> None:
        self.do_GET()

    def _state(self, board: SnapshotCache) -> None:
        try:
            found = board.json()
        except Exception:
            # Whatever a database raises, the page says that nothing was read, and asks again.
            self.log_error("the study cannot be read")
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", b"The study cannot be read.\n")
            return
        self._send(HTTPStatus.OK, "application/json", found)

    def _send(
        self, status: HTTPStatus, kind: str, body: bytes, *, policy: str = "", packed: bool = False, keep: bool = False
    ) -> None:
        tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
        known = status is HTTPStatus.OK and not policy and self.headers.get("If-None-Match") == tag
        self.send_response(HTTPStatus.NOT_MODIFIED if known else status)
        headers: Mapping[str, str] = {
            "Content-Type": kind,
            "Content-Length": "0" if known else str(len(body)),
            "ETag": tag,
            "Cache-Control": "private, max-age=86400" if keep else "no-cache" if not policy else "no-store",
            "Content-Security-Policy": policy or "default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            **({"Content-Encoding": "gzip"} if packed and not known else {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not known and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the terminal is the user's, and a log would hold the token."""


def _policy(nonce: str) -> str:
    """Scripts of this server alone, and nothing from anywhere else; plotly.js writes styles."""
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data: blob:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _bound(host: str, ports: list[int]) -> _Server:
    for port in ports:
        try:
            return _server_class(host)((host, port), _Handler)
        except socket.gaierror as error:
            raise InvalidInput(f"--host must be an address of this machine, got {host!r}: {error.strerror}") from None
        except OSError as error:
            if port == ports[-1]:
                where = f"port {port}" if len(ports) == 1 else f"a port from {ports[0]} to {port}"
                raise InvalidInput(f"the dashboard must have {where} of {host}, but: {error.strerror}") from None
    raise InvalidInput("the dashboard must have a port, got none")


def _server_class(host: str) -> type[_Server]:
    if ":" not in host:
        return _Server
    return type("_Server6", (_Server,), {"address_family": socket.AF_INET6})


def _is_loopback_name(host: str) -> bool:
    """Whether the Host of a request is loopback's own name, with any port."""
    try:
        return is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False


@cache
def _plotly() -> bytes:
    return gzip.compress(get_plotlyjs().encode(), mtime=0)
