"""Trainings from scratch, from other weights and with a teacher on the same photographs: what pays.

    python -m benchmarks.start_from --data ../shared/data --epochs 10 --seeds 2

A network learns from the people of ``lsp_small`` in four ways:

- from scratch;
- from the weights of a training on drawn people;
- from the weights of a training on ``coco_mini``;
- with a teacher, a larger network that learned from the same people.

The table has AP and PCK of the people to score, each with its interval over images. Below stands the paired difference to
the training from scratch of the same seed.

Everything lies in ``--output``: the same command goes on where it was cut off. Rows are printed as they are measured.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.errors.predictions import predictions_with
from analysis.statistics.bootstrap import Difference, ImageFigures, ImageInterval, image_difference, image_interval
from search_spaces.families.architecture import Architecture, resized
from search_spaces.registry import resolve_arch
from search_spaces.space.space_file import named_space
from search_spaces.starting_weights import WEIGHTS_TAKEN
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import LAST
from trainers.data.config import DataConfig
from trainers.data.keypoint_sets.metric import OKS, PCK, Metric
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.load import load_network
from trainers.training.loop import TEACHER_COST, train

SCRATCH, DRAWN, COCO, TAUGHT = "from scratch", "from drawn people", "from coco_mini", "with a teacher"
DRAWN_IMAGES = {"train_images": 400, "val_images": 50, "seed": 0}
RESAMPLES = 1000


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table.

    Args:
        beginning: How the training began.
        seed: Its seed.
        figures: AP and PCK of the people to score, each with its interval over images.
        gains: AP and PCK beyond the training from scratch of the same seed.
        taken: The share of the parameters that were taken.
        seconds: The time of the training.
        teacher_ms: Milliseconds a step that the teacher took.
    """

    beginning: str
    seed: int
    figures: tuple[ImageInterval, ImageInterval]
    gains: tuple[Difference, Difference]
    taken: float
    seconds: float
    teacher_ms: float

    def __str__(self) -> str:
        cells = []
        for figure, gain in zip(self.figures, self.gains, strict=True):
            cells.append(f"{figure.value:.4f} ({figure.low:.4f} to {figure.high:.4f})")
            more = f"{gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})"
            cells.append("–" if self.beginning == SCRATCH else more)
        return (
            f"| {self.beginning} | {self.seed} | {' | '.join(cells)}"
            f" | {self.taken:.1%} | {self.seconds:.0f} s | {self.teacher_ms:.0f} ms |"
        )


HEAD = (
    "| training | seed | AP (95 % over images) | more (95 %, paired) | PCK (95 %) | more (95 %, paired) | weights taken"
    " | time | teacher a step |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
)


def fitted(arch: Architecture, data: DataConfig) -> Architecture:
    """Return a network with the keypoints of data."""
    return resized(arch, keypoints=data.keypoint_set.count)


def trained(arch: Architecture, recipe: TrainConfig, data: DataConfig, folder: Path) -> Mapping[str, float]:
    """Train a network in a folder, or go on there, and return the figures of its last epoch."""

    def report(metrics: Mapping[str, float], _: Any) -> None:
        print(f"{folder.name}: epoch {metrics['epoch']:.0f} of {recipe.epochs}, loss {metrics['loss']:.6f}", file=sys.stderr)

    return train(fitted(arch, data), recipe, data, directory=folder, report=report).metrics


def scores_of(folder: Path, recipe: TrainConfig, data: DataConfig) -> tuple[ImageFigures, ImageFigures]:
    """Return the parts of AP and of PCK of a trained network, image by image."""
    arch, network = load_network(folder / LAST)
    found = predictions_with(arch, network, recipe, data, flip_test=recipe.flip_test)
    by_oks, by_pck = (
        dataclasses.replace(found, data=dataclasses.replace(data, metric=Metric(name=name))) for name in (OKS, PCK)
    )
    return by_oks.image_figures(), by_pck.image_figures()


def line_of(
    beginning: str,
    seed: int,
    figures: Mapping[str, float],
    scores: tuple[ImageFigures, ImageFigures],
    scratch: tuple[ImageFigures, ImageFigures],
    resamples: int,
) -> Line:
    """Return the row of a training.

    Args:
        beginning: How the training began.
        seed: Its seed.
        figures: The figures of its last epoch.
        scores: The parts of its AP and PCK.
        scratch: The parts of the training from scratch.
        resamples: Draws of the bootstrap.
    """

    def drawn_anew() -> dict[str, Any]:
        return {"generator": np.random.default_rng(0), "resamples": resamples}

    ap, pck = (image_interval(parts, **drawn_anew()) for parts in scores)
    more_ap, more_pck = (image_difference(*pair, **drawn_anew()) for pair in zip(scores, scratch, strict=True))
    return Line(
        beginning=beginning,
        seed=seed,
        figures=(ap, pck),
        gains=(more_ap, more_pck),
        taken=figures.get(WEIGHTS_TAKEN, 0.0),
        seconds=figures["seconds"],
        teacher_ms=figures.get(TEACHER_COST, 0.0),
    )


def table(
    *,
    people: DataConfig,
    sources: Mapping[str, DataConfig],
    network: Architecture,
    teacher: Architecture,
    recipe: TrainConfig,
    source_epochs: int,
    teacher_epochs: int,
    seeds: int,
    output: Path,
    resamples: int = RESAMPLES,
) -> Iterator[Line]:
    """Yield the row of each training when it has ended.

    Args:
        people: The people to learn from and to score.
        sources: The data of the trainings whose weights others begin from, by the names of the rows.
        network: The network of every training but the teacher's.
        teacher: The network of the teacher.
        recipe: The recipe of the trainings on ``people``.
        source_epochs: The epochs of the trainings on ``sources``.
        teacher_epochs: The epochs of the teacher's training.
        seeds: The number of seeds of each training.
        output: The folder of all trainings.
        resamples: Draws of the bootstrap.
    """
    source, teaching = (
        dataclasses.replace(recipe, epochs=epochs, validate_every=epochs) for epochs in (source_epochs, teacher_epochs)
    )
    changes: dict[str, dict[str, Any]] = {SCRATCH: {}}
    for name, data in sources.items():
        folder = output / f"source {name}"
        trained(network, source, data, folder)
        changes[name] = {"start_from": str(folder / LAST)}
    trained(teacher, teaching, people, output / "teacher")
    changes[TAUGHT] = {"distill": {"teacher": str(output / "teacher" / LAST)}}
    for seed in range(seeds):
        scratch = None
        for name, fields in changes.items():
            own, folder = dataclasses.replace(recipe, seed=seed, **fields), output / f"{name} {seed}"
            figures = trained(network, own, people, folder)
            scores = scores_of(folder, own, people)
            scratch = scratch or scores
            yield line_of(name, seed, figures, scores, scratch, resamples)


def drawn(folder: Path) -> DataConfig:
    """Return the drawn people in a folder, drawn before where they are not there."""
    if not folder.exists():
        draw_dataset(folder, **DRAWN_IMAGES)
    return DataConfig(root=folder, name="synthetic")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of lsp_small and coco_mini")
    parser.add_argument("--output", type=Path, default=Path("runs/start_from"), help="the folder of the trainings")
    parser.add_argument("--network", help="a network by name or its file; default: the first of the space tiny")
    parser.add_argument("--teacher", default="dite_hrnet_18", help="the network of the teacher")
    parser.add_argument("--input-size", default="96x64")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--source-epochs", type=int, default=20, help="epochs of the trainings that others begin from")
    parser.add_argument("--teacher-epochs", type=int, default=20, help="epochs of the teacher's training")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    base = next(named_space("tiny").enumerate()) if options.network is None else resolve_arch(options.network)
    output = options.output.absolute()
    print("\n".join(HEAD), flush=True)
    for line in table(
        people=DataConfig(root=options.data / "lsp_small", name="lsp_small"),
        sources={DRAWN: drawn(output / "people"), COCO: DataConfig(root=options.data / "coco_mini", name="coco_mini")},
        network=resized(base, input_size=options.input_size),
        teacher=resized(resolve_arch(options.teacher), input_size=options.input_size),
        recipe=TrainConfig(
            epochs=options.epochs,
            batch_size=options.batch_size,
            warmup_iterations=20,
            validate_every=options.epochs,
            flip_test=False,
        ),
        source_epochs=options.source_epochs,
        teacher_epochs=options.teacher_epochs,
        seeds=options.seeds,
        output=output,
    ):
        print(line, flush=True)


if __name__ == "__main__":
    main()
