"""Freeze-thaw in place of rungs: paired searches on a recorded table, in a loop of their own.

    python -m benchmarks.search_cost.freeze_thaw --table tiny_128 --seeds 100

A rung stops a training for good, by its place among those that reached it. Freeze-thaw decides after every step anew. A free
worker takes what has the largest expected gain of its *final* score for each epoch that it still needs (Swersky et al. 2014,
arXiv:1406.3896). That may be a new network, a paused one, or the one that it has just trained. A new network is priced at
its first step and `SHARE_OF_REST` of the rest, since most are paused.

Model, gain and candidates are those of this search. The final score of a begun training is foretold by two sources that know
nothing of each other. One is its curve, the other the model without the training's own row (Rasmussen and Williams 2006,
section 5.4.2). The method ``scores`` reads the last score of a curve. With ``losses`` a ridge regression reads its last
scores and training losses.

Printed are mean regrets on seed means (`benchmarks.search_cost.yardstick`) of this search with its rungs and of freeze-thaw.
Differences have 95 % intervals over the seeds.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.search_cost.competitors import judged
from benchmarks.search_cost.freeze_thaw.search import SHARE_OF_REST, FreezeThaw
from benchmarks.search_cost.recordings import Source, completed, yardstick_of
from benchmarks.search_cost.yardstick import Ended, paired

TRAININGS = (25, 50)


def regrets_of(place: str, method: str, seed: int, workers: int, share: float) -> tuple[float, ...]:
    """Return the regrets of one search at both budgets."""
    yardstick = yardstick_of(Source(place=place))
    length = yardstick.table.config.train_config.epochs
    epochs = TRAININGS[-1] * length
    if method == "rungs":
        ours = next(one for one in judged() if one.name == "ours")
        ended: Sequence[Ended] = completed(ours, yardstick, workers=workers, seed=seed, epochs=epochs)[0]
    else:
        search = FreezeThaw(yardstick, seed=seed, workers=workers, losses=method == "losses", share=share)
        ended = search.run(epochs)
    budgets = [count * length for count in TRAININGS]
    return tuple(figures.regret for figures in yardstick.figures(ended, seed=seed, budgets=budgets))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--table", default="tiny_128", help="recorded table, by its name or folder")
    parser.add_argument("--methods", nargs="+", default=["scores", "losses"], choices=["scores", "losses"])
    parser.add_argument("--seeds", type=int, default=100, help="paired searches of each method")
    parser.add_argument("--share", type=float, default=SHARE_OF_REST, help="part of a new network's rest that is priced")
    parser.add_argument("--workers", type=int, default=4, help="trainings side by side")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args()
    # One thread a process: the models are too small to share.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    found: dict[str, list[tuple[float, ...]]] = {}
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for method in ("rungs", *options.methods):
            found[method] = list(
                pool.map(
                    regrets_of,
                    *([each] * options.seeds for each in (options.table, method)),
                    range(options.seeds),
                    *([each] * options.seeds for each in (options.workers, options.share)),
                )
            )
            print(line_of(method, found[method], found["rungs"]), flush=True)


def line_of(method: str, own: Sequence[Sequence[float]], rungs: Sequence[Sequence[float]]) -> str:
    """Return the mean regrets of a method, and their differences to those of this search with its rungs."""
    cells = []
    for place, count in enumerate(TRAININGS):
        pair = paired(*({seed: each[place] for seed, each in enumerate(runs)} for runs in (own, rungs)))
        low, high = pair.interval
        beside = "" if own is rungs else f" ({pair.difference:+.5f}, {low:+.5f} to {high:+.5f})"
        cells.append(f"at {count} {pair.ours:.5f}{beside}")
    return f"{method:8} {len(own)} seeds: {'; '.join(cells)}"


if __name__ == "__main__":
    main()
