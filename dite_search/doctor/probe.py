"""The questions to a node. This runs in a task on every node, and imports nothing that is slow."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("dite-search", "ray", "torch")
"""Packages of which a training needs the same version everywhere."""

HEAD_BYTES = 65_536
GPU_SECONDS = 9.0

_COUNT_GPUS = """
import json, torch
print(json.dumps({"gpus": torch.cuda.device_count() if torch.cuda.is_available() else 0, "cuda": torch.version.cuda}))
"""


def probe(token: str | None, answer: str | None, files: list[str], gpus: bool) -> dict[str, Any]:
    """Look around on this node.

    Args:
        token: A file of the driver in the folder of the studies.
        answer: A file to write beside the token, with the same content.
        files: Files to read; the answer holds their sizes, or why they cannot be read.
        gpus: Whether torch counts the GPUs.
    """
    return {
        "python": platform.python_version(),
        "versions": {name: installed(name) for name in PACKAGES},
        "folder": _folder(token, answer) if token and answer else {},
        "files": {path: readable(path) for path in files},
        "torch": gpus_seen() if gpus else {},
    }


def clock() -> float:
    """Seconds since 1970 on this node."""
    return time.time()


def installed(package: str) -> str:
    """The version of an installed package; empty without it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def readable(path: str) -> dict[str, Any]:
    """The size of a file whose beginning can be read; or why it cannot. A folder has size 0."""
    try:
        if os.path.isdir(path):
            os.listdir(path)
            return {"size": 0}
        with open(path, "rb") as file:
            file.read(HEAD_BYTES)
            return {"size": os.fstat(file.fileno()).st_size}
    except OSError as error:
        return {"error": error.strerror or type(error).__name__}


def gpus_seen() -> dict[str, Any]:
    """Return how many GPUs torch sees here, and its version of CUDA; ``error`` where torch cannot be imported.

    Torch counts in a process of its own. Ray hides the GPUs from a task that asks for none, and a task that asks would wait.
    """
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", _COUNT_GPUS], capture_output=True, text=True, timeout=GPU_SECONDS, env=environment
        )
    except subprocess.TimeoutExpired:
        return {"error": f"torch did not answer within {GPU_SECONDS:g} s"}
    try:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    except (IndexError, ValueError):
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return {"error": lines[-1] if lines else f"exit status {done.returncode}"}


def _folder(token: str, answer: str) -> dict[str, Any]:
    """Read what the driver wrote, try the lock that it holds, and write the same back."""
    try:
        with open(token, "rb+") as file:
            content = file.read()
            locked = _is_locked(file.fileno())
    except OSError as error:
        return {"read_error": error.strerror or type(error).__name__}
    try:
        Path(answer).write_bytes(content)
    except OSError as error:
        return {"write_error": error.strerror or type(error).__name__}
    return {"content": content.decode("ascii", "replace"), "locked": locked}


def _is_locked(handle: int) -> bool | None:
    """Whether another process holds the lock of a file; None where the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False
