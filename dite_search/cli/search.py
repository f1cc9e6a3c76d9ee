"""Commands about searches: run one, stop it, go on with it, report it."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from dite_search.cli.export import export_quickly
from dite_search.cli.shared.options import (
    DATA_VARIABLE,
    directory_option,
    json_option,
)
from dite_search.cli.shared.output import console_for, next_steps, show, tell
from dite_search.terminal.progress import counted, waiting
from search_spaces.supernet_config import DIRECT


class _Positive(click.ParamType[float]):
    """A finite number above 0."""

    name = "float"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; fail with a sentence otherwise."""
        found = float(click.FLOAT.convert(value, param, ctx))
        if not (math.isfinite(found) and found > 0):
            self.fail(f"must be a number above 0, got {value}", param, ctx)
        return found


POSITIVE = _Positive()


@click.command(epilog="Example:  dite-search quickstart")
@directory_option
@click.option("--trials", type=click.IntRange(min=1), help="Networks to train (default: as many as the example asks).")
@json_option
def quickstart(directory: str, trials: int | None, as_json: bool) -> None:
    """Search small networks on drawn people: no data set, GPU or server needed; minutes on two cores.

    Ends with the front, the report, and the best network exported to ONNX.
    """
    from dite_search.study.directory import free_name
    from dite_search.tasks.search_file import read_search

    file = Path(__file__).parents[1] / "quickstart.yaml"
    name = free_name("quickstart", directory)
    config = read_search(file, changes={"name": name, "directory": directory, "trials": trials})
    _search_and_show(config, as_json=as_json, export=True)


@click.command(epilog="Example:  dite-search search examples/coco_mini.yaml --data ~/coco_mini")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--data", "data_root", envvar=DATA_VARIABLE, help=f"Replaces data.root of the file; also ${DATA_VARIABLE}.")
@click.option("--name", help="Replaces the name of the study.")
@click.option("--trials", type=click.IntRange(min=1), help="Replaces the number of trials.")
@click.option("--directory", help="Replaces the folder of the studies.", type=click.Path(file_okay=False))
@click.option("--val-share", type=float, help="Part the people of data.root: the share of the images to score on.")
@click.option("--group-by", help="Field whose equal values stay in one part of --val-share, such as subject.")
@json_option
def search(
    file: str,
    data_root: str | None,
    name: str | None,
    trials: int | None,
    directory: str | None,
    val_share: float | None,
    group_by: str | None,
    as_json: bool,
) -> None:
    """Run the search that FILE describes, and write its report."""
    from dite_search.tasks.search_file import read_search

    changes = {"name": name, "trials": trials, "directory": directory}
    parting = {"val_share": val_share, "group_by": group_by}
    config = read_search(file, data_root=data_root, changes=changes, data_changes=parting)
    if config.supernet_config.use == DIRECT:
        from dite_search.tasks.supernet.pick_finalists import with_finalists

        config = with_finalists(config, file=file, console=console_for(as_json))
    _search_and_show(config, as_json=as_json, export=False)


@click.command(epilog="Example:  dite-search resume quickstart")
@click.argument("study")
@directory_option
@json_option
def resume(study: str, directory: str, as_json: bool) -> None:
    """Go on with STUDY (its name, or its folder), which was cut off: no result is lost, and none is made twice."""
    from dite_search.driver.run_search import resume_search
    from dite_search.study.directory import load_config

    _search_and_show(load_config(study, directory=directory), as_json=as_json, export=False, run=resume_search)


@click.command(epilog="Example:  dite-search extend quickstart --trials 10 --hours 2")
@click.argument("study")
@click.option("--trials", type=click.IntRange(min=1), help="Networks to train beside those asked for so far.")
@click.option("--hours", type=POSITIVE, help="Hours to add to those of the search.")
@click.option("--gpu-hours", type=POSITIVE, help="GPU hours to add.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs to add.")
@click.option("--until", metavar="WHEN", help="A later end, such as 2026-12-01T08:00 (local time, unless +01:00 follows).")
@directory_option
@json_option
def extend(
    study: str,
    trials: int | None,
    hours: float | None,
    gpu_hours: float | None,
    epochs: int | None,
    until: str | None,
    directory: str,
    as_json: bool,
) -> None:
    """Add networks, or budget, to STUDY (its name, or its folder), and run it with what it has left.

    What is added comes on top of the limits of the search; a limit that it did not have counts from what is spent. Where all
    networks that were asked for have ended, and only time, GPU hours or epochs are added, more are tried for these.
    """
    from dite_search.config.sections import moment
    from dite_search.driver.run_search import resume_search
    from dite_search.spending.state import Extension
    from dite_search.study.directory import load_config
    from search_spaces.common.errors import InvalidInput

    try:
        end = moment(until)
    except ValueError as error:
        raise InvalidInput(f"--until {error}") from None
    more = Extension(trials=trials, hours=hours, gpu_hours=gpu_hours, epochs=epochs, until=end)
    if more.is_empty:
        raise InvalidInput("extend must be given --trials, --hours, --gpu-hours, --epochs or --until")
    config = load_config(study, directory=directory)
    _search_and_show(config, as_json=as_json, export=False, run=partial(resume_search, more=more))


@click.command(epilog="Example:  dite-search pause quickstart")
@click.argument("study")
@directory_option
def pause(study: str, directory: str) -> None:
    """Let STUDY, which runs elsewhere, end its running epochs, save them and stop; resume goes on."""
    from dite_search.storage.lease import ask_to_pause
    from dite_search.study.directory import load_config
    from dite_search.study.study import storage_of
    from search_spaces.common.shell import own_command

    config = load_config(study, directory=directory)
    driver = ask_to_pause(config.name, storage_of(config))
    click.echo(f"{driver} was asked to pause; to go on when it has:  {own_command('resume', config.study_directory)}")


@click.command(epilog="Example:  dite-search report quickstart")
@click.argument("study")
@directory_option
@click.option(
    "--budget",
    "limits",
    multiple=True,
    metavar="LIMIT",
    help="What a network may cost, like 'mmacs <= 200' or 'params <= 1.5M'; repeatable (default: the study's budget).",
)
@click.option("--no-budget", is_flag=True, help="Drop the limits of the last report: the budget is the study's.")
@click.option(
    "--intervals/--no-intervals",
    default=None,
    help="Predict once more with every network of the front, for the interval of its accuracy over images (needs the data).",
)
@click.option(
    "--pictures/--no-pictures",
    default=None,
    help="Show what the recommended networks predict on validation photographs, and group their errors (needs the data).",
)
@click.option("--output", help="Folder of the report (default: report/ in the study's folder).", type=click.Path())
@json_option
def report(
    study: str,
    directory: str,
    limits: tuple[str, ...],
    no_budget: bool,
    intervals: bool | None,
    pictures: bool | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Write the report of STUDY (its name, or its folder): report.html, summary.md, front.png and trials.csv.

    A report keeps the options of the last one, and says so. Options that are given go before them.
    """
    from dite_search.api.study import Study
    from dite_search.housekeeping.report_options import ReportOptions, chosen_options, keep_options, last_options

    found = Study.load(study, directory=directory)
    last = last_options(found.directory)
    options = chosen_options(last, limits=limits, no_budget=no_budget, intervals=intervals, pictures=pictures)
    asked = ReportOptions(limits=limits, intervals=bool(intervals), pictures=bool(pictures))
    kept = options.sentence(asked)
    if kept:
        click.echo(kept, err=True)
    place = Path(output) if output else None
    kinds = {"intervals": options.intervals, "pictures": options.pictures}
    written = _written_report(found.config, found.record, limits=options.limits, **kinds, output=place)
    keep_options(found.directory, options)
    show(written, as_json)


def _search_and_show(config: Any, *, as_json: bool, export: bool, run: Any = None) -> None:
    from analysis.pareto.front import front_of
    from analysis.pareto.selection import choose
    from analysis.study.learning import learned
    from dite_search.cli.shared.next_commands import commands_after, mlflow_command
    from dite_search.driver.run_search import run_search
    from dite_search.monitor.progress_table import budget_end_words, pause_words, published_table
    from dite_search.spending.state import budget_state
    from dite_search.storage.pause import Pause
    from dite_search.study.directory import load_config
    from dite_search.tracking.source import search_address

    console, pause = console_for(as_json), Pause()
    study = (run or run_search)(config, console, pause)
    # The run may have changed the search, as extend does; its folder tells what it is by now.
    config = load_config(study.directory)
    front = front_of(study)
    notable = learned(study, front)
    state = budget_state(config, study, time.time())
    paused = pause.asked and state.has_work
    paths = _written_report(config, study)
    result: dict[str, Any] = {
        "study": str(study.directory),
        "front": [{"trial": t.number, "arch_id": t.arch.arch_id, **t.values} for t in front],
        "report": paths["report"],
        "mlflow": search_address(config),
        "learned": bool(notable),
        "paused": paused,
        "trials_left": state.networks_left,
        **state.plain,
    }
    _tell_front(console, study, paused=paused)
    published = published_table(study)
    if published is not None:
        console.print(published)
    if export and notable:
        result["export"] = export_quickly(study, choose(study))
    if paused:
        words = pause_words(study, left=state.networks_left, asked=config.trials)
        console.print(words, highlight=False, markup=False, soft_wrap=True)
    if state.reached:
        words = budget_end_words(study, spent=state.words, reached=state.reached)
        console.print(words, highlight=False, markup=False, soft_wrap=True)
    if as_json:
        show(result, as_json)
        return
    tell(console, f"\nReport   {paths['report']}")
    if not mlflow_command(config):
        # A server has the page already; a database is served by the last of the commands below.
        tell(console, f"MLflow   {result['mlflow']}")
    if "export" in result:
        tell(console, f"ONNX     {result['export']['onnx']}")
    next_steps(as_json, *commands_after(study, config))
    if not (front or paused):
        raise SystemExit(1)


def _tell_front(console: Any, study: Any, *, paused: bool) -> None:
    """Print the front; without a network on it that has learned something, why there is none."""
    from analysis.pareto.front import front_of
    from analysis.study.learning import few_images, few_images_words, learned, nothing_learned_words
    from dite_search.monitor.progress_table import front_table

    front = front_of(study)
    if not front:
        none = "No trial has a score yet." if paused else "[bold red]No trial finished with a score; the report says why."
        console.print(none)
        return
    if not learned(study, front):
        tell(console, nothing_learned_words(study, front))
        return
    console.print(front_table(study))
    images = few_images(study)
    if images is not None:
        tell(console, few_images_words(images))


def _written_report(config: Any, study: Any, **options: Any) -> dict[str, str]:
    from dite_search.housekeeping.study_report import write_study_report

    console = console_for(True)
    followed, wait = partial(counted, console), partial(waiting, console)
    written = write_study_report(config, study, **options, now=time.time(), followed=followed, waiting=wait)
    return {
        "report": str(written.html),
        "summary": str(written.markdown),
        "front": str(written.png),
        "trials": str(written.csv),
    }
