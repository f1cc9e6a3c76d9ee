"""The folder of the studies: writable, the same for all nodes, with locks, and large enough for the checkpoints."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dite_search.config.search_config import SearchConfig
from dite_search.config.sqlite_url import sqlite_file
from dite_search.doctor.findings import FAILED, OK, WARNING, Finding, listed
from dite_search.study.directory import STUDY_DATABASE
from search_spaces.common.shell import shell_command
from search_spaces.families.architecture import Architecture
from search_spaces.space.candidate import Candidate
from search_spaces.space.largest import largest_candidate as largest_of
from trainers.checkpoints.location import located

NAME = "folder"
_KERNEL = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "ceph",
    "lustre",
    "beegfs",
    "gpfs",
    "ocfs2",
    "gfs2",
    "virtiofs",
)
_FUSE = ("sshfs", "s3fs", "gcsfuse", "rclone", "glusterfs", "juicefs", "blobfuse", "blobfuse2", "mount-s3", "ceph")
NETWORK_FILE_SYSTEMS = frozenset((*_KERNEL, *(f"fuse.{name}" for name in _FUSE)))
"""Types of ``/proc/mounts`` on which the locks of SQLite cannot be relied on."""

CHECKPOINTS_KEPT = 3
"""Files of a training: the last checkpoint, the one before, and the best."""
FULL_AT = 0.8
"""Part of the free space from which a search is warned of."""
_TENSOR_BYTES = 350
"""Bytes that torch's file format adds to each stored tensor; 310 to 340 were seen."""


@dataclass(frozen=True, kw_only=True)
class Token:
    """A file with a secret that the driver wrote and holds the lock of; None where it could not be locked."""

    path: Path
    content: str
    locked: bool

    def answer_of(self, node_id: str) -> Path:
        """Where a node writes the same content."""
        return self.path.parent / f"answer-{node_id}"


@contextmanager
def token_in(directory: Path) -> Iterator[Token]:
    """A token in a folder of its own in ``directory``, or in the nearest one above it that exists; it goes again.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = Path(tempfile.mkdtemp(dir=_existing(directory), prefix=".doctor-"))
    try:
        folder.chmod(0o777)
        path, content = folder / "token", secrets.token_hex(16)
        path.write_text(content, encoding="ascii")
        path.chmod(0o666)
        with path.open("rb") as file:
            yield Token(path=path, content=content, locked=_lock(file.fileno()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_finding(directory: Path) -> Finding:
    """Whether a folder can be written, a file in it replaced in one step, and locked."""
    try:
        with token_in(directory) as token:
            newer = token.path.with_name("newer")
            newer.write_text("newer", encoding="ascii")
            newer.replace(token.path)
            if token.path.read_text(encoding="ascii") != "newer" or newer.exists():
                return _unusable(directory, "a file is not replaced in one step")
            if not token.locked:
                return Finding(
                    name=NAME,
                    status=WARNING,
                    sentence=f"{directory} is writable, but has no file locks (flock)",
                    remedy="mount it with locks (NFS: without nolock), or directory: a folder on another file system",
                )
    except OSError as error:
        return _unusable(directory, (error.strerror or type(error).__name__).lower())
    return Finding(name=NAME, status=OK, sentence=f"{directory} is writable, with file locks")


def shared_finding(directory: Path, answers: Mapping[str, Mapping[str, Any]], token: Token, written: set[str]) -> Finding:
    """Whether nodes see the folder of the driver, from what `probe` said on each of them by label.

    ``written`` are the labels whose answer the driver can read.
    """
    name = "shared folder"
    unread = {label: str(answer["read_error"]) for label, answer in answers.items() if "read_error" in answer}
    other = [label for label, answer in answers.items() if answer.get("content", token.content) != token.content]
    if unread or other:
        where = listed([*unread, *other])
        reason = f" ({next(iter(unread.values())).lower()})" if unread else ""
        return Finding(
            name=name,
            status=FAILED,
            sentence=f"{directory} is not the same folder on {where}{reason}: a file of the driver is not there",
            remedy="directory: a folder on a file system that every node mounts at the same path",
        )
    closed = {label: str(answer["write_error"]) for label, answer in answers.items() if "write_error" in answer}
    lost = [label for label in answers if label not in closed and label not in written]
    if closed or lost:
        reason = next(iter(closed.values())).lower() if closed else "what it wrote is not seen here"
        return Finding(
            name=name,
            status=FAILED,
            sentence=f"{directory} cannot be written on {listed([*closed, *lost])}: {reason}",
            remedy=f"{shell_command('chmod', 'a+rwx', directory)}, or mount it for writing on {listed([*closed, *lost])}",
        )
    unlocked = [label for label, answer in answers.items() if token.locked and answer.get("locked") is not True]
    if unlocked:
        return Finding(
            name=name,
            status=WARNING,
            sentence=f"{directory} is shared, but a file lock of the driver does not hold on {listed(unlocked)}",
            remedy="mount it with locks on every node (NFS: without nolock and local_lock)",
        )
    return Finding(name=name, status=OK, sentence=f"{directory} is the same folder on {len(answers)} nodes, with its locks")


def file_system_of(path: Path, mounts: str) -> str:
    """The type of the file system that holds a path, from the text of ``/proc/mounts``; empty where none is found."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        place = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1]))
        # Of several at one place the last is on top.
        if path.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), fields[2]
    return kind


def sqlite_findings(config: SearchConfig, mounts: str) -> list[Finding]:
    """Databases in files on a network file system, where SQLite can be damaged."""
    found = []
    for field, file, status in (
        ("study_url", sqlite_file(config.study_url, config.study_directory / STUDY_DATABASE), FAILED),
        ("mlflow_url", sqlite_file(config.mlflow_url, config.study_directory.parent / "mlflow.db"), WARNING),
    ):
        kind = file_system_of(_existing(file).resolve(), mounts) if file else ""
        if kind in NETWORK_FILE_SYSTEMS:
            server = "postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE" if field == "study_url" else "http://HOST:5000"
            sentence = f"{field}: {file} is SQLite on a network file system ({kind}), where it can be damaged"
            found.append(Finding(name="sqlite", status=status, sentence=sentence, remedy=f"{field}: {server}"))
    return found


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """The space that the checkpoints of a search take.

    Args:
        place: The folder of the checkpoints.
        trials: The number of trainings.
        parameters: The parameters of the largest network.
        each: The size of one checkpoint in bytes.
        average: Whether weights are averaged too.
        open_ended: Whether there may be more trainings: hours buy as many as they buy.
    """

    place: Path
    trials: int
    parameters: int
    each: int
    average: bool
    open_ended: bool = False


def checkpoints_of(config: SearchConfig, *, trials: int | None) -> Checkpoints | None:
    """The checkpoints of so many trials, or of those at once and more; None where they go to an object store."""
    place = located(config.checkpoints) if config.checkpoints else config.study_directory
    if not isinstance(place, Path):
        return None
    largest, average = largest_candidate(config), config.train_config.ema_decay is not None
    each = checkpoint_bytes(largest.arch, parameters=largest.cost.params, average=average)
    return Checkpoints(
        place=place,
        trials=trials or config.max_concurrent or 1,
        parameters=largest.cost.params,
        each=each,
        average=average,
        open_ended=not trials,
    )


def space_finding(files: Checkpoints) -> Finding:
    """Whether the checkpoints fit on the disk."""
    return fits_finding(files, free=shutil.disk_usage(_existing(files.place)).free)


def fits_finding(files: Checkpoints, *, free: int) -> Finding:
    """Whether the checkpoints fit into ``free`` bytes."""
    need = files.trials * CHECKPOINTS_KEPT * files.each
    trials = f"{'at least ' if files.open_ended else ''}{files.trials} trial{'s' if files.trials != 1 else ''}"
    sentence = (
        f"{trials} x {CHECKPOINTS_KEPT} checkpoints x at most {files.each / 1e6:.1f} MB ({files.parameters:,}"
        f" parameters x {_per_parameter(files.average)} bytes, and names) = {need / 1e9:.2f} GB, and {files.place} has"
        f" {free / 1e9:.2f} GB free"
    )
    remedy = f"free {max(need - free, need * (1 - FULL_AT)) / 1e9:.2f} GB, or checkpoints: another place, or fewer trials"
    if need > free:
        return Finding(name="disk space", status=FAILED, sentence=sentence, remedy=remedy)
    if need > FULL_AT * free:
        return Finding(name="disk space", status=WARNING, sentence=sentence, remedy=remedy)
    return Finding(name="disk space", status=OK, sentence=sentence)


def checkpoint_bytes(arch: Architecture, *, parameters: int, average: bool) -> int:
    """Bytes of one checkpoint: weights and Adam's two averages of each parameter, the averaged weights where asked for."""
    # These imports take seconds.
    import torch

    from trainers.networks.registry import build_network

    with torch.random.fork_rng(devices=[]):
        network = build_network(arch)
    tensors = len(network.state_dict()) * (2 if average else 1) + 3 * len(list(network.parameters()))
    return _per_parameter(average) * parameters + _TENSOR_BYTES * tensors


def largest_candidate(config: SearchConfig) -> Candidate:
    """The network of most parameters of the space, or near it where the space is too large to look at every point."""
    return largest_of(config.search_space, config.network_budget, lambda cost: int(cost.params))


def _per_parameter(average: bool) -> int:
    return 16 if average else 12


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            return False
        raise
    return True


def _unusable(directory: Path, reason: str) -> Finding:
    return Finding(
        name=NAME,
        status=FAILED,
        sentence=f"{directory} cannot be used: {reason}",
        remedy=f"directory: a folder that you may write, or {shell_command('chmod', 'u+rwx', _existing(directory))}",
    )


def read_mounts() -> str:
    """Return the table of mounts of this machine; empty on a system without ``/proc``."""
    try:
        return Path("/proc/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def answered(token: Token, node_ids: Mapping[str, str]) -> set[str]:
    """The labels of the nodes whose answer is there; ``node_ids`` by label."""
    return {label for label, node_id in node_ids.items() if _content(token.answer_of(node_id)) == token.content}


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def is_writable(folder: Path) -> bool:
    """Whether a folder, or the nearest one above it that exists, may be written."""
    place = _existing(folder)
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
