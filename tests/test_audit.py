"""The audit of the pinned packages, with a service of our own: what it does where one is broken, and where none answers."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import ROOT
from tests.ports import free_port

pytest.importorskip("pip_audit")

BROKEN = {
    "schema_version": "1.6.0",
    "id": "PYSEC-0000-1",
    "summary": "It can be broken into.",
    "affected": [
        {
            "package": {"name": "beta", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class Answers(BaseHTTPRequestHandler):
    """Knows something against one version of one package."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = (asked["package"]["name"], asked["version"]) == ("beta", "2.0")
        content = json.dumps({"vulns": [BROKEN]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


@contextlib.contextmanager
def service():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()
    thread.join()


def audit(folder, url, *pins):
    lock = folder / "requirements.lock"
    lock.write_text("# pins\n" + "".join(f"{pin}\n" for pin in pins))
    return subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "audit"), str(lock)],
        env=os.environ | {"AUDIT_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_package_that_is_known_to_be_broken_fails_it(tmp_path):
    with service() as url:
        fine, broken = audit(tmp_path, url, "alpha==1.0", "beta==2.1"), audit(tmp_path, url, "alpha==1.0", "beta==2.0")
    assert (fine.returncode, broken.returncode) == (0, 1), (fine, broken)
    assert "No known vulnerabilities found" in fine.stderr
    assert "PYSEC-0000-1" in broken.stdout
    assert "beta" in broken.stdout


def test_a_service_that_does_not_answer_is_told_and_passes(tmp_path):
    done = audit(tmp_path, f"http://127.0.0.1:{free_port()}/v1/query", "beta==2.0")
    assert done.returncode == 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.endswith("cannot be reached ([Errno 111] Connection refused); the dependencies were not audited")


def test_a_lock_file_that_cannot_be_read_fails_it(tmp_path):
    with service() as url:
        assert audit(tmp_path, url, "this is no pin at all").returncode != 0
