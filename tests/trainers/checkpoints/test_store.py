"""The checkpoints of a training: whatever happens while one is written, one is whole, in a folder as in an object store."""

from __future__ import annotations

import dataclasses
import errno
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from search_spaces.common.errors import InvalidInput, StorageFull, StorageUnavailable
from tests.object_store import BUCKET, object_store
from trainers.checkpoints.checkpoint import BEST, LAST, PREVIOUS, Checkpoint, load_checkpoint
from trainers.checkpoints.files import S3Files
from trainers.checkpoints.store import CheckpointStore, local_copy

PLACE = f"s3://{BUCKET}/search/trials/00003"
PREFIX = "search/trials/00003/"


@pytest.fixture
def store(monkeypatch):
    with object_store(monkeypatch) as running:
        yield running


def at(checkpoint: Checkpoint, step: int) -> Checkpoint:
    """A small checkpoint that differs from that of any other step in all it holds."""
    state = {**checkpoint.state, "network": {"weight": torch.full((50,), float(step))}}
    return dataclasses.replace(checkpoint, state=state, position=step)


def step_of(found: Checkpoint | None) -> int | None:
    if found is None:
        return None
    assert torch.equal(found.weights["weight"], torch.full((50,), float(found.position)))
    return found.position


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    if request.param == "folder":
        return tmp_path / "trials" / "00003"
    request.getfixturevalue("store")
    return PLACE


def opened(place, notes=None, **named) -> CheckpointStore:
    return CheckpointStore(place, note=(notes if notes is not None else []).append, sleep=lambda _: None, **named)


def names_in(place, request) -> list[str]:
    """Every file, hidden ones included."""
    if isinstance(place, Path):
        return sorted(os.listdir(place))
    return [key.removeprefix(PREFIX) for key in request.getfixturevalue("store").keys(PREFIX)]


def replace(place, name: str, content: bytes | None, request) -> None:
    """Put a content where a checkpoint lies, or take it away, behind its back."""
    if isinstance(place, Path):
        (place / name).unlink() if content is None else (place / name).write_bytes(content)
        return
    service = request.getfixturevalue("store")
    if content is None:
        service.client.delete_object(Bucket=BUCKET, Key=PREFIX + name)
    else:
        service.put(PREFIX + name, content)


def content_of(place, name: str, request) -> bytes:
    return (
        (place / name).read_bytes() if isinstance(place, Path) else request.getfixturevalue("store").content(PREFIX + name)
    )


def test_an_empty_place(place):
    assert opened(place).load() is None


def test_the_last_the_one_before_and_the_best_are_kept(place, checkpoint, request):
    saving, notes = opened(place), []
    for step in (1, 2, 3, 4):
        saving.save(at(checkpoint, step), best=step == 2)
    assert names_in(place, request) == [BEST, LAST, PREVIOUS]
    assert step_of(opened(place, notes).load()) == 4
    assert notes == []
    replace(place, LAST, None, request)
    assert step_of(opened(place).load()) == 3
    replace(place, PREVIOUS, None, request)
    assert step_of(opened(place).load()) == 2


def test_a_last_that_is_altered_is_told_and_the_one_before_taken(place, checkpoint, request):
    saving, notes = opened(place), []
    for step in (1, 2, 3):
        saving.save(at(checkpoint, step), best=step == 1)
    whole = content_of(place, LAST, request)
    replace(place, LAST, whole[: len(whole) // 2], request)
    going_on = opened(place, notes)
    assert step_of(going_on.load()) == 2
    (note,) = notes
    assert note.startswith(f"checkpoint {going_on.where(LAST)} must be a whole torch file of plain tensors, but: ")
    assert note.endswith("; going on from previous.pt, after epoch 1 and 2 batches")
    going_on.save(at(checkpoint, 4))
    replace(place, LAST, None, request)
    assert step_of(opened(place).load()) == 2, "the broken last has not pushed out the one before"


def test_a_missing_last_is_told(place, checkpoint, request):
    saving, notes = opened(place), []
    saving.save(at(checkpoint, 1))
    saving.save(at(checkpoint, 2))
    replace(place, LAST, None, request)
    going_on = opened(place, notes)
    assert step_of(going_on.load()) == 1
    assert notes == [f"checkpoint {going_on.where(LAST)} is missing; going on from previous.pt, after epoch 1 and 1 batches"]


def test_nothing_whole_is_never_taken_for_nothing(place, checkpoint, request):
    saving = opened(place)
    saving.save(at(checkpoint, 1))
    saving.save(at(checkpoint, 2))
    for name in (LAST, PREVIOUS):
        replace(place, name, b"PK\x03\x04 nonsense", request)
    message = (
        r"last\.pt must be a whole torch file .*; previous\.pt cannot take its place; remove what is there to start anew"
    )
    with pytest.raises(InvalidInput, match=message):
        opened(place).load()


def test_a_training_takes_over_the_checkpoints_of_another(place, checkpoint, tmp_path, request):
    earlier, notes = tmp_path / "earlier", []
    old = opened(earlier)
    for step in (1, 2, 3):
        old.save(at(checkpoint, step), best=step == 1)
    replace(earlier, LAST, b"broken", request)
    new = opened(place)
    new.take(opened(earlier, notes))
    assert "going on from previous.pt" in notes[0]
    assert names_in(place, request) == [BEST, LAST]
    assert step_of(opened(place).load()) == 2
    new.save(at(checkpoint, 5))
    new.take(opened(earlier))
    assert step_of(opened(place).load()) == 5, "what a training has of its own stays"
    opened(tmp_path / "new").take(opened(tmp_path / "none"))
    assert not (tmp_path / "new").exists()


class Crash(BaseException):
    """The process dies: it does nothing any more, tidying up included."""


class Dying:
    """Lets so many calls through and then none, the next one before or after it has done its work."""

    def __init__(self, calls: int, *, after: bool) -> None:
        self.left, self.after = calls, after

    def __call__(self, function):
        def call(*arguments, **named):
            self.left -= 1
            if self.left > 0:
                return function(*arguments, **named)
            if self.left == 0 and self.after:
                function(*arguments, **named)
            raise Crash

        return call


FILE_CALLS = ("open", "fsync", "replace", "unlink", "chmod", "close", "mkdir")


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("best", [False, True], ids=["last", "best"])
def test_a_crash_at_any_file_operation_leaves_the_old_or_the_new(checkpoint, tmp_path, after, best, request):
    place, found, crashes = tmp_path / "trial", set(), 0
    for calls in range(1, 200):
        shutil.rmtree(place, ignore_errors=True)
        saving = opened(place)
        for step in (1, 2):
            saving.save(at(checkpoint, step), best=True)
        dying = Dying(calls, after=after)
        with pytest.MonkeyPatch.context() as patch:
            for name in FILE_CALLS:
                patch.setattr(os, name, dying(getattr(os, name)))
            patch.setattr(Path, "write_bytes", dying(Path.write_bytes))
            try:
                saving.save(at(checkpoint, 3), best=best)
            except Crash:
                crashes += 1
            else:
                break
        going_on = opened(place)
        found.add(step_of(going_on.load()))
        assert step_of(load_checkpoint(place / BEST)) in ((2, 3) if best else (2,))
        going_on.save(at(checkpoint, 4))
        assert step_of(opened(place).load()) == 4
        assert names_in(place, request) == [BEST, LAST, PREVIOUS], "what was begun is swept away"
    assert found == {2, 3}
    assert crashes > 8


@pytest.mark.slow
def test_a_crash_after_any_request_leaves_the_old_or_the_new(checkpoint, store, request):
    found, crashes = set(), 0
    for calls in range(1, 200):
        for key in store.keys(PREFIX):
            store.client.delete_object(Bucket=BUCKET, Key=key)
        saving = opened(PLACE)
        for step in (1, 2):
            saving.save(at(checkpoint, step), best=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(S3Files, "_ask", Dying(calls, after=True)(S3Files._ask))
            try:
                saving.save(at(checkpoint, 3), best=True)
            except Crash:
                crashes += 1
            else:
                break
        going_on = opened(PLACE)
        found.add(step_of(going_on.load()))
        going_on.save(at(checkpoint, 4), best=True)
        assert step_of(opened(PLACE).load()) == 4
        assert names_in(PLACE, request) == [BEST, LAST, PREVIOUS]
    assert found == {2, 3}
    assert crashes >= 7


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process that it forks")
def test_a_process_killed_at_any_moment_leaves_a_whole_checkpoint(checkpoint, tmp_path):
    place, generator, last = tmp_path / "trial", random.Random(5), 0
    for _ in range(25):
        child = os.fork()
        if child == 0:
            try:
                saving = opened(place)
                for step in range(last + 1, last + 10_000):
                    saving.save(at(checkpoint, step), best=step % 3 == 0)
            finally:
                os._exit(1)
        time.sleep(0.01 + 0.08 * generator.random())
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found = step_of(opened(place).load())
        assert (found or 0) >= last
        last = found or last
    assert last > 25
    opened(place).save(at(checkpoint, last + 1), best=True)
    assert sorted(os.listdir(place)) == [BEST, LAST, PREVIOUS]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system may be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(file) -> None:
    while True:
        file.write(bytes(4096))


@pytest.mark.skipif(shutil.which("mount") is None, reason="there is no mount command")
def test_a_full_disk_keeps_what_is_there_and_is_gone_on_from(checkpoint, small_disk):
    place = small_disk / "trial"
    saving = opened(place)
    saving.save(at(checkpoint, 1), best=True)
    saving.save(at(checkpoint, 2))
    before = {name: (place / name).read_bytes() for name in os.listdir(place)}
    filling = small_disk / "filling"
    with filling.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        fill(file)
    last = str(place / LAST)
    with pytest.raises(StorageFull) as caught:
        saving.save(at(checkpoint, 3))
    assert str(caught.value) == f"checkpoint {last} cannot be written: no space left in {place}"
    assert {name: (place / name).read_bytes() for name in os.listdir(place)} == before
    filling.unlink()
    saving.save(at(checkpoint, 3))
    assert step_of(opened(place).load()) == 3


def refusing(number: int, message: str):
    def call(*_):
        raise OSError(number, message)

    return call


@pytest.mark.parametrize(
    ("number", "kind", "reason"),
    [
        (errno.EDQUOT, StorageFull, "no space left in"),
        (errno.ESTALE, StorageUnavailable, "cannot be written: Stale file handle"),
        (errno.EROFS, InvalidInput, "cannot be written: Read-only file system"),
    ],
)
def test_why_a_folder_takes_nothing(checkpoint, tmp_path, monkeypatch, number, kind, reason):
    saving = opened(tmp_path)
    saving.save(at(checkpoint, 1))
    monkeypatch.setattr(os, "fsync", refusing(number, os.strerror(number)))
    with pytest.raises(InvalidInput, match=rf"checkpoint .*last\.pt .*{reason}") as caught:
        saving.save(at(checkpoint, 2))
    assert type(caught.value) is kind
    assert step_of(opened(tmp_path).load()) == 1


def test_a_medium_that_does_not_give_the_last_back(checkpoint, tmp_path, monkeypatch):
    saving, notes = opened(tmp_path), []
    saving.save(at(checkpoint, 1))
    saving.save(at(checkpoint, 2))
    read = Path.read_bytes
    monkeypatch.setattr(
        Path,
        "read_bytes",
        lambda path: refusing(errno.EIO, "Input/output error")() if path.name == LAST else read(path),
    )
    assert step_of(opened(tmp_path, notes).load()) == 1
    assert "last.pt cannot be read: Input/output error; going on from previous.pt" in notes[0]


def test_a_folder_that_may_not_be_synced_is_no_obstacle(checkpoint, tmp_path, monkeypatch):
    sync = os.fsync

    def files_only(handle):
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    opened(tmp_path).save(at(checkpoint, 1))
    assert step_of(opened(tmp_path).load()) == 1


def test_objects_are_uploaded_whole_and_moved_by_the_store(checkpoint, store):
    saving = opened(PLACE)
    saving.save(at(checkpoint, 1))
    store.requests.clear()
    saving.save(at(checkpoint, 2))
    uploads = [path for method, path, source in store.requests if method == "PUT" and source is None]
    assert len(uploads) == 1
    assert uploads[0].startswith(f"/{BUCKET}/{PREFIX}.last.pt.")
    copies = [(source.lstrip("/"), path) for method, path, source in store.requests if source is not None]
    assert [path for _, path in copies] == [f"/{BUCKET}/{PREFIX}{PREVIOUS}", f"/{BUCKET}/{PREFIX}{LAST}"]
    assert copies[0][0].startswith(f"{BUCKET}/{PREFIX}{LAST}")


def test_a_store_that_is_away_for_a_moment_is_asked_again(checkpoint, store):
    pauses: list[float] = []
    saving = CheckpointStore(PLACE, sleep=pauses.append)
    refused = iter([True] * 3)
    store.refuse = lambda method, path: method == "PUT" and next(refused, False)
    saving.save(at(checkpoint, 1))
    assert pauses == [0.5, 1.0, 2.0]
    assert step_of(saving.load()) == 1


@pytest.mark.slow
def test_a_store_that_is_away_for_longer_is_named(checkpoint, store, monkeypatch):
    saving = opened(PLACE)
    saving.save(at(checkpoint, 1))
    store.refuse = lambda method, path: True
    with pytest.raises(StorageUnavailable, match=rf"^checkpoint {PLACE}/last\.pt cannot be written, tried 4 times: ."):
        saving.save(at(checkpoint, 2))
    with pytest.raises(StorageUnavailable, match=rf"^checkpoint {PLACE}/last\.pt cannot be read, tried 4 times: ."):
        saving.load()
    store.refuse = lambda method, path: False
    assert step_of(saving.load()) == 1
    # No service at all, and an address with a password, which is nobody's business.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:s3cr3t@127.0.0.1:9")
    with pytest.raises(StorageUnavailable, match="tried 4 times") as caught:
        opened(PLACE).load()
    assert "s3cr3t" not in str(caught.value)


def test_a_bucket_that_does_not_exist_and_one_without_credentials(checkpoint, store, monkeypatch, tmp_path):
    with pytest.raises(
        InvalidInput, match=r"^checkpoint s3://nowhere/x/last\.pt cannot be written: .*bucket does not exist"
    ):
        opened("s3://nowhere/x").save(at(checkpoint, 1))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidInput, match="Unable to locate credentials") as caught:
        opened(PLACE).save(at(checkpoint, 1))
    assert not isinstance(caught.value, StorageUnavailable)


def test_s3_without_its_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "s3fs", None)
    with pytest.raises(InvalidInput, match=rf"location {PLACE} needs the package s3fs: install dite-search\[s3\]"):
        opened(PLACE).load()


@pytest.mark.slow
def test_a_copy_on_this_machine_is_downloaded_once_and_checked(checkpoint, store, tmp_path):
    saving, cache = opened(PLACE), tmp_path / "cache"
    assert local_copy(tmp_path / "x.pt", cache) == tmp_path / "x.pt"
    with pytest.raises(InvalidInput, match=rf"checkpoint {PLACE}/last\.pt does not exist"):
        local_copy(f"{PLACE}/{LAST}", cache)
    saving.save(at(checkpoint, 1))
    path = local_copy(f"{PLACE}/{LAST}", cache)
    assert step_of(load_checkpoint(path)) == 1
    store.requests.clear()
    assert local_copy(f"{PLACE}/{LAST}", cache) == path
    assert {method for method, *_ in store.requests} == {"HEAD"}
    path.write_bytes(path.read_bytes()[:-200])
    assert step_of(load_checkpoint(local_copy(f"{PLACE}/{LAST}", cache))) == 1, "a broken copy is downloaded anew"
    saving.save(at(checkpoint, 2))
    newer = local_copy(f"{PLACE}/{LAST}", cache)
    assert step_of(load_checkpoint(newer)) == 2
    assert list(cache.iterdir()) == [newer]
    store.put(f"{PREFIX}{LAST}", b"PK\x03\x04 broken")
    with pytest.raises(InvalidInput, match=rf"checkpoint {PLACE}/last\.pt must be a whole torch file"):
        local_copy(f"{PLACE}/{LAST}", cache)
