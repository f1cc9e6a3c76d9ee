"""The command that explains an architecture: a picture, and what each part costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dite_search.cli.shared.options import directory_option, input_size_option, json_option
from dite_search.cli.shared.output import ascii_text, console_for

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from analysis.profiling.latency_breakdown import LatencyShares, Share
    from search_spaces.families.architecture import Architecture

WIDE_SCREEN = 72
"""Columns from which on tables have columns that a narrower screen leaves out."""


@click.command(epilog="Example:  dite-search show quickstart:3 --versus dite_hrnet_18")
@click.argument("arch")
@click.option("--versus", metavar="ARCH", help="Put another network beside it, named in the same way.")
@input_size_option
@click.option("--latency", "with_latency", is_flag=True, help="Measure where the milliseconds go, on this processor.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads of ONNX Runtime.")
@directory_option
@json_option
def show(
    arch: str,
    versus: str | None,
    input_size: str | None,
    with_latency: bool,
    threads: int,
    directory: str,
    as_json: bool,
) -> None:
    """Explain ARCH: a picture of its stages and branches, and the parameters, MACs and milliseconds of each part.

    ARCH is a preset's name, an architecture file, a checkpoint, a trial (STUDY:TRIAL), a study (its most accurate trial)
    or an export. Milliseconds that were measured or calibrated before are shown without --latency, too.
    """
    from analysis.profiling.cost_breakdown import anatomy
    from dite_search.tasks.network_reference import find_network
    from search_spaces.families.architecture import resized

    named = [name for name in (arch, versus) if name is not None]
    archs = [resized(find_network(name, directory=directory).arch, input_size=input_size) for name in named]
    latencies = [_latency(found, directory, threads, measure=with_latency) for found in archs]
    if as_json:
        first, *others = (
            {"name": name} | anatomy(found) | {"latency": known.to_dict() if known else None}
            for name, found, known in zip(named, archs, latencies, strict=True)
        )
        click.echo(json.dumps(first | {"versus": others[0] if others else None}, indent=2))
        return
    screen = _Screen(console_for(False))
    if len(archs) == 1:
        screen.one(named[0], archs[0], latencies[0])
    else:
        screen.two(named, archs, latencies)


def _latency(arch: Architecture, directory: str, threads: int, *, measure: bool) -> LatencyShares | None:
    """Measured where that is asked for, and otherwise what is known."""
    from analysis.profiling.latency_store import FOLDER

    if not measure and not (Path(directory) / FOLDER).is_dir():
        return None
    from analysis.profiling.latency_breakdown import known_shares, measured_shares
    from dite_search.algorithms.latency_prediction import store_of

    store = store_of(directory, threads=threads)
    if not measure:
        return known_shares(store, arch)
    from rich.progress import Progress

    with Progress(console=console_for(True), transient=True) as bar:
        task = bar.add_task("Measuring", total=None)
        return measured_shares(store, arch, progress=lambda done, total: bar.update(task, completed=done, total=total))


class _Screen:
    """Writes tables and pictures that are whole on a narrow screen, and readable on one that has ASCII alone."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._wide = console.width >= WIDE_SCREEN
        self._unicode = (console.encoding or "").lower().startswith("utf")

    def one(self, name: str, arch: Architecture, latency: LatencyShares | None) -> None:
        """One network."""
        self._head(name, arch)
        self._picture(arch)
        self._branches(arch)
        self._parts(arch)
        if latency:
            self._latency(latency)
        else:
            self._text("\nWhere the latency goes: --latency measures it.")

    def two(self, names: list[str], archs: list[Architecture], latencies: list[LatencyShares | None]) -> None:
        """Two networks, the first as A."""
        from analysis.profiling.cost_breakdown import names_of_both, places_of_both
        from analysis.study.labels import differing_words

        for letter, name, arch in zip("AB", names, archs, strict=True):
            self._head(f"{letter}  {name}", arch)
            self._picture(arch)
        first, second = archs
        rows = differing_words(first, second)
        self._table("Architecture", ["", "A", "B"], rows) if rows else self._text("\nThe same network.")
        labels = names_of_both(first, second)
        both = [(_place(place, labels), ours, theirs) for place, ours, theirs in places_of_both(first, second)]
        self._sides("MMACs by stage and part", [(label, a.mmacs, b.mmacs) for label, a, b in both], "{:,.2f}")
        self._sides("Parameters by stage and part", [(label, a.params, b.params) for label, a, b in both], "{:,.0f}")
        ours, theirs = latencies
        if ours and theirs and ours.is_measured == theirs.is_measured:
            self._both_latencies(ours, theirs)
        else:
            self._text("\nWhere the latencies go: --latency measures them.")

    def _head(self, name: str, arch: Architecture) -> None:
        from search_spaces.families.architecture import format_size
        from search_spaces.registry import cost_of

        cost = cost_of(arch)
        size = format_size(arch.input_size).replace("x", "×")
        self._text(f"\n{name}", style="bold")
        self._text(f"network {arch.arch_id}, {size}, {cost.params:,} parameters, {cost.mmacs:,.2f} MMACs")

    def _picture(self, arch: Architecture) -> None:
        from search_spaces.registry import family_of

        family = family_of(arch)
        lines, sentence = family.diagram(arch, self._console.width), family.block_sentence(arch)
        if lines or sentence:
            self._text("")
        for line in lines:
            self._console.print(self._shown(line), highlight=False, markup=False, no_wrap=True, overflow="crop")
        if sentence:
            self._text(sentence)

    def _branches(self, arch: Architecture) -> None:
        from search_spaces.registry import family_of

        settings, costs = family_of(arch).branch_settings(arch), family_of(arch).branch_costs(arch)
        if not settings:
            return
        # On a narrow screen large resolutions do not fit beside each other; the picture above has them.
        rows = [(name, *cells) for name, cells in settings if self._wide or name != "resolution"]
        rows.append(("k params", *(f"{cost.params / 1e3:,.1f}" for cost in costs)))
        rows.append(("MMACs", *(f"{cost.mmacs:,.2f}" for cost in costs)))
        self._table("Blocks, branch by branch", ["", *(str(index + 1) for index in range(len(costs)))], rows)

    def _parts(self, arch: Architecture) -> None:
        from analysis.profiling.cost_breakdown import parts
        from search_spaces.registry import cost_of, family_of

        total, labels = cost_of(arch), family_of(arch).part_labels(arch)
        columns = ["part", *(["times"] if self._wide else []), "params", "MMACs", "share"]
        rows = []
        for part in parts(arch):
            share = part.cost.macs / total.macs
            times = [f"{part.times}"] if self._wide else []
            label = _place((part.stage, part.kind), labels)
            rows.append((label, *times, f"{part.cost.params:,}", f"{part.cost.mmacs:,.2f}", f"{share:.1%}"))
        rows.append(("in all", *([""] if self._wide else []), f"{total.params:,}", f"{total.mmacs:,.2f}", "100.0%"))
        self._table("Parts by stage, and their share of the MACs", columns, rows)

    def _latency(self, latency: LatencyShares) -> None:
        whole = latency.latency_ms
        rows = [(_share_name(share), f"{share.ms:.2f}", f"{share.ms / whole:.1%}") for share in latency.shares]
        if rows:
            rows.append(("not in the parts", f"{latency.rest_ms:.2f}", f"{latency.rest_ms / whole:.1%}"))
        rows.append(("in all", f"{whole:.2f}", "100.0%"))
        self._table("Where the latency goes", ["part", "ms", "share"], rows)
        self._text(f"{latency.source[0].upper()}{latency.source[1:]}.")

    def _both_latencies(self, ours: LatencyShares, theirs: LatencyShares) -> None:
        places: dict[str, list[float]] = {}
        for side, latency in enumerate((ours, theirs)):
            for share in latency.shares:
                places.setdefault(_share_name(share), [0.0, 0.0])[side] = share.ms
            places.setdefault("not in the parts", [0.0, 0.0])[side] = latency.rest_ms
        self._sides("Latency (ms)", [(label, a, b) for label, (a, b) in places.items()], "{:.2f}")
        self._text(f"A {ours.source}.")
        if theirs.source != ours.source:
            self._text(f"B {theirs.source}.")

    def _sides(self, title: str, rows: list[tuple[str, float, float]], digits: str) -> None:
        total = ("in all", sum(a for _, a, _ in rows), sum(b for _, _, b in rows))
        cells = []
        for label, ours, theirs in (*rows, total):
            apart = [f"{'+' if ours > theirs else ''}{digits.format(ours - theirs)}"] if self._wide else []
            cells.append((label, digits.format(ours), digits.format(theirs), *apart))
        self._table(title, ["part", "A", "B", *(["A less B"] if self._wide else [])], cells)

    def _table(self, title: str, columns: list[str], rows: list[Any]) -> None:
        from rich.box import ASCII, SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        box = SIMPLE_HEAD if self._unicode else ASCII
        table: Table = Table(
            title=Text(title, style="bold"), title_justify="left", box=box, padding=(0, int(self._wide), 0, 0)
        )
        table.pad_edge = False
        for index, name in enumerate(columns):
            table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
        for row in rows:
            last = row[0] == "in all"
            table.add_row(*(Text(self._shown(cell)) for cell in row), style="bold" if last else "")
        self._console.print()
        self._console.print(table, highlight=False)

    def _text(self, text: str, *, style: str = "") -> None:
        self._console.print(self._shown(text), highlight=False, markup=False, style=style)

    def _shown(self, text: str) -> str:
        return text if self._unicode else ascii_text(text)


def _place(place: tuple[int | None, str], labels: Any) -> str:
    stage, kind = place
    label = labels.get(kind, kind)
    return f"{stage} {label}" if stage else label


def _share_name(share: Share) -> str:
    if share.branch is not None:
        return f"{share.kind}, branch {share.branch + 1}"
    if share.kind == "head":
        return "head, heatmaps"
    return f"{share.stage} {share.kind}" if share.stage else share.kind
