"""All searches over all tables, and the page of what they came to.

    python -m benchmarks.search_cost --page docs/search_benchmarks.md

Each search of each seed is recorded once in ``--output`` and not run again. So a command that was cut off goes on where it
was. Tables are shipped ones by name, folders of tables, and folders that hold such folders (`docs/how_to/tables.md`).

Syne Tune is not among the dependencies of development, because it brings hundreds of megabytes. ``pip install -e
'.[peers]'`` brings it. A peer whose package is not installed is left out, unless there are recordings of it. ``python -m
benchmarks.search_cost.epochs_to`` counts epochs until a part of the hypervolume is found, with the parts of this search
switched off in turn.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.search_cost.competitors import judged
from benchmarks.search_cost.page import Results, page
from benchmarks.search_cost.recordings import Archive, Source, figures_of, run_all, sources, yardstick_of
from dite_search.simulation.table_settings import is_table
from search_spaces.common.files import write_text

TABLES = ("tiny_128", "../shared/data/tables")
"""Tables that are taken where none are named, as far as they are there."""
NEEDS = {"moasha": "syne_tune", "moasha_best": "syne_tune", "qnehvi": "botorch"}
"""Packages that searches need beyond the dependencies."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", nargs="+", metavar="PLACE", help="tables (default: tiny_128 and ../shared/data/tables)")
    parser.add_argument("--seeds", type=int, default=100, help="runs of each search that takes seconds")
    parser.add_argument("--slow-seeds", type=int, help="runs of each search that takes minutes (default: as recorded)")
    parser.add_argument("--workers", type=int, default=4, help="trainings side by side")
    parser.add_argument("--only", nargs="+", metavar="NAME", help=", ".join(one.name for one in judged()))
    parser.add_argument("--output", type=Path, default=Path("runs/search_benchmarks"), help="folder of the recordings")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--page", type=Path, help="page to write; default: none")
    parser.add_argument("--no-runs", action="store_true", help="write the page of what is recorded, and run nothing")
    options = parser.parse_args(arguments)
    tables = sources(_places(options.tables or [place for place in TABLES if _is_there(place)]))
    archive = Archive(options.output, workers=options.workers)
    chosen = [one for one in judged() if not options.only or one.name in options.only]
    if not options.no_runs:
        able = [one for one in chosen if one.name not in NEEDS or importlib.util.find_spec(NEEDS[one.name])]
        for one in chosen:
            if one not in able:
                print(f"{one.label} is left out: it needs {NEEDS[one.name]}", file=sys.stderr)
        run_all(archive.missing(able, tables, options.seeds, options.slow_seeds), jobs=options.jobs)
    if options.page:
        write_text(options.page, page([_results(archive, table) for table in tables]))


def _results(archive: Archive, table: Source) -> Results:
    yardstick = yardstick_of(table)
    figures = {one.name: figures_of(archive.read(one, table), yardstick) for one in judged()}
    return Results(yardstick=yardstick, competitors=judged(), figures=figures)


def _places(given: Iterable[str]) -> list[str]:
    """Return the tables among places: a folder that is no table stands for the tables in it."""
    found: list[str] = []
    for place in given:
        folder = Path(place)
        inner = sorted(child for child in folder.iterdir() if is_table(child)) if folder.is_dir() else []
        found += map(str, inner) if inner and not is_table(folder) else [place]
    return found


def _is_there(place: str) -> bool:
    return "/" not in place or Path(place).is_dir()


if __name__ == "__main__":
    main()
