"""The command that puts two networks or studies side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dite_search.cli.shared.options import directory_option, json_option
from dite_search.cli.shared.output import console_for, tell
from dite_search.terminal.progress import counted, waiting
from trainers.data.formats.data_format import FORMATS

if TYPE_CHECKING:
    from rich.table import Table

    from analysis.comparison.pairwise import Comparison
    from analysis.comparison.sides import Figure

MAX_EPOCHS = 10
"""Rows of the learning curves in a terminal."""


@click.command(epilog="Example:  dite-search compare quickstart:3 quickstart:7")
@click.argument("a")
@click.argument("b")
@directory_option
@click.option("--data", "root", help="Data set to predict, for exports and moved data (default: that of the studies).")
@click.option(
    "--format",
    "data_format",
    type=click.Choice(tuple(FORMATS)),
    help="Layout of --data (default: as the studies', or coco).",
)
@click.option("--category", help="Category of the people of --data, a name or an id (default: as the studies').")
@click.option("--detections", help="COCO detections file of --data; without it the boxes are the ground truth.")
@click.option(
    "--flip-test/--no-flip-test", default=None, help="Average with the flipped image (default: as the studies do)."
)
@click.option("--costs-only", is_flag=True, help="Compare architectures and costs, and predict nothing.")
@click.option("--resamples", type=click.IntRange(100, 1_000_000), default=1000, show_default=True, help="Of the images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the resampling.")
@click.option("--output", help="Write the comparison as an HTML page, too.", type=click.Path(dir_okay=False))
@json_option
def compare(
    a: str,
    b: str,
    directory: str,
    root: str | None,
    data_format: str | None,
    category: str | None,
    detections: str | None,
    flip_test: bool | None,
    costs_only: bool,
    resamples: int,
    seed: int,
    output: str | None,
    as_json: bool,
) -> None:
    """Put A and B side by side: architecture, costs, curves, AP by keypoint, and whether the difference is noise.

    Each side is a trial (STUDY:TRIAL), a study (its most accurate trial, and its front), a checkpoint, or an export. A
    preset's name or an architecture file will do too, and has costs only.
    """
    import numpy as np

    from analysis.comparison.pairwise import compare as put_together
    from analysis.comparison.protocol import check_protocols
    from dite_search.tasks.model_reference import named, predicted
    from search_spaces.common.files import check_output

    if output:
        check_output(output)
    first, second = named(a, directory=directory), named(b, directory=directory)
    sides, missing, console = (first.side, second.side), "", console_for(True)
    if not costs_only:
        # Before anything is predicted, which takes its time.
        check_protocols(*sides)
        configs = [item.config for item in (first, second) if item.config]
        data = _data(root, data_format, detections, category, of=configs[0].data if configs else None)
        *both, missing = predicted(
            first,
            second,
            data=data,
            flip_test=flip_test,
            say=lambda text: tell(console, text),
            follow=counted(console, "Predicting"),
        )
        sides = (both[0], both[1])
    with waiting(console, "Resampling the images"):
        found = put_together(
            *sides, generator=np.random.default_rng(seed), scores=not costs_only, resamples=resamples, missing=missing
        )
    if output:
        from analysis.comparison.html import write_page

        write_page(found, Path(output))
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    _show(found)
    if output:
        click.echo(f"\nPage  {output}")


def _data(root: str | None, data_format: str | None, detections: str | None, category: str | None, *, of: Any) -> Any:
    """The data of --data; format, category of people and split to score are those ``of`` a study, where there is one."""
    from dite_search.config.data_file import data_config_of
    from search_spaces.common.errors import InvalidInput

    if root is None:
        for option, value in (("--detections", detections), ("--format", data_format), ("--category", category)):
            if value:
                raise InvalidInput(f"{option} must come with --data, which it describes, got {value} alone")
        return None
    same = of is not None and data_format in (None, of.format)
    theirs = {"train_split": of.train_split, "val_split": of.val_split, "category": of.category} if same else {}
    if same:
        # The same points and the same figure, wherever the people lie.
        theirs |= {"keypoints": of.keypoints, "metric": None if detections else of.metric}
    given = {"format": data_format or (of.format if same else None), "category": category}
    boxes = {"boxes": "det", "detections": detections} if detections else {}
    orientation = {"on_orientation": of.on_orientation if of is not None else None}
    return data_config_of(root, theirs | {name: v for name, v in given.items() if v is not None} | boxes | orientation)


def _show(found: Comparison) -> None:
    """The comparison as tables for a terminal."""
    from rich.text import Text

    from analysis.comparison.pairwise import curve_rows
    from analysis.study.labels import quantity
    from search_spaces.common.objectives import format_value

    console = console_for(False)
    for name, side in zip("AB", found.sides, strict=True):
        console.print(Text(f"{name}  {side.label}, network {side.arch.arch_id}"), highlight=False)
    table = _table("Architecture", "", "A", "B")
    for line in found.architecture:
        table.add_row(*map(Text, (line.name, line.first, line.second)))
    console.print(table if found.architecture else "\nArchitecture: the same.", highlight=False)
    _print_figures(console, "Costs", found.costs, relative=True)
    _print_figures(console, "Scores", found.scores)
    score, rows = curve_rows(found, MAX_EPOCHS)
    if rows:
        table = _table(f"Learning curves: {quantity(score)}", "epoch", "A", "B")
        for epoch, first, second in rows:
            table.add_row(str(epoch), format_value(score, first), format_value(score, second))
        console.print(table)
    _print_figures(console, "AP of each keypoint alone", found.keypoints)
    if found.fronts:
        fronts = found.fronts
        corner = ", ".join(
            f"{name} {format_value(name, value)}" for name, value in zip(fronts.objectives, fronts.reference, strict=True)
        )
        table = _table(f"Fronts, from the reference {corner}", "", "A", "B")
        table.add_row("networks on the front", *map(str, fronts.sizes))
        table.add_row("of these, dominated by the other study", *map(str, fronts.dominated))
        table.add_row("hypervolume", *(f"{value:.5g}" for value in fronts.hypervolumes))
        console.print(table)
    for sentence in (found.verdict, *found.notes):
        if sentence:
            console.print(Text(f"\n{sentence}" if sentence == found.verdict else sentence), highlight=False)


def _table(title: str, *columns: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, style="bold"), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
    return table


def _print_figures(console: Any, title: str, figures: Any, *, relative: bool = False) -> None:
    from rich.text import Text

    from analysis.study.labels import quantity
    from search_spaces.common.objectives import format_value

    if not figures:
        return
    table = _table(title, "", "A", "B", "A less B")
    for figure in figures:
        table.add_row(
            Text(quantity(figure.name)),
            format_value(figure.name, figure.first),
            format_value(figure.name, figure.second),
            _apart(figure, relative),
        )
    console.print(table)


def _apart(figure: Figure, relative: bool) -> str:
    if figure.difference is None:
        return "–"
    if relative:
        return f"{figure.difference / figure.second:+.1%}" if figure.second else "–"
    return f"{figure.difference:+.3f}"
