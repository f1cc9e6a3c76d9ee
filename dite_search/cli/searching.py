"""Commands about searches: run one, report it, export what it found."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import click

from dite_search.cli.options import (
    DATA_VARIABLE,
    directory_option,
    json_option,
)
from dite_search.cli.output import console_for, next_steps, program, show


@click.command(epilog="Example:  dite-search quickstart")
@directory_option
@click.option("--trials", type=click.IntRange(min=1), help="Networks to train (default: as many as the example asks).")
@json_option
def quickstart(directory: str, trials: int | None, as_json: bool) -> None:
    """Search small networks on drawn people: no data set, GPU or server needed; minutes on two cores.

    Ends with the front, the report, and the best network exported to ONNX.
    """
    from dite_search.config import load_search
    from dite_search.study import free_name

    file = Path(__file__).parents[1] / "quickstart.yaml"
    name = free_name("quickstart", directory)
    config = load_search(file, changes={"name": name, "directory": directory, "trials": trials})
    _search_and_show(config, as_json=as_json, export=True)


@click.command(epilog="Example:  dite-search search examples/coco_mini.yaml --data ~/coco_mini")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--data", "data_root", envvar=DATA_VARIABLE, help=f"Replaces data.root of the file; also ${DATA_VARIABLE}.")
@click.option("--name", help="Replaces the name of the study.")
@click.option("--trials", type=click.IntRange(min=1), help="Replaces the number of trials.")
@click.option("--directory", help="Replaces the folder of the studies.", type=click.Path(file_okay=False))
@json_option
def search(
    file: str, data_root: str | None, name: str | None, trials: int | None, directory: str | None, as_json: bool
) -> None:
    """Run the search that FILE describes, and write its report."""
    from dite_search.config import load_search

    changes = {"name": name, "trials": trials, "directory": directory}
    _search_and_show(load_search(file, data_root=data_root, changes=changes), as_json=as_json, export=False)


@click.command(epilog="Example:  dite-search resume quickstart")
@click.argument("study")
@directory_option
@json_option
def resume(study: str, directory: str, as_json: bool) -> None:
    """Go on with STUDY (its name, or its folder), which was cut off: no result is lost, and none is made twice."""
    from dite_search.runner import resume_search
    from dite_search.study import load_config

    _search_and_show(load_config(study, directory=directory), as_json=as_json, export=False, run=resume_search)


@click.command(epilog="Example:  dite-search extend quickstart --trials 10")
@click.argument("study")
@click.option("--trials", type=click.IntRange(min=1), required=True, help="Networks to train beside those asked for so far.")
@directory_option
@json_option
def extend(study: str, trials: int, directory: str, as_json: bool) -> None:
    """Add trials to STUDY (its name, or its folder), and run them with what it has left."""
    from dite_search.runner import resume_search
    from dite_search.study import load_config

    config = load_config(study, directory=directory)
    _search_and_show(config, as_json=as_json, export=False, run=partial(resume_search, more=trials))


@click.command(epilog="Example:  dite-search pause quickstart")
@click.argument("study")
@directory_option
def pause(study: str, directory: str) -> None:
    """Let STUDY, which runs elsewhere, end its running epochs, save them and stop; resume goes on."""
    from dite_search.lease import ask_to_pause
    from dite_search.study import load_config, storage_of

    config = load_config(study, directory=directory)
    driver = ask_to_pause(config.name, storage_of(config))
    click.echo(f"{driver} was asked to pause; to go on when it has:  dite-search resume {study}")


@click.command(epilog="Example:  dite-search report quickstart")
@click.argument("study")
@directory_option
@click.option("--output", help="Folder of the report (default: report/ in the study's folder).", type=click.Path())
@json_option
def report(study: str, directory: str, output: str | None, as_json: bool) -> None:
    """Write the report of STUDY (its name, or its folder): report.html, front.png and trials.csv."""
    from dite_search.study import load_config, read_study

    config = load_config(study, directory=directory)
    show(_write_report(read_study(config), output), as_json)


@click.command(epilog="Example:  dite-search export quickstart --max-mmacs 3")
@click.argument("study")
@directory_option
@click.option("--best", metavar="OBJECTIVE", help="The trial that is best in this objective (default: accuracy).")
@click.option("--max-mmacs", type=float, help="Only trials of at most so many million multiply-accumulates.")
@click.option("--max-params", type=float, help="Only trials of at most so many parameters.")
@click.option("--max-latency-ms", type=float, help="Only trials of at most so many milliseconds.")
@click.option("--trial", type=int, help="This trial.")
@click.option("--output", help="Folder to write (default: export/ in the study's folder).", type=click.Path())
@json_option
def export(
    study: str,
    directory: str,
    best: str | None,
    max_mmacs: float | None,
    max_params: float | None,
    max_latency_ms: float | None,
    trial: int | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Write a network of STUDY: architecture, weights, ONNX with a free batch size, and a model card."""
    from analysis.choice import choose
    from dite_search.study import load_config, read_study

    record = read_study(load_config(study, directory=directory))
    limits = {"max_mmacs": max_mmacs, "max_params": max_params, "max_latency_ms": max_latency_ms}
    chosen = choose(record, best=best, trial=trial, **limits)
    show(_export(record, chosen, output), as_json)


def _search_and_show(config: Any, *, as_json: bool, export: bool, run: Any = None) -> None:
    from analysis.choice import choose
    from analysis.pareto import front_of
    from dite_search.progress import front_table, published_table
    from dite_search.runner import run_search
    from dite_search.tracking import redacted, tracking_uri

    console = console_for(as_json)
    study = (run or run_search)(config, console)
    front = front_of(study)
    paths = _write_report(study, None)
    result: dict[str, Any] = {
        "study": str(study.directory),
        "front": [{"trial": t.number, "arch_id": t.arch.arch_id, **t.values} for t in front],
        "report": paths["report"],
    }
    if front:
        console.print(front_table(study))
    else:
        console.print("[bold red]No trial finished with a score; the report says why.")
    published = published_table(study)
    if published is not None:
        console.print(published)
    if export and front:
        result["export"] = _export(study, choose(study), None)
    if as_json:
        show(result, as_json)
        return
    console.print(f"\nReport   {paths['report']}", highlight=False)
    if "export" in result:
        console.print(f"ONNX     {result['export']['onnx']}", highlight=False)
    uri = redacted(tracking_uri(config.mlflow_url, study.directory.parent))
    next_steps(
        as_json,
        f"{program('dite-search')} export {study.directory} --max-mmacs {_budget(front):g}",
        f"{program('mlflow')} ui --backend-store-uri {uri}   (then open http://127.0.0.1:5000)",
    )
    if not front:
        raise SystemExit(1)


def _write_report(study: Any, output: str | None) -> dict[str, str]:
    from analysis.report import write_report

    written = write_report(study, Path(output) if output else study.directory / "report")
    return {"report": str(written.html), "front": str(written.png), "trials": str(written.csv)}


def _export(study: Any, record: Any, output: str | None) -> dict[str, Any]:
    from analysis.export import export_trial

    exported = export_trial(study, record, Path(output) if output else study.directory / "export", threads=1)
    return {
        "trial": record.number,
        "arch_id": record.arch.arch_id,
        "onnx": str(exported.onnx),
        "onnx_difference": exported.agreement.max_relative_difference,
    }


def _budget(front: list[Any]) -> float:
    """A budget that some of the front meets, as an example."""
    costs = sorted(trial.cost.mmacs for trial in front)
    return math.ceil(costs[len(costs) // 2] * 10) / 10 if costs else 250.0
