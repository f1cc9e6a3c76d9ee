"""One run of a competitor over a recorded table, and many of them, kept on disk."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import dite_search
from analysis.pareto.front import hypervolume
from analysis.study.trial_status import TrialStatus
from benchmarks.search_cost.competitors import Competitor
from dite_search.algorithms.cost_aware.candidates import Candidates, SpaceCandidates
from dite_search.algorithms.cost_aware.listed_candidates import ListedCandidates
from dite_search.simulation.recorded_curves import Curve
from dite_search.simulation.replay_study import ReplayStorage, create_replay
from dite_search.simulation.simulator import Simulation, replayed_config
from dite_search.simulation.tabular_benchmark import TabularBenchmark, load_table
from search_spaces.common.files import write_json
from search_spaces.common.objectives import MAXIMIZE
from search_spaces.space.budget import Budget
from search_spaces.space.listed_space import ListedSpace

Replay = TypeVar("Replay", bound=Simulation)
PACKAGES = ("numpy", "optuna", "ray", "syne-tune")
DECIDING = ("algorithms/**/*.py", "simulation/simulator.py", "driver/scheduler.py", "driver/searcher.py")
"""Modules of this search on which the outcome of a replay depends."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms that are the same for all: table, workers side by side, epochs in all, fraction that ends a run, budget.

    ``budget`` holds limits such as ``mmacs <= 2``: the hypervolume is then that of the networks within, for everyone.
    """

    table: str
    workers: int = 4
    epochs: int
    target: float = 0.99
    budget: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Run:
    """The result of one run.

    Args:
        steps: A pair for each rise of the hypervolume: the epochs that all trainings spent, and the fraction that complete
            trials had reached by then.
        spent: The epochs of the run.
        trials: The number of trials that are complete, stopped and running.
    """

    steps: tuple[tuple[int, float], ...]
    spent: int
    trials: Mapping[str, int]

    def epochs_to(self, fraction: float) -> float:
        """Epochs until a fraction was reached; infinity where it never was."""
        return next((float(epochs) for epochs, reached in self.steps if reached >= fraction), float("inf"))


def run(competitor: Competitor, table: TabularBenchmark, terms: Terms, seed: int) -> Run:
    """One search, until the target, the last epoch of the budget, or the last network."""
    simulation = _simulation(competitor, table, terms, seed)
    limits = Budget.parse(terms.budget, [name for name, side in _sides(table) if side == "minimize"])
    within = {arch_id for arch_id in table.points if limits.allows(table.finals[arch_id])}
    whole = _volume(table, within)
    steps: list[tuple[int, float]] = []
    seen: set[str] = set()
    trials: Counter[str] = Counter()
    for ended in simulation.run():
        trials[ended.status] += 1
        arch_id = ended.arch.arch_id
        if ended.status is not TrialStatus.COMPLETE or arch_id not in within or arch_id in seen:
            continue
        seen.add(arch_id)
        reached = _volume(table, seen) / whole
        if not steps or reached > steps[-1][1]:
            steps.append((ended.epochs, reached))
        if reached >= terms.target:
            break
    trials[TrialStatus.RUNNING] = simulation.trainings - trials.total()
    counts = {
        status: trials[status]
        for status in (TrialStatus.COMPLETE, TrialStatus.STOPPED, TrialStatus.FAILED, TrialStatus.RUNNING)
    }
    return Run(steps=tuple(steps), spent=simulation.epochs, trials=counts)


def _simulation(competitor: Competitor, table: TabularBenchmark, terms: Terms, seed: int) -> Simulation:
    return simulation_of(
        competitor,
        table,
        seed=seed,
        workers=terms.workers,
        max_epochs=terms.epochs,
        curve_of=lambda arch, repeat: table.curve(arch.arch_id, repeat),
        budget=terms.budget if competitor.gated else (),
    )


def simulation_of(
    competitor: Competitor,
    table: TabularBenchmark,
    *,
    seed: int,
    workers: int,
    max_epochs: int,
    curve_of: Callable[[Any, int], Curve],
    budget: Sequence[str] = (),
    kind: type[Replay] = Simulation,  # type: ignore[assignment]
) -> Replay:
    """Return the search of a competitor over a table, ready to run.

    Args:
        competitor: The search.
        table: The recorded trainings.
        seed: The seed of the search.
        workers: The number of trainings side by side.
        max_epochs: The epochs that all trainings together may spend.
        curve_of: The curve of a network's training by its number.
        budget: Limits that the search is told of.
        kind: The class of the simulation.
    """
    changes = {**competitor.changes, "seed": seed, **({"budget": list(budget)} if budget else {})}
    config, storage = replayed_config(table, changes), ReplayStorage()
    create_replay(config, storage)
    simulation = kind(config, curve_of, workers=workers, storage=storage, allowed=table.__contains__, max_epochs=max_epochs)
    if competitor.qnehvi:
        # BoTorch is needed for this competitor alone.
        from benchmarks.search_cost.peers.qnehvi import QnehviSampler

        score = config.objectives.index(config.accuracy)
        (cost,) = (name for name in config.objectives if name != config.accuracy)
        simulation.searcher._study.sampler = QnehviSampler(
            candidates_of(table, cost), cost=cost, score=score, maximize=config.directions[score] == MAXIMIZE, seed=seed
        )
    if competitor.moasha:
        # Syne Tune is needed for this competitor alone.
        from benchmarks.search_cost.peers.moasha import Moasha, MoashaScheduler

        moasha = Moasha(table, competitor.moasha, seed=seed)
        simulation.searcher, simulation.scheduler = moasha, MoashaScheduler(moasha)
    return simulation


def candidates_of(table: TabularBenchmark, cost: str) -> Candidates:
    """Return what this search chooses from: the networks of the table, with their exact cost."""
    space = table.config.search_space
    if isinstance(space, ListedSpace):
        return ListedCandidates(space, cost_objectives=(cost,))
    return SpaceCandidates(space, cost_objectives=(cost,), allowed=lambda candidate: candidate.arch in table)


def _sides(table: TabularBenchmark) -> Iterable[tuple[str, str]]:
    return zip(table.config.objectives, table.directions, strict=True)


def _volume(table: TabularBenchmark, networks: Iterable[str]) -> float:
    return hypervolume(table.matrix(sorted(networks)), table.reference, table.directions)


def run_all(
    competitors: Iterable[Competitor], terms: Terms, seeds: Iterable[int], *, output: Path, jobs: int
) -> dict[str, list[Run]]:
    """Every competitor with every seed, by name; what is kept in ``output`` is not run again."""
    # One thread a process: the models are too small to share.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    seeds, competitors, table = list(seeds), list(competitors), load_table(terms.table)
    folders = {c.name: output / f"{c.name}-{_digest(c, table, terms)}" for c in competitors}
    paths = {name: [folder / f"{seed}.json" for seed in seeds] for name, folder in folders.items()}
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        missing = [
            pool.submit(_run_and_keep, competitor, terms, seed, path)
            for competitor in competitors
            for seed, path in zip(seeds, paths[competitor.name], strict=True)
            if not path.is_file()
        ]
        for count, done in enumerate(as_completed(missing), start=1):
            print(f"{count}/{len(missing)} {done.result()}", file=sys.stderr, flush=True)
    return {name: [_read(path) for path in kept] for name, kept in paths.items()}


def _run_and_keep(competitor: Competitor, terms: Terms, seed: int, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dataclasses.asdict(run(competitor, _table(terms.table), terms, seed)))
    return f"{competitor.name} seed {seed}"


_table = functools.cache(load_table)


def _read(path: Path) -> Run:
    kept = json.loads(path.read_text())
    return Run(
        steps=tuple((epochs, reached) for epochs, reached in kept["steps"]), spent=kept["spent"], trials=kept["trials"]
    )


def _digest(competitor: Competitor, table: TabularBenchmark, terms: Terms) -> str:
    """Return a digest of everything that a kept run depends on: for this search its code too."""
    facts: dict[str, Any] = {
        "competitor": dataclasses.asdict(competitor) | {"label": ""},
        "terms": dataclasses.asdict(terms) | {"table": ""},
        "search": table.config.to_dict() | {"directory": ""},
        "curves": {arch_id: [list(map(dict, curve)) for curve in curves] for arch_id, curves in table.curves.items()},
        "versions": {name: installed_version(name) for name in PACKAGES},
    }
    if competitor.group != "peer":
        root = Path(dite_search.__file__).parent
        sources = sorted(path for pattern in DECIDING for path in root.glob(pattern))
        facts["code"] = [path.read_text() for path in sources]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:12]


def installed_version(name: str) -> str:
    """Return the version of a package; empty where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
