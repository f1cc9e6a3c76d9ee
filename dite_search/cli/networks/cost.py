"""Commands that count and time one network."""

from __future__ import annotations

from typing import Any

import click

from dite_search.cli.shared.options import directory_option, input_size_option, json_option
from dite_search.cli.shared.output import console_for, show
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import MEASURED, ONNX


@click.command(epilog="Example:  dite-search complexity dite_hrnet_18 --input-size 384x288 --json")
@click.argument("arch")
@input_size_option
@directory_option
@click.option("--measure", is_flag=True, help="Build the network too, and count it with fvcore.")
@json_option
def complexity(arch: str, input_size: str | None, directory: str, measure: bool, as_json: bool) -> None:
    """Parameters and multiply-accumulates of ARCH.

    ARCH is a preset's name, an architecture file, a trial (STUDY:TRIAL), a study, a checkpoint or an export.

    macs counts the convolutions that our network executes, and macs_paper adds the bias additions. flops_published counts
    what the printed figures of the network's papers count, and mflops_published is the same in units of 2^20.
    """
    from dite_search.tasks.network_reference import find_network
    from search_spaces.families.architecture import format_size, resized
    from search_spaces.registry import PRESETS, cost_of, family_of, paper_variants

    config = resized(find_network(arch, directory=directory).arch, input_size=input_size)
    cost = cost_of(config)
    result: dict[str, Any] = {
        "arch_id": config.arch_id,
        "input_size": format_size(config.input_size),
        "params": cost.params,
        "macs": cost.macs,
        "macs_paper": cost.macs_paper,
        "flops_published": cost.flops_published,
        "mflops_published": round(cost.mflops_published, 4),
    }
    if measure:
        from trainers.evaluation.counting import measured_cost

        result["params_measured"], result["macs_measured"] = measured_cost(config)
    show(result, as_json)
    if arch in PRESETS and input_size is None and not as_json:
        click.echo("\nAt the inputs of the papers:")
        for data, variant in paper_variants(arch):
            paper = cost_of(variant)
            size = format_size(variant.input_size)
            click.echo(
                f"  {data}  {size}  {paper.params:>9,} params  {paper.macs_paper / 1e6:>6.1f} M macs_paper"
                f"  {paper.mflops_published:>6.1f} mflops_published"
            )
        click.echo(f"\nmflops_published counts {family_of(config).published_count}.")


@click.command(epilog="Example:  dite-search latency dite_hrnet_18 --threads 2")
@click.argument("arch", required=False)
@input_size_option
@click.option("--threads", type=click.IntRange(1, 1024), default=1, show_default=True, help="Threads of the runtime.")
@click.option("--runtime", type=click.Choice(MEASURED), default=ONNX, show_default=True, help="Runtime to measure in.")
@click.option("--warmup", type=click.IntRange(min=0), default=5, show_default=True, help="Untimed passes.")
@click.option("--runs", type=click.IntRange(min=1), default=30, show_default=True, help="Timed passes.")
@click.option("--label", help="Name of the device (default: the processor's name and the threads).")
@click.option("--predict", "predicted", is_flag=True, help="Add up a calibrated table instead of measuring.")
@click.option("--calibrate", is_flag=True, help="Measure the table of --space first; goes on where it was cut off.")
@click.option("--space", help="Named space or search file of the table (default: dite_hrnet to calibrate, any to predict).")
@directory_option
@json_option
def latency(
    arch: str | None,
    input_size: str | None,
    threads: int,
    runtime: str,
    warmup: int,
    runs: int,
    label: str | None,
    predicted: bool,
    calibrate: bool,
    space: str | None,
    directory: str,
    as_json: bool,
) -> None:
    """Milliseconds of one image through ARCH on this processor.

    ARCH is a preset's name, an architecture file, a trial (STUDY:TRIAL), a study, a checkpoint or an export.

    A network is measured once under the same conditions; later calls show the same figures. A runtime other than
    ONNX Runtime is an extra to install, and runs the static form of the network.
    """
    from dite_search.algorithms.latency_prediction import store_of
    from dite_search.driver.latency import calibrated, shown_latency, space_named
    from dite_search.tasks.network_reference import find_network
    from search_spaces.families.architecture import resized
    from search_spaces.registry import DEFAULT_SPACE

    if arch is None and not calibrate:
        raise InvalidInput("latency needs ARCH, --calibrate or both")
    if runtime != ONNX and (calibrate or predicted):
        raise InvalidInput(
            f"--runtime must be {ONNX} with --calibrate and --predict, got {runtime}: others are only measured"
        )
    config = None if arch is None else resized(find_network(arch, directory=directory).arch, input_size=input_size)
    store = store_of(directory, label=label, threads=threads, warmup=warmup, runs=runs, runtime=runtime)
    known = None if space is None and not calibrate else space_named(space or DEFAULT_SPACE, input_size=input_size)
    result: dict[str, Any] = {}
    if known is not None and calibrate:
        result = {"calibration": calibrated(store, known, console=console_for(True))}
    if config is not None:
        result |= shown_latency(store, config, runtime=runtime, predicted=predicted, space=known.name if known else None)
    show(result if config is not None and as_json else result.pop("calibration", {}) | result, as_json)
