"""Measure a GPU in one command: ``python -m benchmarks.gpu --minutes 8``.

Prints one table in Markdown and writes the same as JSON. Needs torch and the packages of ``search_spaces``; a part whose
packages are missing says so in its row. Needs no Ray and no network. ``--device cpu`` runs every part in a small form.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType

import torch

from benchmarks.gpu.parts.goldens import reference_beside
from benchmarks.gpu.parts.machine import describe
from benchmarks.gpu.plan import Plan, plan_for
from benchmarks.gpu.rows import Row, document, table

PARTS = {
    "machine": 0.03,
    "goldens": 0.07,
    "throughput": 0.28,
    "split": 0.08,
    "latency": 0.07,
    "memory": 0.1,
    "people": 0.17,
    "supernet": 0.05,
    "processes": 0.05,
    "translation": 0.1,
}
"""Modules of `benchmarks.gpu.parts` in their order, and the share of the time that each may take."""


def main() -> None:
    """Run the parts, print the table and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cuda, cuda:1 or cpu")
    parser.add_argument("--minutes", type=float, default=8.0, help="time for all parts together")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS), help="only these parts")
    beside = reference_beside(Path(__file__).resolve().parents[2])
    parser.add_argument("--reference", type=Path, default=beside, help="folder of checkpoints with recorded outputs")
    parser.add_argument("--json", type=Path, default=Path("gpu.json"), help="file for the same figures")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error(f"--device {options.device} must be there, but torch {torch.__version__} sees no GPU")
    machine = describe(device)
    rows = run(plan_for(device, options.minutes, options.reference), options.parts)
    print("\n" + ", ".join(f"{name} {value}" for name, value in machine.items()) + "\n")
    print(table(rows))
    options.json.write_text(json.dumps(document(machine, rows), indent=1), encoding="utf-8")


def run(plan: Plan, parts: list[str]) -> list[Row]:
    """Return the rows of the parts; each part has its share of the time, and what earlier ones left."""
    began, share = time.monotonic(), 0.0
    whole = sum(PARTS[part] for part in parts)
    rows: list[Row] = []
    for part in parts:
        share += PARTS[part] / whole
        print(f"{time.monotonic() - began:5.0f} s  {part}", file=sys.stderr, flush=True)
        rows += rows_of(part, plan, until=began + 60 * plan.minutes * share)
    spent = time.monotonic() - began
    return [*rows, Row(part="all", what="time of the whole benchmark", value=spent, unit="s")]


def rows_of(part: str, plan: Plan, *, until: float) -> list[Row]:
    """Return the rows of one part; one that cannot run has a single row that says why."""
    try:
        module: ModuleType = importlib.import_module(f"benchmarks.gpu.parts.{part}")
        rows: list[Row] = module.measure(plan, until)
        return rows
    except ImportError as error:
        return [Row(part=part, what="not measured", value=None, note=f"a package is missing: {error}")]
    except Exception as error:
        # The others still run: this is the one command of a day that may not come again.
        lines = str(error).strip().splitlines() or [""]
        return [Row(part=part, what="not measured", value=None, note=f"{type(error).__name__}: {lines[0][:160]}")]


if __name__ == "__main__":
    main()
