"""Commands that train and score one network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dite_search.cli.shared.data_options import DATA_HELP, check_needs_data, data_options, data_set, described_words
from dite_search.cli.shared.options import (
    DATA_VARIABLE,
    directory_option,
    input_size_option,
    json_option,
    on_broken_image_option,
)
from dite_search.cli.shared.output import console_for, next_steps, program, say_image_notes, say_notes, show
from dite_search.terminal.progress import counted
from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import shell_command
from trainers.data.formats.data_format import SPLITS, TEST_DEV


@click.command(epilog="Example:  dite-search train dite_hrnet_18 --input-size 128x96 --data ~/coco_mini --epochs 20")
@click.argument("arch")
@click.option("--data", "root", envvar=DATA_VARIABLE, required=True, help=DATA_HELP)
@click.option("--output", help="Folder of the checkpoints (default: runs/train, then runs/train-2, …).", type=click.Path())
@data_options
@input_size_option
@click.option("--train-split", type=click.Choice(SPLITS), default="train", show_default=True, help="Split to learn from.")
@click.option("--val-split", type=click.Choice(SPLITS), default="val", show_default=True, help="Split to score.")
@click.option("--workers", type=click.IntRange(1, 1024), default=1, show_default=True, help="Training processes.")
@click.option("--max-workers", type=click.IntRange(1, 1024), help="Use up to so many while the cluster has room.")
@click.option("--retries", type=click.IntRange(0, 100), default=1, show_default=True, help="New starts when workers die.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads of each process (default: all cores shared).")
@click.option("--loaders", type=click.IntRange(0, 256), default=0, show_default=True, help="Loader processes of each.")
@click.option("--prepared", type=click.Path(), help="Folder that dite-search prepare wrote (default: found in the data).")
@on_broken_image_option
@click.option("--epochs", type=int, help="Epochs (default: the paper's, 270 on COCO, 260 on MPII).")
@click.option("--batch-size", type=int, help="Samples of one step over all processes (default: the paper's 256).")
@click.option("--learning-rate", type=float, help="Learning rate (default: the paper's 0.002).")
@click.option("--start-from", help="Weights to begin from: a checkpoint, STUDY:TRIAL, an export or a .safetensors file.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Any other hyper-parameter, as in --set seed=3.")
@click.option("--resume", is_flag=True, help="Go on with a training, to --epochs where given; without one, end.")
@click.option("--restart", is_flag=True, help="Begin anew; the training so far is kept in a folder below its own.")
@directory_option
@json_option
def train(
    arch: str,
    root: str,
    output: str | None,
    described: dict[str, Any],
    input_size: str | None,
    train_split: str,
    val_split: str,
    workers: int,
    max_workers: int | None,
    retries: int,
    threads: int | None,
    loaders: int,
    prepared: str | None,
    on_broken_image: str,
    epochs: int | None,
    batch_size: int | None,
    learning_rate: float | None,
    start_from: str | None,
    fields: tuple[str, ...],
    resume: bool,
    restart: bool,
    directory: str,
    as_json: bool,
) -> None:
    """Train one network, ARCH: a preset's name, an architecture file, or the architecture of a trial (STUDY:TRIAL).

    The data give the network its number of keypoints, and a preset the papers' input size for their format. Keypoints of
    your own are read from the annotation files, and shown for you to confirm.

    A training that was cut off goes on from its last checkpoint when the same command is given again. Another training, one
    of another network, recipe or data, gets a folder with the next number; in --output it is refused. With --resume and
    --epochs a training goes on for more epochs, by the schedule of so many.
    """
    from dite_search.config.data_defaults import arch_for, training_for
    from dite_search.tasks.network_reference import find_network, weights_named
    from dite_search.tasks.train_and_evaluate import schedule_of, train_one
    from dite_search.tasks.training_folder import training_folder
    from search_spaces.common.files import check_output
    from search_spaces.registry import PRESETS

    if output is not None:
        check_output(output, is_folder=True)
    data = data_set(
        root,
        described,
        train_split=train_split,
        val_split=val_split,
        workers=loaders,
        prepared=prepared,
        on_broken_image=on_broken_image,
    )
    known = data.data_format
    given: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    given["start_from"] = start_from and weights_named(start_from, directory=directory)
    config = _train_config(fields, training_for({n: v for n, v in given.items() if v is not None}, known))
    network = arch_for(
        arch if arch in PRESETS else find_network(arch, directory=directory).arch,
        known,
        input_size=input_size,
        keypoint_set=data.keypoint_set,
    )
    say_notes(data, data.train_split, data.val_split)
    say_image_notes(data)
    more = epochs is not None or any(field.startswith("epochs=") for field in fields)
    console = console_for(as_json)
    with training_folder(output, network, config, data, resume=resume and not restart, console=console) as place:
        metrics = train_one(
            network,
            config,
            data,
            directory=place.absolute(),
            workers=workers,
            max_workers=max_workers,
            retries=retries,
            threads=threads,
            resume=resume,
            restart=restart,
            more=more,
            console=console,
        )
    show({**metrics, "output": str(place)} | schedule_of(place), as_json)
    split = () if val_split == "val" else ("--split", val_split)
    words = ("evaluate", place / "best.pt", "--data", root, *described_words(described), *split)
    export = ("export", place / "best.pt")
    next_steps(as_json, *(shell_command(program("dite-search"), *each) for each in (words, export)))


@click.command(epilog="Example:  dite-search evaluate runs/train/best.pt --data ~/coco --detections person_detections.json")
@click.argument("network")
@click.option(
    "--data", "root", envvar=DATA_VARIABLE, help=f"{DATA_HELP} Default: what the network was trained on, where it says so."
)
@data_options
@click.option(
    "--split",
    type=click.Choice((*SPLITS, TEST_DEV)),
    default="val",
    show_default=True,
    help=f"Split to score; {TEST_DEV} writes a submission to the COCO server.",
)
@click.option("--detections", help="COCO detections file; without it the boxes are the ground truth.")
@click.option("--flip-test/--no-flip-test", default=True, show_default=True, help="Average with the flipped image.")
@click.option("--dump", help="Write the predictions, as a COCO results file.", type=click.Path(dir_okay=False))
@click.option("--intervals", is_flag=True, help="The 95 % interval over images of the figure that ranks networks, too.")
@input_size_option
@directory_option
@json_option
def evaluate(
    network: str,
    root: str | None,
    described: dict[str, Any],
    split: str,
    detections: str | None,
    flip_test: bool,
    dump: str | None,
    intervals: bool,
    input_size: str | None,
    directory: str,
    as_json: bool,
) -> None:
    """Score NETWORK by the measure of the data's format.

    NETWORK is a checkpoint, of this tool or in the layout of the published ones, as a file or s3://bucket/key. It may be a
    trial (STUDY:TRIAL), a study (its most accurate trial), or the folder or an ONNX file of an export, too.

    The measure is COCO's average precision, CrowdPose's, or MPII's PCKh; on data of your own it is --metric, or that of the
    training. With --split test-dev nothing is scored. The keypoints of the people of --detections in COCO's test-dev2017
    are written beside --dump, as a results file and zipped, for the COCO server.
    """
    from dite_search.tasks.network_reference import find_network
    from dite_search.tasks.train_and_evaluate import data_of_training, evaluate_one
    from search_spaces.common.files import check_output

    if dump:
        check_output(dump)
    if split == TEST_DEV:
        from dite_search.tasks.coco_test_dev import SCORED_ELSEWHERE, submit_one

        if intervals:
            raise InvalidInput(f"--intervals must be left out for --split {TEST_DEV}, whose truth is not public")
        if root is None:
            raise InvalidInput(f"--data must name the folder of COCO for --split {TEST_DEV}")
        found = submit_one(
            find_network(network, directory=directory),
            root,
            described["format"],
            detections,
            dump,
            flip_test=flip_test,
            input_size=input_size,
            on_orientation=described["on_orientation"],
        )
        show(found, as_json)
        click.echo(SCORED_ELSEWHERE, err=True)
        return
    boxes = {"boxes": "det", "detections": detections} if detections else {}
    trained = find_network(network, directory=directory).load()
    if root is not None:
        data = data_set(root, described, val_split=split, **boxes)
    else:
        metric = {name: value for name, value in described.items() if name == "metric" and value is not None}
        check_needs_data(described, but=("metric",))
        data = data_of_training(trained, val_split=split, **boxes, **metric)
    metrics = evaluate_one(
        trained,
        data,
        flip_test=flip_test,
        input_size=input_size,
        dump=Path(dump) if dump else None,
        intervals=intervals,
        follow=counted(console_for(True), "Predicting"),
    )
    say_notes(data, data.val_split)
    say_image_notes(data)
    show(metrics, as_json)


def _train_config(fields: tuple[str, ...], given: dict[str, Any]) -> Any:
    import yaml

    from search_spaces.training_config import TrainConfig

    for field in fields:
        name, equals, value = field.partition("=")
        if not equals:
            raise InvalidInput(f"--set must be FIELD=VALUE, got {field!r}")
        try:
            given[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InvalidInput(f"--set {name} must be a value of YAML, got {value!r}") from None
    return TrainConfig.from_dict(given)
