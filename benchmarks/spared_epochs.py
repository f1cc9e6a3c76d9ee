"""Real trainings with and without the gate, the identity of networks and early stopping: epochs spent, front found.

    python -m benchmarks.spared_epochs --seeds 2

For each seed the space ``tiny`` is searched on drawn people, two trials at once on two cores. One search does as plain Ray
Tune with Optuna does. It trains networks over a budget, the same network twice if it is suggested twice, and every one to
its last epoch. For each budget another search has all three on, and is paused when it has trained half as many epochs.
Fronts are compared by the hypervolume within the budget.

A front is made of the luckiest trainings, and a search that trains more of them to their end has more luck. With ``--again
3`` the networks of both fronts are trained three times more, with seeds that no search has used. Their mean accuracies are
compared too: those who deploy the networks get these.

    python -m benchmarks.spared_epochs --replay 20

compares such pairs of searches on the recorded table ``tiny_128`` instead, in a minute. The budgets leave a quarter, three
eighths, half and three quarters of its networks.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import statistics
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from optuna.storages import InMemoryStorage
from rich.console import Console
from scipy import stats

from analysis.pareto.front import front_of, hypervolume, matrix_of, scored
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from dite_search.config.search_config import parse_search
from dite_search.driver.run_search import run_search
from dite_search.simulation.simulator import Simulation, replayed_config
from dite_search.simulation.tabular_benchmark import load_table
from dite_search.storage.pause import Pause
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.study.study import create_study
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import directions_of

BUDGETS = (4.0, 3.0, 2.4)
"""Million multiply-accumulates: three quarters, half and a quarter of the space's networks are within them."""
OBJECTIVES = ("ap_gt", "mmacs")
SEARCH: dict[str, Any] = {
    "space": "tiny",
    "data": {"synthetic": {"train_images": 400, "val_images": 150, "seed": 0}},
    "objectives": list(OBJECTIVES),
    "training": {
        "epochs": 9,
        "batch_size": 16,
        "learning_rate": 0.005,
        "warmup_iterations": 15,
        "milestones": [0.65, 0.9],
        "validate_every": 1,
        "half_body_probability": 0,
        "rotation_degrees": 20,
        "codec": "dark",
        "flip_test": False,
    },
}
WITHOUT: dict[str, Any] = {"reuse": False, "scheduler": {"name": "none"}}
# After the first of the nine epochs no network finds anybody: AP is 0 for all.
WITH: dict[str, Any] = {"reuse": True, "scheduler": {"name": "pareto", "grace_period": 2}}
PART = 0.5
"""Of the epochs of the search without them, those that the search with all three may spend."""
TABLE, SHARES = "tiny_128", (0.25, 0.375, 0.5, 0.75)
"""The recorded table, and the parts of its networks that are within a budget."""
PLENTY = 1000
"""Trials: more than those epochs allow."""
ENDED = "ended"
"""The file in the folder of a search that is over."""
FIRST_NEW_SEED = 10_000
"""Of the trainings that tell what a front is worth: far from the seeds of the searches."""


def searched(name: str, fields: Mapping[str, Any], *, most: int | None = None) -> StudyRecord:
    """One search to its end, or until it has trained so many epochs; what it found where it was run earlier."""
    config = parse_search({**SEARCH, "name": name, **fields}, "benchmark")
    if (config.study_directory / ENDED).exists():
        return read_study(config)
    with paused_after(most, config.study_directory) if most else nullcontext() as pause:
        found = run_search(config, Console(file=io.StringIO()), pause)
    (config.study_directory / ENDED).touch()
    return found


@contextmanager
def paused_after(epochs: int, folder: Path) -> Iterator[Pause]:
    """Asks the search of a folder for a pause as soon as it has trained so many epochs, those that are running included."""
    pause, over = Pause(), threading.Event()

    def watch() -> None:
        while not over.wait(0.5):
            with suppress(InvalidInput):
                trials = read_study(load_config(folder)).trials
                running = sum(trial.status == "running" for trial in trials)
                if sum(trial.epochs_trained for trial in trials) + running >= epochs:
                    pause.ask(f"{epochs} epochs")
                    return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield pause
    finally:
        over.set()
        thread.join()


def volume(rows: Sequence[Sequence[float]], budget: float) -> float:
    """Hypervolume within the budget (AP × million MACs) of rows of AP and million MACs."""
    return hypervolume(np.array(rows, float).reshape(-1, 2), (0.0, budget), directions_of(OBJECTIVES))


def within(study: StudyRecord, budget: float) -> list[TrialRecord]:
    """Return the trials that count for the front."""
    return [trial for trial in scored(study) if trial.cost.mmacs <= budget]


def figures(study: StudyRecord, budget: float) -> dict[str, Any]:
    """Epochs trained, trials by what became of them, and the hypervolume within the budget (AP × million MACs)."""
    return {
        "epochs": sum(trial.epochs_trained for trial in study.trials),
        "hypervolume": volume(matrix_of(within(study, budget), OBJECTIVES), budget),
        "complete": sum(trial.status == "complete" for trial in study.trials),
        "stopped": sum(trial.status == "stopped" for trial in study.trials),
        "over budget, not trained": study.over_budget,
        "reused": study.reused,
        "over budget, trained": sum(trial.cost.mmacs > budget for trial in study.trials),
    }


def compare(without: StudyRecord, found: StudyRecord, budget: float) -> float:
    """Print the rows of two searches and their ratios; that of their hypervolumes."""
    sides = {"without": figures(without, budget), "with": figures(found, budget)}
    for side, row in sides.items():
        cells = (f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values())
        print(f"| {budget:g} | {side} | " + " | ".join(cells) + " |")
    epochs, volumes = (sides["with"][name] / sides["without"][name] for name in ("epochs", "hypervolume"))
    print(f"| {budget:g} | ratio | {epochs:.2f} | {volumes:.3f} |" + " |" * 5, flush=True)
    return float(volumes)


def trained_again(studies: Mapping[str, StudyRecord], budget: float, fields: Mapping[str, Any], *, times: int) -> str:
    """Train the networks on both fronts so many times more, with new seeds, and describe their scores."""
    space = parse_search({**SEARCH, "name": "space", **fields}, "benchmark").search_space
    fronts = {side: front_of(dataclasses.replace(study, trials=within(study, budget))) for side, study in studies.items()}
    networks = {trial.arch.arch_id: space.point_of(trial.arch) for front in fronts.values() for trial in front}
    scores: dict[str, list[float]] = {arch_id: [] for arch_id in networks}
    for time in range(times):
        own = {
            "sampler": {"name": "random"},
            "start_with": list(networks.values()),
            "trials": len(networks),
            "seed": FIRST_NEW_SEED + times * fields["seed"] + time,
        }
        study = searched(f"again-{fields['seed']}-{budget:g}-{time}", {**WITHOUT, **fields, **own})
        for trial in study.trials:
            scores[trial.arch.arch_id].append(trial.values["ap_gt"])
    volumes = {
        side: volume([(statistics.fmean(scores[trial.arch.arch_id]), trial.cost.mmacs) for trial in front], budget)
        for side, front in fronts.items()
    }
    sides = ", ".join(f"{side}: {len(front)} networks, hypervolume {volumes[side]:.3f}" for side, front in fronts.items())
    return f"Trained again, {sides}; ratio {volumes['with'] / volumes['without']:.3f}"


def summary(ratios: Sequence[float]) -> str:
    """Mean and 95 % interval (Student's t over the seeds) of the ratios of hypervolumes."""
    mean = statistics.fmean(ratios)
    half = stats.t.ppf(0.975, len(ratios) - 1) * statistics.stdev(ratios) / len(ratios) ** 0.5 if len(ratios) > 1 else np.nan
    return f"{mean:.3f} ({mean - half:.3f} to {mean + half:.3f})"


def replayed(seed: int, *, share: float, with_all: bool, sampler: str, trainings: int) -> float:
    """Hypervolume within a budget that ``share`` of the recorded networks keep, found by one replayed search."""
    table = load_table(TABLE)
    macs = {arch_id: figures["mmacs"] for arch_id, figures in table.finals.items()}
    budget = float(np.quantile(list(macs.values()), share))
    own = {**WITH, "budget": [f"mmacs <= {budget}"]} if with_all else WITHOUT
    config = replayed_config(table, {**own, "sampler": {"name": sampler}, "trials": PLENTY, "seed": seed})
    storage, epochs = InMemoryStorage(), trainings * config.train_config.epochs
    create_study(config, storage=storage)
    simulation = Simulation(
        config,
        lambda arch, repeat: table.curve(arch.arch_id),
        workers=2,
        storage=storage,
        allowed=table.__contains__,
        max_epochs=int(PART * epochs) if with_all else epochs,
    )
    found = {ended.arch.arch_id for ended in simulation.run() if ended.status is TrialStatus.COMPLETE}
    rows = table.matrix(sorted(arch_id for arch_id in found if macs[arch_id] <= budget))
    return volume([row.tolist() for row in rows], budget)


def compare_replayed(seeds: int, *, sampler: str, trainings: int) -> None:
    """Print the ratios of hypervolumes over so many seeds, by how much of the table a budget leaves."""
    print("| networks within the budget | ratio of hypervolumes, mean (95 % interval) | least | most |")
    print("| --- | --- | --- | --- |", flush=True)
    for share in SHARES:
        given: dict[str, Any] = {"share": share, "sampler": sampler, "trainings": trainings}
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            without = pool.map(partial(replayed, with_all=False, **given), range(seeds))
            found = pool.map(partial(replayed, with_all=True, **given), range(seeds))
            ratios = [one / other for one, other in zip(found, without, strict=True)]
        print(f"| {share:.1%} | {summary(ratios)} | {min(ratios):.3f} | {max(ratios):.3f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2, help="searches of each kind")
    parser.add_argument("--first-seed", type=int, default=0, help="of those")
    parser.add_argument("--trials", type=int, default=24, help="trainings begun without")
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS, help="million multiply-accumulates")
    parser.add_argument("--sampler", default="tpe", help="sampler of all")
    parser.add_argument("--again", type=int, default=0, metavar="TIMES", help="new trainings of the networks on both fronts")
    parser.add_argument("--directory", type=Path, help="keep the studies there; a search that ended there is not run again")
    parser.add_argument("--replay", type=int, metavar="SEEDS", help="compare replays of a recorded table, and train nothing")
    arguments = parser.parse_args()
    if arguments.replay:
        compare_replayed(arguments.replay, sampler=arguments.sampler, trainings=arguments.trials)
        return
    ratios: dict[float, list[float]] = {budget: [] for budget in arguments.budgets}
    with tempfile.TemporaryDirectory() as folder:
        fields: dict[str, Any] = {"sampler": {"name": arguments.sampler}, "trials": arguments.trials}
        fields["directory"] = str(arguments.directory or folder)
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            fields["seed"] = seed
            without = searched(f"without-{seed}", {**WITHOUT, **fields})
            # An epoch may begin between two looks.
            most = int(PART * sum(trial.epochs_trained for trial in without.trials)) - 1
            print(f"\nSeed {seed}\n\n| budget | side | " + " | ".join(figures(without, BUDGETS[0])) + " |")
            print("| --- " * 9 + "|", flush=True)
            for budget in arguments.budgets:
                own = {"budget": [f"mmacs <= {budget}"], "trials": PLENTY}
                found = searched(f"with-{budget:g}-{seed}", {**WITH, **fields, **own}, most=most)
                ratios[budget].append(compare(without, found, budget))
                if arguments.again:
                    studies = {"without": without, "with": found}
                    print(trained_again(studies, budget, fields, times=arguments.again), flush=True)
    for budget, found_ratios in ratios.items():
        print(f"\nBudget {budget:g}: ratio of hypervolumes {summary(found_ratios)} over {arguments.seeds} seeds")


if __name__ == "__main__":
    main()
