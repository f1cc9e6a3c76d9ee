"""The command that replays recorded trainings: how quickly would a search have found what there is to find?"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import click

from analysis.study.trial_status import TrialStatus
from dite_search.cli.shared.options import directory_option, json_option

FRACTIONS = (0.5, 0.9, 0.95, 0.99)
"""Parts of the true hypervolume that a search is timed to; a replay ends at the last."""
ROUNDS = 10
"""A replay ends at the latest when it has spent this many times the epochs of training every network once."""


@click.command(epilog="Example:  dite-search replay tiny_128 --sampler random --scheduler none --no-reuse")
@click.argument("table")
@directory_option
@click.option("--curves", metavar="NAME", help="Which of several files of curves, as in curves_NAME.csv.gz.")
@click.option("--score", metavar="COLUMN", help="Which column of the curves is the score (default: as the table says).")
@click.option("--sampler", metavar="NAME", help="Replaces the sampler of the recorded search, or of a grid the default one.")
@click.option("--scheduler", metavar="NAME", help="Replaces the scheduler of the recorded search.")
@click.option("--workers", type=click.IntRange(1, 100_000), default=4, show_default=True, help="Trainings side by side.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Replays, from seed 0.")
@click.option("--epochs", type=click.IntRange(min=1), help=f"Most epochs of a replay (default: {ROUNDS} times the table's).")
@click.option("--budget", multiple=True, metavar="LIMIT", help="A limit such as 'mmacs <= 3'; may be given for each cost.")
@click.option("--reuse/--no-reuse", default=None, help="Whether a network is trained once only (default: as recorded).")
@json_option
def replay(
    table: str,
    directory: str,
    curves: str | None,
    score: str | None,
    sampler: str | None,
    scheduler: str | None,
    workers: int,
    seeds: int,
    epochs: int | None,
    budget: tuple[str, ...],
    reuse: bool | None,
    as_json: bool,
) -> None:
    """Run searches over TABLE, looking every training up instead of training.

    TABLE is a recorded table that comes with the program (drawn_48, tiny_128, table5), or a finished study by its name
    or folder. Any tabular benchmark will do as well: a folder with networks.csv and curves.csv, or its table.yaml. The
    search is the recorded one, with the options in place of its own. Its coverage is the part of the whole table's
    hypervolume that its complete trials reach.
    """
    from dite_search.config.sections import default_sampler
    from dite_search.simulation.simulator import replay as run
    from dite_search.simulation.simulator import replayed_config
    from dite_search.simulation.tabular_benchmark import load_table

    recorded = load_table(table, directory=directory, curves=curves, score=score)
    usual = recorded.config.sampler.name
    if usual == "grid":
        usual = default_sampler(recorded.config.objectives)[0]
    changes: dict[str, Any] = {
        "sampler": {"name": sampler or usual},
        "scheduler": {"name": scheduler or recorded.config.scheduler.name},
        "reuse": recorded.config.reuse if reuse is None else reuse,
    }
    config = replayed_config(recorded, changes | ({"budget": list(budget)} if budget else {}))
    limit, began = epochs or ROUNDS * recorded.epochs, time.perf_counter()
    results = [
        run(recorded, config, workers=workers, max_epochs=limit, target=FRACTIONS[-1], seed=seed) for seed in range(seeds)
    ]
    elapsed = time.perf_counter() - began
    shown = {
        "table": recorded.name,
        "networks": len(recorded),
        "left_out": recorded.left_out,
        "epochs_of_table": recorded.epochs,
        "objectives": list(config.objectives),
        "sampler": config.sampler.name,
        "scheduler": config.scheduler.name,
        "reuse": config.reuse,
        "budget": list(config.budget),
        "workers": workers,
        "seeds": seeds,
        "max_epochs": limit,
        "hypervolume": [_reached(results, fraction) for fraction in FRACTIONS],
        **_counts(results, timed=recorded.timed),
        "trainings_per_second": sum(sum(result.trials.values()) for result in results) / elapsed,
    }
    if as_json:
        from dite_search.cli.shared.output import show

        show(shown, as_json)
        return
    click.echo(_text(shown))


def _reached(results: Sequence[Any], fraction: float) -> dict[str, Any]:
    epochs = [result.epochs_to(fraction) for result in results]
    return {
        "fraction": fraction,
        "epochs": _quartiles([math.inf if count is None else count for count in epochs]),
        "never": epochs.count(None),
    }


def _counts(results: Sequence[Any], *, timed: bool) -> dict[str, Any]:
    counts: dict[str, list[float]] = {
        "epochs": [result.spent for result in results],
        "trainings": [sum(result.trials.values()) for result in results],
        "stopped": [result.trials[TrialStatus.STOPPED] for result in results],
        "reused": [result.reused for result in results],
        "over_budget": [result.over_budget for result in results],
    }
    if timed:
        counts["simulated_hours"] = [float(result.seconds[-1]) / 3600 for result in results]
    return {name: _quartiles(values) for name, values in counts.items()}


def _quartiles(values: Sequence[float]) -> dict[str, float | None]:
    """Quartiles between ordered values, linearly; None where they lie beyond what was reached."""
    ordered = sorted(values)
    found = {}
    for name, part in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
        place = part * (len(ordered) - 1)
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        value = low if low == high else low + (high - low) * (place - math.floor(place))
        found[name] = value if math.isfinite(value) else None
    return found


def _text(shown: dict[str, Any]) -> str:
    """The result for a reader: what was replayed, how soon it got where, and what that took."""
    each = shown["epochs_of_table"] // shown["networks"]
    head = [
        f"Replay of {shown['table']}: {shown['networks']} recorded networks, {each} epochs each. Nothing was trained.",
        f"sampler {shown['sampler']}, scheduler {shown['scheduler']}, reuse {'on' if shown['reuse'] else 'off'},"
        f" budget {' and '.join(shown['budget']) or 'none'}, {shown['workers']} workers, {shown['seeds']} seeds,"
        f" at most {shown['max_epochs']:,} epochs",
    ]
    if shown["left_out"]:
        head.append(f"{shown['left_out']} complete trials are left out: their curves have gaps.")
    rows = [("of the hypervolume", "epochs, median (quartiles)", "never reached")]
    rows += [
        (f"{part['fraction']:.0%}", _spread(part["epochs"]), f"{part['never']} of {shown['seeds']} seeds")
        for part in shown["hypervolume"]
    ]
    names = ("epochs", "trainings", "stopped", "reused", "over_budget", "simulated_hours")
    end = [(f"until {FRACTIONS[-1]:.0%}, or the end", "median (quartiles)", "")]
    end += [(name.replace("_", " "), _spread(shown[name]), "") for name in names if name in shown]
    lines = ["  ".join(f"{cell:<26}" for cell in row).rstrip() for row in (*rows, ("",), *end)]
    return "\n".join([*head, "", *lines, "", f"{shown['trainings_per_second']:,.0f} trainings a second"])


def _spread(quartiles: dict[str, float | None]) -> str:
    low, middle, high = (_number(quartiles[name]) for name in ("lower_quartile", "median", "upper_quartile"))
    return f"{middle} ({low} to {high})"


def _number(value: float | None) -> str:
    if value is None:
        return "never"
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.3g}"
