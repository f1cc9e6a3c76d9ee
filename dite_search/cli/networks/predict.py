"""The command that finds keypoints in a user's own pictures and videos."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dite_search.cli.shared.options import category_option, directory_option, input_size_option, json_option
from dite_search.cli.shared.output import console_for, show, tell

if TYPE_CHECKING:
    from rich.console import Console

    from dite_search.tasks.predict import PredictionProgress

SECONDS_BETWEEN_LINES = 10.0
"""Seconds from one line of progress to the next where there is no terminal to draw a bar in."""


@click.command(epilog="Example:  dite-search predict quickstart:3 photos/ holiday.mp4 --detector people.onnx")
@click.argument("network")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--annotations", help="COCO file with people's boxes; beside --detections it names the pictures.", type=click.Path()
)
@click.option("--detections", help="COCO detections file, whose people are predicted.", type=click.Path())
@click.option("--detector", help="ONNX file of a person detector with the outputs of YOLO.", type=click.Path())
@click.option("--box", "boxes", multiple=True, metavar="X,Y,W,H", help="A person's box in pixels; may be given again.")
@click.option("--min-score", type=float, help="Confidence of a box that counts (default: 0.25 of a detector, else 0).")
@category_option
@click.option("--output", help="New folder for the results (default: runs/predict, then -2, -3).", type=click.Path())
@click.option("--flip-test/--no-flip-test", default=True, show_default=True, help="Average with the flipped image.")
@click.option("--drawings/--no-drawings", default=True, show_default=True, help="Draw the pictures and videos.")
@click.option("--batch-size", type=click.IntRange(1, 4096), default=32, show_default=True, help="People at once.")
@click.option("--threads", type=click.IntRange(1, 1024), help="CPU threads (default: torch's own choice).")
@click.option(
    "--on-orientation",
    type=click.Choice(["apply", "ignore", "stop"]),
    help="Turn a picture by its EXIF orientation, read it as stored, or refuse it (default: as in training).",
)
@click.option(
    "--on-broken-image",
    type=click.Choice(["stop", "skip"]),
    default="stop",
    show_default=True,
    help="End at a picture or video that cannot be read, or leave it out and say so.",
)
@input_size_option
@directory_option
@json_option
def predict(
    network: str,
    paths: tuple[str, ...],
    annotations: str | None,
    detections: str | None,
    detector: str | None,
    boxes: tuple[str, ...],
    min_score: float | None,
    category: str | None,
    output: str | None,
    flip_test: bool,
    drawings: bool,
    batch_size: int,
    threads: int | None,
    on_orientation: str | None,
    on_broken_image: str,
    input_size: str | None,
    directory: str,
    as_json: bool,
) -> None:
    """Find the keypoints of people in pictures and videos with NETWORK, and write them to a new folder.

    NETWORK is a checkpoint, a trial (STUDY:TRIAL), a study (its most accurate trial), or the folder or an ONNX file of an
    export. PATH is a picture, a video, a folder or a glob.

    People are those of --annotations, --detections, --detector or --box. Without any of these, each whole picture is one
    person's box. The folder has results.json (COCO results) with images.json, keypoints.csv, and the drawings.
    """
    from dite_search.study.directory import free_name
    from dite_search.tasks.predict import PeopleGiven, run_prediction
    from trainers.prediction.boxes import parse_box

    people = PeopleGiven(
        boxes=[parse_box(box) for box in boxes],
        annotations=_path(annotations),
        detections=_path(detections),
        detector=_path(detector),
        min_score=min_score,
        category=category,
    )
    if threads is not None:
        import torch

        torch.set_num_threads(threads)
    folder = Path(output).expanduser() if output else Path("runs") / free_name("predict", "runs")
    console = console_for(True)
    with _progress(console) as report:
        done = run_prediction(
            network,
            paths,
            people,
            flip_test=flip_test,
            batch_size=batch_size,
            output=folder,
            draw=drawings,
            input_size=input_size,
            on_orientation=on_orientation,
            on_broken_image=on_broken_image,
            directory=directory,
            report=report,
            note=lambda sentence: tell(console, f"note: {sentence}"),
        )
    progress = done.progress
    result: dict[str, Any] = {
        "network": network,
        "boxes": done.boxes,
        "pictures_and_frames": progress.frames,
        "people": progress.people,
        "seconds": round(progress.seconds, 2),
        "frames_per_second": round(progress.frames / progress.seconds, 2),
        "people_per_second": round(progress.people / progress.seconds, 2),
        "output": str(folder),
    }
    show(result, as_json)
    if not progress.people:
        tell(console, "note: no person was found in any of them")


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[PredictionProgress], None]]:
    """Hand out a function that shows progress: a bar in a terminal, elsewhere a line now and then."""
    if not console.is_terminal:
        yield _Lines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Predicting"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def report(progress: PredictionProgress) -> None:
            rate = f"{progress.frames / progress.seconds:.1f}/s"
            bar.update(task, completed=progress.frames, total=progress.total or None, description=rate)

        yield report


class _Lines:
    """Prints a line of progress after some seconds, again and again."""

    def __init__(self, console: Console) -> None:
        self._console, self._last = console, time.monotonic()

    def __call__(self, progress: PredictionProgress) -> None:
        if time.monotonic() - self._last < SECONDS_BETWEEN_LINES or progress.frames == progress.total:
            return
        self._last = time.monotonic()
        tell(self._console, progress_line(progress))


def progress_line(progress: PredictionProgress) -> str:
    """Return how far a prediction is, in one line, with the time left where the total is known."""
    rate = progress.frames / progress.seconds
    if not progress.total:
        return f"{progress.frames} pictures and frames, {rate:.1f}/s"
    left = max(0, progress.total - progress.frames) / rate
    return f"{progress.frames} of {progress.total} pictures and frames, {rate:.1f}/s, {left:.0f} s left"


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given).expanduser()
