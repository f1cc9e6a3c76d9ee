"""Real trainings with and without the gate, the identity of networks and early stopping: epochs spent, front found.

    python -m benchmarks.spared_epochs --seeds 2

For each seed two searches of the space ``tiny`` on drawn people, two trials at once on two cores: one as plain Ray Tune with
Optuna does it (networks over the budget are trained, the same network twice if it is suggested twice, every one to its
last epoch), and one with all three on, which begins a fifth more trainings, since it stops most of them: together they take
about half the epochs. Fronts are compared by the hypervolume within the budget, from one reference for all.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from analysis.pareto import directions_of, hypervolume, matrix_of, scored
from analysis.trials import StudyRecord
from dite_search.config import parse_search
from dite_search.runner import run_search

BUDGET = 4.0
"""Million multiply-accumulates: three quarters of the space's networks are within it."""
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
SIDES: dict[str, dict[str, Any]] = {
    "without": {"reuse": False, "scheduler": {"name": "none"}},
    "with": {"budget": [f"mmacs <= {BUDGET}"], "scheduler": {"name": "pareto"}},
}
MORE = {"without": 1.0, "with": 1.2}
"""Trainings that each begins, as a multiple."""


def searched(side: str, *, sampler: str, trials: int, seed: int, directory: Path) -> StudyRecord:
    """One search to its end."""
    own = {
        "name": f"{side}-{seed}",
        "sampler": {"name": sampler},
        "trials": round(MORE[side] * trials),
        "seed": seed,
        "directory": str(directory),
    }
    return run_search(parse_search({**SEARCH, **SIDES[side], **own}, "benchmark"), Console(file=io.StringIO()))


def figures(study: StudyRecord) -> dict[str, Any]:
    """Epochs trained, trials by what became of them, and the hypervolume within the budget (AP × million MACs)."""
    within = [trial for trial in scored(study) if trial.cost.mmacs <= BUDGET]
    volume = hypervolume(matrix_of(within, OBJECTIVES), (0.0, BUDGET), directions_of(OBJECTIVES))
    return {
        "epochs": sum(trial.epochs_trained for trial in study.trials),
        "hypervolume": volume,
        "complete": sum(trial.status == "complete" for trial in study.trials),
        "stopped": sum(trial.status == "stopped" for trial in study.trials),
        "over budget, not trained": study.over_budget,
        "reused": study.reused,
        "over budget, trained": sum(trial.cost.mmacs > BUDGET for trial in study.trials),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2, help="searches of each kind")
    parser.add_argument("--first-seed", type=int, default=0, help="of those")
    parser.add_argument("--trials", type=int, default=24, help="trainings begun without")
    parser.add_argument("--sampler", default="tpe", help="sampler of both")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            sides = {
                side: figures(
                    searched(side, sampler=arguments.sampler, trials=arguments.trials, seed=seed, directory=Path(folder))
                )
                for side in SIDES
            }
            if seed == arguments.first_seed:
                print("| seed | side | " + " | ".join(sides["with"]) + " |")
                print("| --- " * (len(sides["with"]) + 2) + "|")
            for side, row in sides.items():
                cells = (f"{value:.3f}" if isinstance(value, float) else str(value) for value in row.values())
                print(f"| {seed} | {side} | " + " | ".join(cells) + " |", flush=True)
            ratio = {name: sides["with"][name] / sides["without"][name] for name in ("epochs", "hypervolume")}
            print(f"| {seed} | ratio | {ratio['epochs']:.2f} | {ratio['hypervolume']:.3f} |" + " |" * 5, flush=True)


if __name__ == "__main__":
    main()
