"""The server of the dashboard: who may read, and how its answers are sent. It only reads, and loads nothing else."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dite_search.config.search_config import SearchConfig
from dite_search.monitor.site import TEXT, Answer, Site, StudyPages, Tool, is_loopback
from search_spaces.common.errors import InvalidInput

TOKEN_BYTES = 24
IDLE_SECONDS = 30.0
"""After so long without a word a connection is closed: a client cannot hold a thread for ever."""


class Dashboard:
    """The server of the pages of one study, or of all studies in a folder, on the first of ``ports`` that is free.

    Args:
        config: The search whose page is shown first; None shows all studies.
        directory: The folder of the studies; None takes that of the search.
        host: The address to listen on.
        ports: The ports to try.
        every: Seconds between readings of a study.
        mlflow: The program that serves MLflow's page.

    Raises:
        InvalidInput: at construction, where the study cannot be read, the address is none of this machine, or no port is
            free.
    """

    def __init__(
        self,
        config: SearchConfig | None,
        *,
        directory: Path | None = None,
        host: str,
        ports: Iterable[int],
        every: float = 2.0,
        mlflow: str = "mlflow",
    ) -> None:
        first = None if config is None else StudyPages(config, every=every, mlflow=mlflow)
        folder = directory or (Path() if config is None else config.study_directory.parent)
        self.tools: list[Tool] = first.tools if first else []
        self._token = "" if is_loopback(host) else secrets.token_urlsafe(TOKEN_BYTES)
        self._server = _bound(host, list(ports))
        self._server.site = Site(folder, first, token=self._token, every=every, mlflow=mlflow)

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Another program that holds the port must be noticed.
    allow_reuse_port = False
    site: Site


class _Handler(BaseHTTPRequestHandler):
    """GET and HEAD of the pages of a site; everything else is refused."""

    server: _Server
    server_version, sys_version = "dite-search", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        site = self.server.site
        path = site.admits(urlsplit(self.path).path, self.headers.get("Host", ""))
        if path is None:
            words = b"The address must be the one that was printed.\n"
            self._send(Answer(kind=TEXT, body=words, status=HTTPStatus.FORBIDDEN))
            return
        self._send(site.answer(path))

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer) -> None:
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:20]}"'
        plain = answer.status is HTTPStatus.OK and not answer.policy
        known = plain and self.headers.get("If-None-Match") == tag
        self.send_response(HTTPStatus.NOT_MODIFIED if known else answer.status)
        headers: Mapping[str, str] = {
            "Content-Type": answer.kind,
            "Content-Length": "0" if known else str(len(answer.body)),
            "ETag": tag,
            "Cache-Control": "private, max-age=86400" if answer.keep else "no-store" if answer.policy else "no-cache",
            "Content-Security-Policy": answer.policy or "default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
            **({"Content-Encoding": "gzip"} if answer.packed and not known else {}),
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not known and self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: the terminal is the user's, and a log would hold the token."""


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
