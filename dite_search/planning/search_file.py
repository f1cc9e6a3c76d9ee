"""A search file for data that were looked at, with a comment on every choice."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.doctor.findings import listed
from dite_search.planning.survey import Survey, folder_name
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_text
from search_spaces.registry import cost_of
from search_spaces.training_config import steps_per_epoch

SPACE = Path(__file__).parents[1] / "templates" / "first_space.yaml"
"""The networks to choose from."""
STEPS = 1500
"""Steps of a training, in which small networks learn something of photographs."""
STEPS_PER_EPOCH = 16
"""The steps of an epoch from which on a batch is made larger."""
SMALLEST_BATCH, BATCH, GPU_BATCH = 8, 32, 128
EPOCHS = (10, 200)
WARMUP_SHARE, MOST_WARMUP = 0.1, 500
VALIDATIONS = 5
"""Validations of a training."""
COSTED, BUDGET_SHARE = 200, 0.6
"""Networks that are drawn for the range of the costs, and the share of them that the budget allows."""
WIDTH = 120
"""Characters of a line, past which its remark stands above it."""
SIZE, GPU_SIZE = "128x96", "256x192"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The length of a training for so many people."""

    batch: int
    steps: int
    epochs: int
    warmup: int
    validate_every: int


def recipe_for(people: int, *, gpu: bool) -> Recipe:
    """Return a batch that leaves an epoch some steps, and as many epochs as make enough steps."""
    largest = GPU_BATCH if gpu else BATCH
    fitting = 2 ** int(math.log2(max(1, people // STEPS_PER_EPOCH)))
    batch = min(largest, max(SMALLEST_BATCH, fitting))
    steps = steps_per_epoch(people, batch)
    low, high = EPOCHS
    epochs = min(high, max(low, 5 * math.ceil(STEPS / steps / 5)))
    return Recipe(
        batch=batch,
        steps=steps,
        epochs=epochs,
        warmup=min(MOST_WARMUP, round(WARMUP_SHARE * epochs * steps)),
        validate_every=epochs // VALIDATIONS,
    )


def search_file(found: Survey | None, *, name: str, hours: float, gpu: bool) -> str:
    """Return the text of a search file, which is valid.

    Args:
        found: The data that were looked at; None draws people.
        name: The name of the study.
        hours: The hours that the search may take.
        gpu: Whether trials have a GPU.
    """
    # A drawn image shows one or two people.
    people = 1800 if found is None else found.training_people
    recipe = recipe_for(people, gpu=gpu)
    data: dict[str, Any] = {"synthetic": {"train_images": 1200, "val_images": 150}} if found is None else dict(found.section)
    is_own = found is not None and found.keypoint_set != found.data.data_format.keypoint_set
    if is_own:
        data["metric"] = "pck"
    accuracy = "ap_gt" if found is None else found.data.accuracy
    fields: dict[str, Any] = {
        "name": name,
        "space": read_mapping(SPACE),
        "input_size": GPU_SIZE if gpu else SIZE,
        "data": data,
        "objectives": ["pck" if is_own else accuracy, "mmacs"],
        "spend": {"hours": int(hours) if hours == int(hours) else hours},
        "training": {
            "epochs": recipe.epochs,
            "batch_size": recipe.batch,
            "reference_batch_size": recipe.batch,
            "warmup_iterations": recipe.warmup,
            "validate_every": recipe.validate_every,
        },
        "resources": {"workers": 1, "cpus_per_worker": 1} | ({"gpus_per_worker": 1} if gpu else {}),
    }
    costs = _costs(parse_search(fields, "the search file"))
    limit = _rounded(float(np.quantile(costs, BUDGET_SHARE)))
    text = _text(fields, _remarks(found, recipe, costs, is_own=is_own), limit)
    # What is written is read as a user's own file would be.
    parse_search(yaml.safe_load(text), "the search file")
    return text


def _costs(config: SearchConfig) -> list[float]:
    """Return the MMACs of networks that are drawn from the space, ascending."""
    space, generator = config.search_space, np.random.default_rng(0)
    return sorted(cost_of(space.build(space.sample(generator))).mmacs for _ in range(COSTED))


def _rounded(limit: float) -> float:
    """Return a limit with two digits, rounded up."""
    unit = 10.0 ** (math.floor(math.log10(limit)) - 1)
    return float(f"{math.ceil(limit / unit) * unit:.6g}")


def _remarks(found: Survey | None, recipe: Recipe, costs: list[float], *, is_own: bool) -> dict[str, str]:
    height = "" if found is None else f"; half of the people are higher than {found.height:.0f} pixels"
    metric = "; pck counts keypoints near the truth, oks makes it ap_gt" if is_own else ""
    return {
        "space": "the networks to choose from, and the learning rate of each",
        "input_size": f"height and width of what networks see{height}",
        "objectives": f"what is searched for: accuracy, and millions of multiply-accumulates{metric}",
        "budget": f"networks of the space take {costs[0]:.3g} to {costs[-1]:.3g}; none beyond the limit is trained",
        "spend": "the search ends by then; trials: 20 beside it, or instead, asks for so many networks",
        "epochs": f"{recipe.steps} steps each: {recipe.epochs * recipe.steps} steps, of which fewer seldom teach much",
        "batch_size": "samples of a step",
        "reference_batch_size": "the batch that learning rates are meant for",
        "warmup_iterations": f"a {'tenth' if recipe.warmup < MOST_WARMUP else 'part'} of the steps",
        "validate_every": "epochs from one score to the next; trials that others beat stop early",
        "resources": "what one trial takes; as many run at once as the machine holds",
    }


def _heading(found: Survey | None) -> list[str]:
    if found is None:
        return ["# People drawn by code: nothing to download."]
    keypoints, known = found.keypoint_set, found.data.data_format.name
    return [
        f"# Data: {known}, {found.training_people} people in {found.training_images} images to learn from,"
        f" {found.validation_people} people in {found.validation_images} images to be scored on.",
        f"# {keypoints.count} keypoints: {listed(keypoints.names, most=6)}.",
    ]


def _text(fields: Mapping[str, Any], remarks: Mapping[str, str], limit: float) -> str:
    """Return the fields as YAML, a line each where they fit, with remarks at the ends of lines."""
    lines = []
    for name, value in fields.items():
        if name == "spend":
            lines.append(_line(0, "budget", f"mmacs <= {limit:g}", remarks))
        if name in ("space", "data", "training"):
            lines.append(f"{name}:" + (f"  # {remarks[name]}" if name in remarks else ""))
            for inner, part in value.items():
                if isinstance(part, dict) and inner == "parameters":
                    lines.append(f"  {inner}:")
                    lines += [_line(4, deep, entry, remarks) for deep, entry in part.items()]
                else:
                    lines.append(_line(2, inner, part, remarks))
        else:
            lines.append(_line(0, name, value, remarks))
    return "\n".join(lines) + "\n"


def _line(indent: int, name: str, value: Any, remarks: Mapping[str, str]) -> str:
    plain = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    text = " " * indent + f"{name}: {plain.removesuffix('...' + chr(10)).strip()}"
    if name not in remarks:
        return text
    line = f"{text:<36}  # {remarks[name]}"
    return line if len(line) <= WIDTH else f"{' ' * indent}# {remarks[name]}\n{text}"


def write_search_file(path: Path, found: Survey | None, *, name: str, hours: float, gpu: bool) -> None:
    """Write a search file that is not there yet; arguments as of `search_file`.

    Raises:
        InvalidInput: the file exists, and stays as it is.
    """
    refuse_existing(path)
    write_text(path, "\n".join([*_heading(found), search_file(found, name=name, hours=hours, gpu=gpu)]))


def refuse_existing(path: Path) -> None:
    """Refuse, with InvalidInput, a file that exists."""
    if path.exists():
        raise InvalidInput(f"{path} exists already, and is not written over: name another file with --output")


def name_of(folder: Path) -> str:
    """Return a name of a study after a folder."""
    kept = re.sub(r"[^A-Za-z0-9._-]+", "_", folder_name(folder)).lstrip("._-")
    return kept[:90] or "search"


def summary(found: Survey | None, path: Path) -> dict[str, Any]:
    """Return the figures that a terminal shows."""
    if found is None:
        return {"file": str(path), "data": "drawn people"}
    return {
        "file": str(path),
        "format": found.data.data_format.name,
        "training_people": found.training_people,
        "training_images": found.training_images,
        "validation_people": found.validation_people,
        "validation_images": found.validation_images,
        "keypoints": found.keypoint_set.count,
    }
