"""The command line: ``dite-search``, also ``python -m dite_search``."""

from __future__ import annotations

import errno
import json
import logging
import math
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from search_spaces.errors import InvalidInput

# Every command imports what it needs when it runs: torch, Ray and MLflow take seconds, and help should take none.

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS)
DATA_VARIABLE = "DITE_SEARCH_DATA"


class UserError(click.ClickException):
    """A user's mistake: one sentence, exit status 2."""

    exit_code = 2


class Commands(click.Group):
    """Turns a user's mistake, and a disk that is full or closed, into one sentence; a defect keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except InvalidInput as error:
            raise UserError(str(error)) from None
        except OSError as error:
            if error.errno not in DISK_ERRORS:
                raise
            raise UserError(f"{error.filename or 'the output'} cannot be written: {error.strerror}") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dite-search")
def main() -> None:
    """Find the best lightweight pose network for a compute budget.

    Start with:  dite-search quickstart
    """
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
directory_option = click.option(
    "--directory", default="runs", show_default=True, help="Folder of the studies.", type=click.Path(file_okay=False)
)
input_size_option = click.option("--input-size", metavar="HxW", help="Input height and width, as in 256x192.")


@main.command(epilog="Example:  dite-search quickstart")
@directory_option
@click.option("--trials", type=click.IntRange(min=1), help="Networks to train (default: as many as the example asks).")
@json_option
def quickstart(directory: str, trials: int | None, as_json: bool) -> None:
    """Search small networks on drawn people: no data set, GPU or server needed; minutes on two cores.

    Ends with the front, the report, and the best network exported to ONNX.
    """
    from dite_search.config import load_search
    from dite_search.study import free_name

    file = Path(__file__).with_name("quickstart.yaml")
    name = free_name("quickstart", directory)
    config = load_search(file, changes={"name": name, "directory": directory, "trials": trials})
    _search_and_show(config, as_json=as_json, export=True)


@main.command(epilog="Example:  dite-search search examples/coco_mini.yaml --data ~/coco_mini")
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


@main.command(epilog="Example:  dite-search train dite_hrnet_18 --input-size 128x96 --data ~/coco_mini --epochs 20")
@click.argument("arch")
@click.option("--data", "root", envvar=DATA_VARIABLE, required=True, help=f"Data set; also ${DATA_VARIABLE}.")
@click.option("--output", default="runs/train", show_default=True, help="Folder of the checkpoints.", type=click.Path())
@input_size_option
@click.option("--val-split", type=click.Choice(["train", "val"]), default="val", show_default=True, help="Split to score.")
@click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Training processes.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads of each process (default: all cores shared).")
@click.option("--loaders", type=click.IntRange(0, 256), default=0, show_default=True, help="Loader processes of each.")
@click.option("--epochs", type=int, help="Epochs (default: the paper's 270).")
@click.option("--batch-size", type=int, help="Samples of one step over all processes (default: the paper's 256).")
@click.option("--learning-rate", type=float, help="Learning rate (default: the paper's 0.002).")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Any other hyper-parameter, as in --set seed=3.")
@json_option
def train(
    arch: str,
    root: str,
    output: str,
    input_size: str | None,
    val_split: str,
    workers: int,
    threads: int | None,
    loaders: int,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    fields: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train one network: ARCH is a preset's name or an architecture file.

    A training that was cut off goes on from its last checkpoint when the same command is given again.
    """
    from dite_search.single import train_one
    from search_spaces.presets import resized, resolve_arch
    from trainers.data.source import DataConfig

    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    config = _train_config(fields, {name: value for name, value in given.items() if value is not None})
    metrics = train_one(
        resized(resolve_arch(arch), input_size=input_size),
        config,
        DataConfig(root=Path(root), val_split=val_split, workers=loaders),
        directory=Path(output).absolute(),
        workers=workers,
        threads=threads,
        console=_console(as_json),
    )
    _show(metrics, as_json)
    _next(as_json, f"{_program('dite-search')} evaluate {output}/best.pt --data {root}")


@main.command(epilog="Example:  dite-search evaluate runs/train/best.pt --data ~/coco --detections person_detections.json")
@click.argument("checkpoint", type=click.Path())
@click.option("--data", "root", envvar=DATA_VARIABLE, required=True, help=f"Data set; also ${DATA_VARIABLE}.")
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True, help="Split to score.")
@click.option("--detections", help="COCO detections file; without it the boxes are the ground truth.")
@click.option("--flip-test/--no-flip-test", default=True, show_default=True, help="Average with the flipped image.")
@click.option("--dump", help="Write the predictions as a COCO results file.", type=click.Path(dir_okay=False))
@input_size_option
@json_option
def evaluate(
    checkpoint: str,
    root: str,
    split: str,
    detections: str | None,
    flip_test: bool,
    dump: str | None,
    input_size: str | None,
    as_json: bool,
) -> None:
    """Score CHECKPOINT, of this tool or in the layout of the published ones, by COCO's average precision."""
    from dite_search.single import evaluate_one
    from trainers.data.source import DataConfig

    boxes = "det" if detections else "gt"
    data = DataConfig(root=Path(root), val_split=split, boxes=boxes, detections=Path(detections) if detections else None)
    metrics = evaluate_one(
        Path(checkpoint), data, flip_test=flip_test, input_size=input_size, dump=Path(dump) if dump else None
    )
    _show(metrics, as_json)


@main.command(epilog="Example:  dite-search complexity dite_hrnet_18 --input-size 384x288 --json")
@click.argument("arch")
@input_size_option
@click.option("--measure", is_flag=True, help="Build the network too, and count it with fvcore.")
@json_option
def complexity(arch: str, input_size: str | None, measure: bool, as_json: bool) -> None:
    """Parameters and multiply-accumulates of ARCH, a preset's name or an architecture file.

    macs counts the convolutions that our network executes; macs_paper adds the bias additions, as published figures do.
    """
    from search_spaces.arch import format_size
    from search_spaces.cost import cost_of
    from search_spaces.presets import PRESETS, paper_variants, resized, resolve_arch

    config = resized(resolve_arch(arch), input_size=input_size)
    cost = cost_of(config)
    result: dict[str, Any] = {
        "arch_id": config.arch_id,
        "input_size": format_size(config.input_size),
        "params": cost.params,
        "macs": cost.macs,
        "macs_paper": cost.macs_paper,
    }
    if measure:
        from trainers.complexity import measured_cost

        result["params_measured"], result["macs_measured"] = measured_cost(config)
    _show(result, as_json)
    if arch in PRESETS and input_size is None and not as_json:
        click.echo("\nAt the inputs of the papers:")
        for data, variant in paper_variants(arch):
            paper = cost_of(variant)
            size = format_size(variant.input_size)
            click.echo(f"  {data}  {size}  {paper.params:>9,} params  {paper.macs_paper / 1e6:>6.1f} M macs_paper")


@main.command(epilog="Example:  dite-search report quickstart")
@click.argument("study")
@directory_option
@click.option("--output", help="Folder of the report (default: report/ in the study's folder).", type=click.Path())
@json_option
def report(study: str, directory: str, output: str | None, as_json: bool) -> None:
    """Write the report of STUDY (its name, or its folder): report.html, front.png and trials.csv."""
    from dite_search.study import load_config, read_study

    config = load_config(study, directory=directory)
    _show(_write_report(read_study(config), output), as_json)


@main.command(epilog="Example:  dite-search export quickstart --max-mmacs 3")
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
    _show(_export(record, chosen, output), as_json)


@main.command(epilog="Example:  dite-search synth people --train-images 500 --val-images 100")
@click.argument("directory", type=click.Path(file_okay=False))
@click.option("--train-images", type=click.IntRange(min=1), default=1200, show_default=True, help="Images to train on.")
@click.option("--val-images", type=click.IntRange(min=1), default=150, show_default=True, help="Images to be scored on.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same images.")
@json_option
def synth(directory: str, train_images: int, val_images: int, seed: int, as_json: bool) -> None:
    """Draw a data set of people in COCO's layout in DIRECTORY."""
    from trainers.data.synthetic import draw_dataset

    draw_dataset(Path(directory), train_images=train_images, val_images=val_images, seed=seed)
    _show({"directory": directory, "train_images": train_images, "val_images": val_images, "seed": seed}, as_json)
    _next(
        as_json,
        f"{_program('dite-search')} train lite_hrnet_18 --input-size 128x96 --data {directory} --epochs 5 --batch-size 32",
    )


def _search_and_show(config: Any, *, as_json: bool, export: bool) -> None:
    from analysis.choice import choose
    from analysis.pareto import front_of
    from dite_search.progress import front_table
    from dite_search.runner import run_search
    from dite_search.tracking import tracking_uri

    console = _console(as_json)
    study = run_search(config, console)
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
    if export and front:
        result["export"] = _export(study, choose(study), None)
    if as_json:
        _show(result, as_json)
        return
    console.print(f"\nReport   {paths['report']}", highlight=False)
    if "export" in result:
        console.print(f"ONNX     {result['export']['onnx']}", highlight=False)
    uri = tracking_uri(config.mlflow_url, study.directory.parent)
    _next(
        as_json,
        f"{_program('dite-search')} export {study.directory} --max-mmacs {_budget(front):g}",
        f"{_program('mlflow')} ui --backend-store-uri {uri}   (then open http://127.0.0.1:5000)",
    )
    if not front:
        raise SystemExit(1)


def _write_report(study: Any, output: str | None) -> dict[str, str]:
    from analysis.report import write_report

    written = write_report(study, Path(output) if output else study.directory / "report")
    return {"report": str(written.html), "front": str(written.png), "trials": str(written.csv)}


def _export(study: Any, record: Any, output: str | None) -> dict[str, Any]:
    from analysis.export import export_trial

    exported = export_trial(study, record, Path(output) if output else study.directory / "export")
    return {
        "trial": record.number,
        "arch_id": record.arch.arch_id,
        "onnx": str(exported.onnx),
        "onnx_difference": exported.agreement.max_relative_difference,
    }


def _train_config(fields: tuple[str, ...], given: dict[str, Any]) -> Any:
    import yaml

    from search_spaces.hyperparameters import TrainConfig

    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            raise InvalidInput(f"--set must be FIELD=VALUE, got {field!r}")
        given[name] = yaml.safe_load(value)
    return TrainConfig.from_dict(given)


def _console(as_json: bool) -> Console:
    return Console(stderr=as_json)


def _show(result: dict[str, Any], as_json: bool) -> None:
    """The result as JSON, or a line for each value."""
    if as_json:
        click.echo(json.dumps(result, indent=2))
        return
    width = max(len(name) for name in result)
    for name, value in result.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value
        click.echo(f"{name:<{width}}  {shown}")


def _program(name: str) -> str:
    """How to call a program of this environment: by its name where the shell finds it, else by its path."""
    own = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found and Path(found).resolve() == own.resolve():
        return name
    return str(own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own)


def _budget(front: list[Any]) -> float:
    """A budget that some of the front meets, as an example."""
    costs = sorted(trial.cost.mmacs for trial in front)
    return math.ceil(costs[len(costs) // 2] * 10) / 10 if costs else 250.0


def _next(as_json: bool, *commands: str) -> None:
    if as_json:
        return
    click.echo("\nNext:")
    for command in commands:
        click.echo(f"  {command}")
