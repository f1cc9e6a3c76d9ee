"""The command that ships what a search found: files, and versions in a model registry."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dite_search.cli.shared.options import directory_option, json_option
from dite_search.cli.shared.output import console_for, next_steps, program, show, tell
from dite_search.terminal.progress import counted, waiting
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import check_output
from search_spaces.common.follow import UNSEEN, Follow
from search_spaces.common.runtimes import CONVERTED
from search_spaces.common.shell import shell_command
from search_spaces.registry import load_arch
from search_spaces.starting_weights import ARCH_FILE

if TYPE_CHECKING:
    from search_spaces.space.budget import Constraint

EXPORT_FOLDER, EXPORTS_FOLDER = "export", "exports"
"""Below the study's folder: the export of one network, and those of several budgets by their aliases."""

SCORING = "Scoring the forms"


@click.command(epilog="Example:  dite-search export quickstart --max-mmacs 3")
@click.argument("study")
@directory_option
@click.option("--best", metavar="OBJECTIVE", help="The trial that is best in this objective (default: accuracy).")
@click.option("--max-mmacs", type=float, help="Only trials of at most so many million multiply-accumulates.")
@click.option("--max-params", type=float, help="Only trials of at most so many parameters.")
@click.option("--max-latency-ms", type=float, help="Only trials of at most so many milliseconds.")
@click.option("--trial", type=int, help="This trial.")
@click.option(
    "--budget",
    "budgets",
    multiple=True,
    metavar="LIMIT",
    help="The best network within a limit, as in --budget 'mmacs <= 200'; may be given again, each has its folder.",
)
@click.option(
    "--output",
    help="Folder to write (default: export/ in the study's folder, or exports/ with a folder for each --budget).",
    type=click.Path(file_okay=False),
)
@click.option("--data", "data_root", help="Folder of the data set, if it has moved.", type=click.Path(file_okay=False))
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(CONVERTED),
    help="Make files for this runtime too; may be given again. Each is an extra to install.",
)
@click.option(
    "--html",
    metavar="FOLDER",
    help="Make demo.html, which runs the network in a browser, with onnxruntime-web of this folder (its dist).",
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option("--no-int8", is_flag=True, help="Leave out int8, of model.onnx and of every --format.")
@click.option("--no-program", is_flag=True, help="Leave out model.pt2, the torch.export program.")
@click.option("--no-released", is_flag=True, help="Leave out released.pth, the weights for the authors' code.")
@click.option("--no-accuracy", is_flag=True, help="Do not score each form on the validation set.")
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads of measured latencies.")
@click.option("--register", "registered", is_flag=True, help="Make versions in MLflow's Model Registry, found by an alias.")
@click.option("--model", help="Name of the registered model (default: the study's name).")
@json_option
def export(
    study: str,
    directory: str,
    best: str | None,
    max_mmacs: float | None,
    max_params: float | None,
    max_latency_ms: float | None,
    trial: int | None,
    budgets: tuple[str, ...],
    output: str | None,
    data_root: str | None,
    formats: tuple[str, ...],
    html: Path | None,
    no_int8: bool,
    no_program: bool,
    no_released: bool,
    no_accuracy: bool,
    threads: int,
    registered: bool,
    model: str | None,
    as_json: bool,
) -> None:
    """Write a network of STUDY in every form, with a model card and an example that runs by itself.

    STUDY:TRIAL is that trial, as with --trial. STUDY may also be a checkpoint, such as that of a training by itself.

    The forms are architecture and weights, ONNX with a free batch size, the same in int8, and a torch.export program. A
    checkpoint for the authors' code is added where it can load one. --format adds OpenVINO, ncnn, LiteRT or Core ML. Each
    form is compared with the trained network, and scored.
    """
    from analysis.demo_page.web_runtime import read_web_runtime
    from analysis.export import Parts
    from analysis.export.directory import require_replaceable
    from analysis.export.formats import check_formats
    from analysis.pareto.selection import choose
    from dite_search.housekeeping.exports import log_or_say_later, note_export
    from dite_search.study.directory import load_config
    from dite_search.study.reader import read_study
    from dite_search.tasks.network_reference import names_checkpoint, trial_named
    from dite_search.tracking.aliases import BEST
    from dite_search.tracking.registry import check_registry

    check_formats(formats)
    if html:
        read_web_runtime(html)
    if model is not None and not registered:
        raise InvalidInput("--model names a registered model, so --register must be given too")
    parts = Parts(
        released=not no_released,
        program=not no_program,
        int8=not no_int8,
        accuracy=not no_accuracy,
        formats=tuple(dict.fromkeys(formats)),
        html=html,
    )
    if names_checkpoint(study):
        choices: dict[str, Any] = {"--best": best, "--trial": trial, "--max-mmacs": max_mmacs, "--max-params": max_params}
        choices |= {"--max-latency-ms": max_latency_ms, "--budget": budgets or None, "--register": registered or None}
        _refuse_choices(study, choices)
        _export_checkpoint(study, output, parts, threads=threads, data_root=data_root, as_json=as_json)
        return
    named = trial_named(study)
    if named is not None:
        if trial is not None:
            raise InvalidInput(f"{study} names a trial, so --trial must be left out, got {trial}")
        study, trial = named
    config = load_config(study, directory=directory)
    record = read_study(config)
    asked = {"mmacs": max_mmacs, "params": max_params, "latency_ms": max_latency_ms}
    limits = {name: limit for name, limit in asked.items() if limit is not None}
    if budgets and (trial is not None or limits):
        raise InvalidInput("--budget chooses the networks, so --trial and --max-... must be left out")
    if budgets:
        chosen = _within(record, best, _constraints(budgets))
        base = Path(output) if output else record.directory / EXPORTS_FOLDER
        places = {number: base / aliases[0] for number, (_, aliases) in chosen.items()}
    else:
        free = best is None and trial is None and not limits
        one = choose(record, best=best, trial=trial, limits=limits)
        chosen = {one.number: (one, [BEST] if free else [])}
        places = {one.number: Path(output) if output else record.directory / EXPORT_FOLDER}
    for place in places.values():
        # One network is exported after another, and none where one cannot be.
        require_replaceable(place)
        check_output(place, is_folder=True)
    if registered:
        # An export takes minutes, and a model that cannot be registered is told before.
        check_registry(config, model or config.name)
    console = console_for(True)
    results = []
    follow = counted(console, "Networks") if len(chosen) > 1 else iter
    for number in follow(list(chosen)):
        found, aliases = chosen[number]
        tell(console, f"Exporting trial {number} to {places[number]}")
        with waiting(console, f"Exporting trial {number}") if len(chosen) == 1 else nullcontext():
            scores = counted(console, SCORING)
            exported = _exported(record, found, places[number], parts, threads=threads, data_root=data_root, follow=scores)
        result = {"trial": number, **described(found.arch.arch_id, exported)}
        note_export(config, found, exported.directory)
        if registered:
            with waiting(console, "Registering the model") if len(chosen) == 1 else nullcontext():
                result |= _register(config, found, exported, name=model or config.name, aliases=aliases)
        results.append(result)
    log_or_say_later(config, lambda sentence: click.echo(sentence, err=True))
    if as_json:
        show({"exports": results} if budgets else results[0], as_json)
        return
    for result in results:
        show(result, as_json)
    _say_example(results[0], as_json)


def _refuse_choices(checkpoint: str, given: Mapping[str, Any]) -> None:
    """Refuse options that choose among the networks of a study, where the network is a checkpoint's."""
    named = [option for option, value in given.items() if value is not None]
    if named:
        raise InvalidInput(f"{checkpoint} is one network, so {named[0]} must be left out")


def _export_checkpoint(
    checkpoint: str, output: str | None, parts: Any, *, threads: int, data_root: str | None, as_json: bool
) -> None:
    """Export the network of a checkpoint, to the folder ``export`` beside it unless another is given."""
    from analysis.export import export_checkpoint
    from dite_search.tasks.network_reference import checkpoint_file

    place = Path(output) if output else Path(checkpoint).parent / EXPORT_FOLDER
    if output is None and "://" in checkpoint:
        raise InvalidInput(f"--output must be given for a checkpoint that lies elsewhere, got {checkpoint}")
    check_output(place, is_folder=True)
    console = console_for(True)
    tell(console, f"Exporting {checkpoint} to {place}")
    root = Path(data_root) if data_root else None
    with checkpoint_file(checkpoint) as file, waiting(console, f"Exporting {checkpoint}"):
        exported = export_checkpoint(
            file, place, name=checkpoint, threads=threads, parts=parts, data_root=root, follow=counted(console, SCORING)
        )
    result = described(load_arch(exported.directory / ARCH_FILE).arch_id, exported)
    show(result, as_json)
    _say_example(result, as_json)


def _say_example(result: Mapping[str, Any], as_json: bool) -> None:
    example = shell_command(program("python"), result["example"], "PHOTOGRAPH", "--output", "drawn.png")
    next_steps(as_json, example)


def export_quickly(study: Any, record: Any) -> dict[str, Any]:
    """Write what takes no time, into the study's folder; what was written, for a reader."""
    from analysis.export import ESSENTIAL

    exported = _exported(study, record, study.directory / EXPORT_FOLDER, ESSENTIAL, threads=1)
    return {"trial": record.number, **described(record.arch.arch_id, exported)}


def described(arch_id: str, exported: Any) -> dict[str, Any]:
    """An export in plain values: where it is, and what was measured."""
    from analysis.export.directory import DEMO_FILE, INT8_FILE
    from analysis.export.parity import TRAINED

    parity = exported.parity
    result: dict[str, Any] = {
        "arch_id": arch_id,
        "directory": str(exported.directory),
        "onnx": str(exported.onnx),
        "example": str(exported.example),
        "onnx_difference": exported.agreement.max_relative_difference,
    }
    demo = exported.directory / DEMO_FILE
    if demo.is_file():
        result["demo"] = str(demo)
    trained = parity.form(TRAINED)
    if trained is not None and trained.accuracy is not None:
        result[parity.quantity] = trained.accuracy
    loss = parity.loss(INT8_FILE)
    if loss is not None:
        result["int8_loss"] = loss
    result |= {f"{name} latency_ms": latency.median_ms for name, latency in exported.latencies.items()}
    return result


def _exported(
    study: Any,
    record: Any,
    place: Path,
    parts: Any,
    *,
    threads: int,
    data_root: str | None = None,
    follow: Follow = UNSEEN,
) -> Any:
    from analysis.export import export_trial

    root = Path(data_root) if data_root else None
    return export_trial(study, record, place, threads=threads, parts=parts, data_root=root, follow=follow)


def _constraints(texts: tuple[str, ...]) -> Mapping[str, Constraint]:
    from dite_search.tracking.aliases import alias_of, parse_budgets

    return {alias_of(constraint): constraint for constraint in parse_budgets(texts)}


def _within(study: Any, best: str | None, constraints: Mapping[str, Constraint]) -> dict[int, tuple[Any, list[str]]]:
    """The best trial of each budget, by number, with the aliases of the budgets it is best in."""
    from analysis.pareto.selection import choose

    chosen: dict[int, tuple[Any, list[str]]] = {}
    for alias, constraint in constraints.items():
        found = choose(study, best=best, limits={constraint.cost: constraint.limit})
        chosen.setdefault(found.number, (found, []))[1].append(alias)
    return chosen


def _register(config: Any, record: Any, exported: Any, *, name: str, aliases: list[str]) -> dict[str, Any]:
    from dite_search.tracking.registry import register

    made = register(
        config,
        exported,
        trial=record.number,
        arch_id=record.arch.arch_id,
        run_id=record.mlflow_run_id,
        name=name,
        aliases=aliases,
    )
    return {"model": made.name, "version": made.version, "aliases": ", ".join(made.aliases), "uri": made.uri}
