"""Whether one trial fits into a cluster, node by node, and how many fit at once: arithmetic only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import ResourcesSection
from dite_search.doctor.findings import FAILED, OK, WARNING, Finding

NAME = "resources"
_KINDS = ("CPU", "GPU")


@dataclass(frozen=True, kw_only=True)
class Node:
    """One node of a cluster: its id, its name for a reader, and what it has of each resource."""

    node_id: str
    label: str
    resources: Mapping[str, float]

    def has(self, kind: str) -> float:
        """How much of a resource it has."""
        return float(self.resources.get(kind, 0.0))


def workers_on(resources: ResourcesSection, node: Node) -> int:
    """How many workers fit on a node. Fractions of a GPU do not reach over two: 0.6 fits once on each."""
    places = int(node.has("CPU") / resources.cpus_per_worker + 1e-9)
    each = resources.gpus_per_worker
    if not each:
        return places
    gpus = node.has("GPU")
    by_gpu = int(gpus) * int(1 / each + 1e-9) if each < 1 else int(gpus / each + 1e-9)
    return min(places, by_gpu)


def trials_at_once(config: SearchConfig, nodes: Sequence[Node]) -> int:
    """How many trials run side by side on these nodes, at most what the search allows; 0 where not even one fits.

    The workers of one trial may be on several nodes, one worker is on one.
    """
    wanted = config.resources
    fits = sum(workers_on(wanted, node) for node in nodes) // wanted.workers
    limits = [limit for limit in (config.max_concurrent, config.trials) if limit is not None]
    return min([fits, *limits])


def resources_finding(config: SearchConfig, nodes: Sequence[Node], may_grow_to: Mapping[str, float] | None) -> Finding:
    """Whether one trial fits, with the arithmetic. ``may_grow_to`` is the most that an autoscaling cluster will have."""
    wanted = config.resources
    each = wanted.gpus_per_worker
    if each > 1 and each != int(each):
        return Finding(
            name=NAME,
            status=FAILED,
            sentence=f"resources.gpus_per_worker above 1 must be a whole number, got {each:g}",
            remedy=f"resources.gpus_per_worker: {math.ceil(each)}",
        )
    at_once = trials_at_once(config, nodes)
    if at_once:
        return _fitting(config, nodes, at_once)
    problem = _shortage(wanted, nodes)
    if may_grow_to is not None:
        beyond = [kind for kind in _KINDS if _need(wanted, kind) > may_grow_to.get(kind, 0.0)]
        if not beyond:
            return Finding(
                name=NAME,
                status=WARNING,
                sentence=f"{problem}; it may grow to {_amounts(may_grow_to)}, for which the search waits",
                remedy="resources.workers, cpus_per_worker and gpus_per_worker: what the nodes to come have",
            )
        problem += f", and will not grow beyond {_amounts(may_grow_to)}"
    return Finding(name=NAME, status=FAILED, sentence=problem, remedy=_smaller(wanted, nodes))


def _fitting(config: SearchConfig, nodes: Sequence[Node], at_once: int) -> Finding:
    wanted = config.resources
    have = {kind: sum(node.has(kind) for node in nodes) for kind in _KINDS}
    workers = sum(workers_on(wanted, node) for node in nodes)
    sentence = (
        f"one trial takes {_one_trial(wanted)} of {_amounts(have)} on {_count(len(nodes), 'node')}:"
        f" {_count(workers, 'worker')} fit{'s' if workers == 1 else ''} at once, so {_count(at_once, 'trial')}"
    )
    return Finding(name=NAME, status=OK, sentence=sentence)


def _shortage(wanted: ResourcesSection, nodes: Sequence[Node]) -> str:
    """Why not even one trial fits."""
    for kind in _KINDS:
        have, need = sum(node.has(kind) for node in nodes), _need(wanted, kind)
        if have < need:
            return f"one trial takes {_one_trial(wanted, kind)} = {need:g} {kind}, but the cluster has {have:g}"
    workers = sum(workers_on(wanted, node) for node in nodes)
    if workers == 0:
        shapes = sorted({_amounts({kind: node.has(kind) for kind in _KINDS}) for node in nodes})
        return (
            f"one worker takes {_one_worker(wanted)} on one node, but the {_count(len(nodes), 'node')}"
            f" ha{'s' if len(nodes) == 1 else 've'} {' or '.join(shapes)}{' each' if len(nodes) > 1 else ''}"
        )
    return f"one trial takes {wanted.workers} workers, but only {workers} of {_one_worker(wanted)} fit on the nodes"


def _smaller(wanted: ResourcesSection, nodes: Sequence[Node]) -> str:
    """The change of a field that makes a trial fit, where there is one; else what the cluster lacks."""
    largest = max((int(node.has("CPU")) for node in nodes), default=0)
    if wanted.gpus_per_worker and not any(node.has("GPU") for node in nodes):
        return "resources.gpus_per_worker: 0, or add nodes with GPUs (ray start --num-gpus=N)"
    if 0 < largest < wanted.cpus_per_worker:
        return f"resources.cpus_per_worker: {largest}"
    workers = sum(workers_on(wanted, node) for node in nodes)
    return f"resources.workers: {workers}" if workers else f"add nodes with {_one_worker(wanted)}"


def _need(wanted: ResourcesSection, kind: str) -> float:
    return wanted.workers * (wanted.cpus_per_worker if kind == "CPU" else wanted.gpus_per_worker)


def _one_worker(wanted: ResourcesSection) -> str:
    gpu = f" and {wanted.gpus_per_worker:g} GPU" if wanted.gpus_per_worker else ""
    return f"{wanted.cpus_per_worker} CPU{gpu}"


def _one_trial(wanted: ResourcesSection, kind: str | None = None) -> str:
    each = _one_worker(wanted)
    if kind:
        each = f"{wanted.cpus_per_worker if kind == 'CPU' else wanted.gpus_per_worker:g} {kind}"
    return f"{_count(wanted.workers, 'worker')} x {each}"


def _amounts(resources: Mapping[str, float]) -> str:
    shown = [f"{resources[kind]:g} {kind}" for kind in _KINDS if resources.get(kind)]
    return " and ".join(shown) or "no CPU"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
