"""Small tables of the shape in which benchmarks are published: networks with costs, and curves of trainings."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

WIDTHS, OPERATIONS = (8, 16, 32), ("conv", "skip")
Score = Callable[[int, int, str, int, int], float]


def rising(row: int, width: int, operation: str, seed: int, epoch: int) -> float:
    """A score that rises with the width, the operation and the epoch."""
    return round(0.1 * epoch + 0.002 * width + (0.05 if operation == "conv" else 0.0) + 0.01 * seed, 6)


def write_table(
    folder: Path,
    *,
    score: Score = rising,
    epochs: Sequence[int] = (1, 2, 3),
    seeds: Sequence[int] = (0, 1),
    column: str = "accuracy",
    settings: Mapping[str, Any] | None = None,
    curves: str = "curves.csv",
) -> Path:
    """Write six networks, of three widths and two operations, and the trainings of each."""
    networks = list(product(WIDTHS, OPERATIONS))
    write_rows(
        folder / "networks.csv",
        ["network", "width", "operation", "params", "macs"],
        [
            (f"n{row}", width, operation, 100 * width, 1000 * width + 10 * (operation == "conv"))
            for row, (width, operation) in enumerate(networks)
        ],
    )
    write_rows(
        folder / curves,
        ["network", "seed", "epoch", column],
        [
            (f"n{row}", seed, epoch, score(row, width, operation, seed, epoch))
            for row, (width, operation) in enumerate(networks)
            for seed in seeds
            for epoch in epochs
        ],
    )
    if settings is not None:
        (folder / "table.yaml").write_text(yaml.safe_dump(dict(settings)))
    return folder


def write_rows(file: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file, packed where its name ends in ``.gz``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(",".join(map(str, row)) + "\n" for row in (columns, *rows))
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
