"""The processes that prepare shards side by side, and what is said of one that ends before its work does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.connection import wait as wait_for
from multiprocessing.process import BaseProcess
from typing import Any

import cv2

from search_spaces.common.errors import InvalidInput
from trainers.data.prepared.shards import Shard, ShardPlan, prepare_shard

Progress = Callable[[int, int], None]
"""Told after every shard how many people are done, and of how many."""

_NO_SHARD = -1
_note: Callable[[int, int], None] | None = None
"""In a process of the pool: tells the process that started it which shard, and which image of it, is worked at."""


def prepare_shards(plans: Sequence[ShardPlan], workers: int, progress: Progress) -> list[tuple[Shard, bool]]:
    """Return what `prepare_shard` does for each plan, worked off by so many processes; by this one alone where it is 1.

    Raises:
        InvalidInput: a process was ended; the message names the image that it was at.
    """
    total, done = sum(plan.count for plan in plans), 0
    progress(done, total)
    made: dict[int, tuple[Shard, bool]] = {}
    if workers == 1:
        for number, plan in enumerate(plans):
            made[number] = prepare_shard(plan)
            done += plan.count
            progress(done, total)
        return list(made.values())
    workers = min(workers, len(plans))
    # Fresh processes: a fork of one that has threads, as torch starts them, may wait for ever.
    context = multiprocessing.get_context("spawn")
    places, taken = context.RawArray("q", [_NO_SHARD] * 3 * workers), context.Value("i", 0)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=(places, taken)) as pool:
        before = set(multiprocessing.active_children())
        waiting: dict[Future[tuple[Shard, bool]], int] = {pool.submit(_prepare, p, n): n for n, p in enumerate(plans)}
        processes = [child for child in multiprocessing.active_children() if child not in before]
        try:
            while waiting:
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    number = waiting.pop(future)
                    made[number] = future.result()
                    done += plans[number].count
                    progress(done, total)
        except BrokenProcessPool:
            pool.shutdown(wait=True)
            raise _ended(processes, list(places), plans) from None
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [made[number] for number in range(len(plans))]


def _ended(processes: Sequence[BaseProcess], places: Sequence[int], plans: Sequence[ShardPlan]) -> InvalidInput:
    """Return the sentence about a pool of which one process ended; the pool ends the others by SIGTERM."""
    images = {
        places[start]: plans[places[start + 1]].root / plans[places[start + 1]].images[places[start + 2]].file
        for start in range(0, len(places), 3)
        if places[start + 2] != _NO_SHARD
    }
    for process in processes:
        if process.exitcode and process.exitcode > 0 and process.pid in images:
            return InvalidInput(
                f"image {images[process.pid]} cannot be prepared: the library that cuts it ended its process with status"
                f" {process.exitcode}; save the image anew with another program, or take it out of the data"
            )
    killed = [process for process in processes if process.exitcode not in (None, 0, -signal.SIGTERM)]
    known = [images[process.pid] for process in killed if process.pid in images] or list(images.values())
    where = f" at image {' or '.join(sorted(map(str, known)))}" if known else ""
    return InvalidInput(
        f"a process that prepares {plans[0].folder} was ended from outside{where}, perhaps for want of memory:"
        " run the same command again, which keeps what is finished, or with fewer --workers"
    )


def _prepare(plan: ShardPlan, number: int) -> tuple[Shard, bool]:
    assert _note is not None, "a process of the pool was started by _start"
    note = partial(_note, number)
    try:
        return prepare_shard(plan, at=note)
    finally:
        note(_NO_SHARD)


def _start(places: Any, taken: Any) -> None:
    """One thread, the keyboard's interrupt left to the parent, and an end where the parent is killed."""
    global _note
    cv2.setNumThreads(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def leave() -> None:
        wait_for([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()
    with taken.get_lock():
        start = 3 * taken.value
        taken.value += 1
    places[start] = os.getpid()

    def note(shard: int, image: int) -> None:
        places[start + 1 : start + 3] = [shard, image]

    _note = note
