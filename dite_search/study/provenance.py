"""Where a search comes from: the command, the versions and the machine that a reader needs to repeat it."""

from __future__ import annotations

import dataclasses
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from analysis.study.learning import DataCounts
from dite_search.study.places import WORKING_DIRECTORY
from trainers.data.config import DataConfig
from trainers.data.identity import data_identity

GIT_SECONDS = 10


def provenance(uri: str, data: DataConfig, counts: DataCounts | None = None) -> dict[str, Any]:
    """Return the facts that a reader needs to repeat a search: command, versions, commit, machine, time and data.

    ``counts`` are those of the people and images.
    """
    packages = ("dite-search", "ray", "torch", "optuna", "mlflow")
    commit = git_commit(Path(__file__).parents[2])
    return {
        "command": " ".join(["dite-search", *sys.argv[1:]]),
        WORKING_DIRECTORY: str(Path.cwd()),
        "started": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
        **({"git_commit": commit} if commit else {}),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "mlflow_uri": uri,
        "data": data_identity(data),
        **(dataclasses.asdict(counts) if counts else {}),
    }


def git_commit(checkout: Path) -> str | None:
    """The commit of a checkout, with ``+changes`` where files differ from it.

    None where there is no checkout (an installed program has its version, whatever repository it is installed in) or no git.
    """
    if not (checkout / ".git").exists():
        return None
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        changed = _git(checkout, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}+changes" if changed else commit


def _git(checkout: Path, *words: str) -> str:
    command = ["git", "-C", str(checkout), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=GIT_SECONDS).stdout.strip()
