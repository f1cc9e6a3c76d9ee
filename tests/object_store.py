"""A real S3 service on loopback, which can be told to fail."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib import request

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "checkpoints"
read_description = JSONFileLoader().load_file


@cache
def description(path: str) -> Any:
    """Return a file of the installed package that says what S3 can do: each client reads it anew, in a third of a second."""
    return read_description(path)


class ObjectStore:
    """Answers requests, remembers them as (method, path, source of a copy), and refuses those that ``refuse`` picks."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str | None]] = []
        self.refuse: Callable[[str, str], bool] = lambda method, path: False
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        # The objects of moto belong to the process, not to the server.
        request.urlopen(request.Request(f"{self.address}/moto-api/reset", method="POST")).close()
        self.client = boto3.client(
            "s3",
            endpoint_url=self.address,
            aws_access_key_id="anyone",
            aws_secret_access_key="anything",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket=BUCKET)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def keys(self, prefix: str = "") -> list[str]:
        """The names of all objects."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return sorted(entry["Key"] for entry in found)

    def content(self, key: str) -> bytes:
        """Return the content of an object."""
        return self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def put(self, key: str, content: bytes) -> None:
        """Replace an object."""
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path, environ.get("HTTP_X_AMZ_COPY_SOURCE")))
        if self.refuse(method, path):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("503 Service Unavailable", [("Content-Type", "application/xml")])
            return [b"<Error><Code>ServiceUnavailable</Code><Message>The service is away.</Message></Error>"]
        return self._moto(environ, start_response)


@contextmanager
def object_store(patch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    """A store that the environment names, as a user's would."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    patch.setattr(JSONFileLoader, "load_file", lambda _, path: description(path))
    store = ObjectStore()
    patch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    patch.setenv("AWS_ENDPOINT_URL", store.address)
    try:
        yield store
    finally:
        store.close()
