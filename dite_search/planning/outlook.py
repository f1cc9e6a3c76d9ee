"""Estimates of what a search will take: the networks within its budget, the hours of its trainings, and their memory."""

from __future__ import annotations

import math
import os
import time

import numpy as np
import psutil

from analysis.study.labels import coarse_seconds, format_seconds, number_words
from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import root_of, undrawn_data_of
from dite_search.doctor.findings import OK, WARNING, Finding
from dite_search.spending.limits import HOUR, TIMES, Limits
from search_spaces.common.objectives import format_value
from search_spaces.space.candidate import Candidate, CandidateCache
from trainers.training.timing import TrainingTime, time_training

NETWORKS, SPEED, HOURS, MEMORY = "networks", "speed", "hours", "memory"
MOST_COUNTED, DRAWN = 3000, 300
"""Points up to which all networks of a space are counted, and those that are drawn of a larger space."""
SECONDS = 6.0
"""Seconds of the steps that are timed."""
GIB = 2**30


def outlook(config: SearchConfig, *, at_once: int) -> list[Finding]:
    """Return what a search that is about to begin will take; trials of ``at_once`` run side by side.

    A network of the middle of the space is trained for some steps on this machine, which takes seconds. Nothing is written.
    """
    allowed, found = _networks(config)
    findings = [found]
    if not allowed:
        return findings
    if config.data.synthetic is not None and not root_of(config).exists():
        return [*findings, Finding(name=SPEED, status=OK, sentence="a step is timed once the images are drawn")]
    timed = _timed(config, allowed)
    if isinstance(timed, Finding):
        return [*findings, timed]
    network, measured = timed
    epoch = measured.epoch_seconds(config.train_config)
    whole = epoch * config.train_config.epochs
    where = "a GPU" if measured.device == "cuda" else number_words(measured.threads, "thread")
    speed = (
        f"a network of {format_value('mmacs', network.cost.mmacs)} MMACs takes {measured.step_seconds:.2g} s a step on"
        f" {where}, {format_seconds(epoch)} an epoch of {number_words(measured.steps, 'step')}, and"
        f" {format_seconds(whole)} for {number_words(config.train_config.epochs, 'epoch')}"
    )
    return [
        *findings,
        Finding(name=SPEED, status=OK, sentence=speed),
        hours_finding(config, epoch=epoch, at_once=at_once, now=time.time()),
        memory_finding(measured, at_once=_on_one_device(config, measured, at_once), available=_available(measured)),
    ]


def _networks(config: SearchConfig) -> tuple[list[Candidate], Finding]:
    """Return networks within the budget, cheapest first, and how many there are."""
    space, candidates = config.search_space, CandidateCache(config.search_space)
    count = space.count()
    if count <= MOST_COUNTED:
        drawn = [candidates(point) for point in space.points()]
    else:
        generator = np.random.default_rng(0)
        drawn = [
            candidates({name: value for name, value in space.sample(generator).items() if name in space.choices})
            for _ in range(DRAWN)
        ]
    allowed = [candidate for candidate in drawn if config.network_budget.allows(candidate.cost.objectives)]
    share = len(allowed) / len(drawn)
    about = "" if count <= MOST_COUNTED else "about "
    limits = " and ".join(map(str, config.network_budget.constraints))
    sentence = f"{about}{round(share * count):,} of {count:,} points of space {space.name} are within the budget {limits}"
    if not limits:
        sentence = f"the space {space.name} has {count:,} points"
    return sorted(allowed, key=lambda candidate: candidate.cost.mmacs), Finding(name=NETWORKS, status=OK, sentence=sentence)


def _timed(config: SearchConfig, allowed: list[Candidate]) -> tuple[Candidate, TrainingTime] | Finding:
    """Time a network of the middle, on as many threads as a trial has."""
    import torch

    resources = config.resources
    if resources.gpus_per_worker and not torch.cuda.is_available():
        sentence = "this machine has no GPU to time a step on"
        return Finding(name=SPEED, status=OK, sentence=sentence)
    network, threads = allowed[len(allowed) // 2], torch.get_num_threads()
    torch.set_num_threads(resources.cpus_per_worker)
    try:
        return network, time_training(network.arch, config.train_config, undrawn_data_of(config), seconds=SECONDS)
    finally:
        torch.set_num_threads(threads)


def hours_finding(config: SearchConfig, *, epoch: float, at_once: int, now: float) -> Finding:
    """Return how long the search takes, or how many networks its hours are enough for.

    Trials side by side are taken to be as fast as one alone. Those that are stopped early take less.

    Args:
        config: The search.
        epoch: The seconds of an epoch.
        at_once: The trials that run side by side.
        now: The time, in seconds since 1970.
    """
    first, whole = min(config.goals) * epoch, config.train_config.epochs * epoch
    side = f", {at_once} at a time" if at_once > 1 else ""
    words, status = [], OK
    if config.trials is not None:
        rounds = math.ceil(config.trials / at_once)
        words.append(
            f"{number_words(config.trials, 'network')} take{'s' if config.trials == 1 else ''} about"
            f" {coarse_seconds(rounds * whole)}{side}, if none stops early"
        )
    limits = Limits.of(config.spend)
    times = [limit - now if name == "until" else limit for name, limit in limits.known.items() if name in TIMES]
    if limits.gpu_hours is not None and config.resources.gpus_of_trial:
        times.append(limits.gpu_hours / config.resources.gpus_of_trial / at_once)
    if times:
        seconds = min(times)
        trainings, begun = at_once * seconds / whole, at_once * seconds / first
        words.append(
            f"{seconds / HOUR:.3g} h are enough for about {number_words(int(trainings), 'whole training')}{side}"
            + (f", or {int(begun):,} networks to epoch {min(config.goals)}" if first < whole else "")
        )
        if trainings < 1:
            status = WARNING
            words.append("not one training ends")
    remedy = "spend.hours or until, or training.epochs" if status == WARNING else ""
    return Finding(name=HOURS, status=status, sentence="; ".join(words) or "the budget is in epochs", remedy=remedy)


def memory_finding(measured: TrainingTime, *, at_once: int, available: int) -> Finding:
    """Return whether the memory of this machine holds the trainings that run side by side; ``available`` in bytes."""
    needed = measured.memory * at_once
    kind = "GPU memory" if measured.device == "cuda" else "memory"
    sentence = (
        f"a training takes about {measured.memory / GIB:.1f} GiB of {kind}, {number_words(at_once, 'trial')} at once"
        f" {needed / GIB:.1f} of the {available / GIB:.1f} GiB that are free here"
    )
    if needed <= available:
        return Finding(name=MEMORY, status=OK, sentence=sentence)
    remedy = "max_concurrent: fewer trials at once, or a smaller training.batch_size or micro_batch"
    return Finding(name=MEMORY, status=WARNING, sentence=sentence, remedy=remedy)


def _on_one_device(config: SearchConfig, measured: TrainingTime, at_once: int) -> int:
    """Return how many of the trials that run side by side share one GPU, or one machine without GPUs."""
    resources = config.resources
    if measured.device == "cuda":
        share = resources.gpus_per_worker
        most = int(1 / share) if 0 < share < 1 else 1
    else:
        most = (os.cpu_count() or 1) // (resources.cpus_per_worker * resources.workers)
    return max(1, min(at_once, most))


def _available(measured: TrainingTime) -> int:
    """Return the bytes that are free for trainings, with those that the measurement holds itself."""
    if measured.device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0]) + torch.cuda.memory_reserved()
    return int(psutil.virtual_memory().available) + measured.memory
