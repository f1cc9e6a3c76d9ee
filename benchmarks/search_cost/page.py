"""The page of all tables: a row for each search, with its figures and one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search_cost.competitors import SLOW_WORTH, Competitor
from benchmarks.search_cost.yardstick import LIMITS, TRAININGS, Figures, Yardstick, larger_is_better, paired

MIDDLE = TRAININGS.index(50)
"""The budget at which searches are compared in sentences."""
GOALS = {"tpe": 0.5, "strongest": 0.8}
"""The most that the regret of this search may be of another's, at that budget, on tables with several seeds."""
HEAD = f"""# Searches on recorded tables

This page is written by `python -m benchmarks.search_cost --page docs/search_benchmarks.md`. It replays searches over
tables of recorded trainings (`--tables`), whose format stands in [Replay any table](how_to/tables.md). A replay looks every
training up, so a search over a hundred trainings takes seconds. Four trainings run side by side, and every epoch counts.

- **Regret**: under each of {LIMITS} cost limits the search recommends the network that did best in the training it saw.
  The regret says by how much this network is worse than the best one, both judged by their means over all recorded seeds.
  That is what a user gets who trains it again. It is averaged over the limits, in the unit of the score. Without a network
  within a limit it is the regret of one taken by chance. Limits are evenly spaced from above the cheapest network to the
  dearest, by their logarithms where costs differ tenfold.
- **Hypervolume of means**: the part of the best hypervolume that the networks on the search's front have, by their means
  over the seeds.
- **Hypervolume as seen**: the same of all its networks, by the scores of the trainings that the search saw. It is the older
  figure, and rewards luck.

Figures are means over the seeds, after the epochs of {TRAININGS[0]}, {TRAININGS[1]} and {TRAININGS[2]} full trainings. Seeds
are paired: with one seed, every search sees the same training of a network. Intervals hold 95 % of the resampled seeds. A
search that takes minutes has fewer seeds, and is compared on those; it ends after {SLOW_WORTH} trainings.
"""


@dataclass(frozen=True, kw_only=True)
class Results:
    """The figures of all searches over one table, by the name of the search and the seed; the first search is this one."""

    yardstick: Yardstick
    competitors: Sequence[Competitor]
    figures: Mapping[str, Mapping[int, Sequence[Figures]]]

    @property
    def present(self) -> list[Competitor]:
        """The searches that there are recordings of."""
        return [competitor for competitor in self.competitors if self.figures.get(competitor.name)]

    def regrets(self, name: str, place: int = MIDDLE) -> dict[int, float]:
        """Return the regret of a search at one of the budgets, by seed."""
        return {seed: figures[place].regret for seed, figures in self.figures[name].items()}

    def strongest(self) -> Competitor:
        """Return the peer with the least regret, on the seeds that it has in common with this search."""
        ours = self.regrets("ours")
        peers = [one for one in self.present if one.group == "peer"]
        return min(peers, key=lambda one: paired(ours, self.regrets(one.name)).others)


def page(results: Sequence[Results]) -> str:
    """Return the page in Markdown."""
    parts = [HEAD, "## The goals", _goals(results), *(_section(one) for one in results)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _goals(results: Sequence[Results]) -> str:
    heads = ["table", "seeds of a network", "over Optuna TPE", "over the strongest peer", "over random"]
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * (len(heads) - 1)]
    for one in results:
        low, high = one.yardstick.seeds
        strongest = one.strongest()
        cells = [
            one.yardstick.table.name,
            str(low) if low == high else f"{low} to {high}",
            _ratio(one, "tpe", GOALS["tpe"]),
            f"{strongest.label}: {_ratio(one, strongest.name, GOALS['strongest'])}",
            _ratio(one, "random", 1.0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    sentence = (
        f"Regret of this search at {TRAININGS[MIDDLE]} trainings over that of others, with 95 % of the resampled seeds. The"
        f" goals are at most {GOALS['tpe']} of TPE's and {GOALS['strongest']} of the strongest peer's on tables with several"
        " seeds, and no more than random's on any."
    )
    return "\n".join([sentence, "", *lines])


def _ratio(results: Results, name: str, goal: float) -> str:
    if not results.figures.get(name):
        return "–"
    found = paired(results.regrets("ours"), results.regrets(name))
    seeds, all_seeds = len(results.figures[name]), len(results.figures["ours"])
    few = f" on {seeds} seed{'s' if seeds > 1 else ''}" if seeds < all_seeds else ""
    word = "met" if found.ratio <= goal else "missed"
    return f"{found.ratio:.2f} ({found.ratio_interval[0]:.2f} to {found.ratio_interval[1]:.2f}){few}, {word}"


def _section(results: Results) -> str:
    yardstick = results.yardstick
    table = yardstick.table
    low, high = yardstick.seeds
    seeds = f"{low}" if low == high else f"{low} to {high}"
    side = "larger" if larger_is_better(table) else "smaller"
    intro = (
        f"{len(table):,} networks with {seeds} training{'' if high == 1 else 's'} each, of"
        f" {table.config.train_config.epochs} epochs. The score is {table.config.accuracy}, better where {side}; the cost is"
        f" {yardstick.cost}, with limits from {yardstick.limits[0]:.4g} to {yardstick.limits[-1]:.4g}."
    )
    counts = [f"regret at {count}" for count in TRAININGS]
    counts += [f"means at {count}" for count in TRAININGS] + [f"as seen at {TRAININGS[-1]}"]
    heads = ["search", "seeds", *counts, "in a sentence"]
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * (len(heads) - 1)]
    for competitor in results.present:
        recorded = results.figures[competitor.name]
        reached = min(map(len, recorded.values()))
        figures = np.array([[(f.regret, f.means, f.seen) for f in each[:reached]] for each in recorded.values()]).mean(
            axis=0
        )
        beyond = ["–"] * (len(TRAININGS) - reached)
        cells = [competitor.label, str(len(recorded))]
        cells += [*(_short(value) for value in figures[:, 0]), *beyond]
        cells += [*(f"{value:.3f}" for value in figures[:, 1]), *beyond]
        cells += ["–" if beyond else f"{figures[-1, 2]:.3f}", _sentence(results, competitor)]
        lines.append(f"| {' | '.join(cells)} |")
    limits = _limits(results)
    absent = [one.label for one in results.competitors if one not in results.present]
    missing = f"Not recorded: {', '.join(absent)}." if absent else ""
    return "\n".join([f"## {table.name}", "", intro, "", *lines, "", *limits, *(["", missing] if missing else [])])


def _limits(results: Results) -> list[str]:
    """Return a table of the regrets under each limit: it shows where a search is weak."""
    yardstick = results.yardstick
    heads = [f"regret at {TRAININGS[MIDDLE]}, {yardstick.cost} ≤", *(f"{limit:.4g}" for limit in yardstick.limits)]
    lines = [f"| {' | '.join(heads)} |", "| --- |" + " --- |" * LIMITS]
    for competitor in results.present:
        regrets = np.array([each[MIDDLE].regrets for each in results.figures[competitor.name].values()]).mean(axis=0)
        lines.append(f"| {competitor.label} | {' | '.join(map(_short, regrets))} |")
    return lines


def _sentence(results: Results, competitor: Competitor) -> str:
    if competitor.group == "ours":
        strongest = results.strongest()
        over = paired(results.regrets("ours"), results.regrets(strongest.name))
        return f"Its regret at {TRAININGS[MIDDLE]} is {over.ratio:.2f} times that of the strongest peer, {strongest.label}."
    found = paired(results.regrets("ours"), results.regrets(competitor.name))
    low, high = found.interval
    if low <= 0.0 <= high:
        return (
            f"At {TRAININGS[MIDDLE]} its regret cannot be told from that of this search (difference"
            f" {_short(-found.difference)}, {_short(-high)} to {_short(-low)})."
        )
    more, word = (-found.difference, "larger") if found.difference < 0 else (found.difference, "smaller")
    ends = (-high, -low) if found.difference < 0 else (low, high)
    return (
        f"At {TRAININGS[MIDDLE]} its regret is {_short(more)} {word} than that of this search"
        f" ({_short(ends[0])} to {_short(ends[1])})."
    )


def _short(value: float) -> str:
    """Return a number with three digits that mean something, and none beyond the fifth decimal place."""
    return f"{value:.3g}" if abs(value) >= 1e-4 else f"{value:.1e}" if value else "0"
