"""The reference of the search file, written from the fields themselves: Markdown, a page of docs/reference.

``python -m dite_search.config.reference_page`` prints it.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import types
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dite_search.config.changeable import CHANGEABLE
from dite_search.config.data_section import DataSection, PlaceSection, SyntheticSection
from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import (
    LatencySection,
    ResourcesSection,
    SamplerSection,
    SchedulerSection,
    SpendSection,
    WarmStartSection,
)
from search_spaces.common.bounds import limits_of
from search_spaces.families.architecture import FAMILY_KEY
from search_spaces.families.family import Family
from search_spaces.families.parameter import NETWORK
from search_spaces.registry import DEFAULT_FAMILY, FAMILIES, PRESETS
from search_spaces.space.space_file import SPACES
from search_spaces.supernet_config import SupernetConfig
from search_spaces.training_config import TRAIN_PARAMETERS, TrainConfig

SECTIONS: dict[str, type[BaseModel]] = {
    "The search": SearchConfig,
    "data": DataSection,
    "data.train": PlaceSection,
    "data.synthetic": SyntheticSection,
    "spend": SpendSection,
    "sampler": SamplerSection,
    "scheduler": SchedulerSection,
    "warm_start": WarmStartSection,
    "resources": ResourcesSection,
    "latency": LatencySection,
}

_HEAD = ("| field | takes | default | meaning |", "| --- | --- | --- | --- |")
KINDS = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    dict: "mapping",
    tuple: "list",
    datetime: "date and time",
}
LIMITS = {"ge": "at least {}", "gt": "above {}", "le": "at most {}", "lt": "below {}"}

SELF_EXPLAINING = {
    "epochs": "passes over the training data",
    "optimizer": "the rule by which the weights are changed",
    "learning_rate": "between the warm-up and the first milestone",
    "weight_decay": "of the optimizer",
    "warmup_iterations": "steps over which the learning rate rises",
    "decay": "what each milestone multiplies the learning rate by",
    "flip_probability": "how often a crop is mirrored",
    "half_body_probability": "how often a crop shows the upper or lower half of a person only",
    "rotation_degrees": "largest angle by which a crop is turned, either way",
    "scale_range": "largest part by which a crop is made larger or smaller",
    "flip_test": "whether validations average with the mirrored image",
    "keypoints": "heatmaps of the output; the format of the data gives them",
}
"""Fields of dataclasses that have no docstring where they are defined, and choices that the docstring leaves to the code."""
TAKEN = {
    "start_from": "file or STUDY:TRIAL, or null",
    "freeze": "list of names",
    "distill": "mapping, or null",
}
"""Fields of dataclasses whose values have no limits beside them."""


def search_file_reference() -> str:
    """Markdown with every field, what it takes, its default and its meaning."""
    lines = [
        "# The search file",
        "",
        "YAML; every field is typed, and an unknown one is refused with the nearest known name.",
    ]
    for title, section in SECTIONS.items():
        lines += ["", f"## {title}", "", *_HEAD]
        lines += [
            f"| `{name}` | {_taken(field)} | {_default(field)} | {_cell(_meaning(field))} |"
            for name, field in section.model_fields.items()
        ]
    lines += ["", "## training", "", "Hyper-parameters of every trial; the defaults are the paper's.", ""]
    lines += [
        *_table(TrainConfig, _defaults(TrainConfig), leave_out=("seed",)),
    ]
    lines += ["", "## supernet", "", "The training of weights that all networks of the space share.", ""]
    lines += [*_table(SupernetConfig, _defaults(SupernetConfig))]
    lines += ["", "## space", ""]
    lines += [
        "A name, or `base` and `parameters`. `base` is a named space or network, an architecture file, or its fields. Each",
        "parameter is a list of values or, for hyper-parameters, `{low: …, high: …, log: …}`. Null takes a parameter of the",
        "base away.",
        "",
        f"- Spaces: {_names(SPACES)}.",
        f"- Networks: {_names(PRESETS)}.",
        f"- A whole network as a parameter: `{NETWORK}`, its values networks by name.",
        *_parameters(DEFAULT_FAMILY.parameters),
        f"- Whole tuples, written as `1-1-2-4`: {_names(DEFAULT_FAMILY.whole_parameters)}.",
        f"- Hyper-parameters: {_names(TRAIN_PARAMETERS)}.",
        "",
        "### The fields of an architecture",
        "",
        f"Of `space.base`, and of an architecture file. {DEFAULT_FAMILY.defaults_note}",
        "",
        *_family_table(DEFAULT_FAMILY),
        "",
        "## What may change in a study",
        "",
        "A study keeps the file that it was made with, as `search.yaml` in its folder. `resume` and `extend` read it there.",
        "These fields and sections may change in it. A change of any other is refused with both values, by every command",
        "that reads the study. Low and high of a range may change as well, while every earlier trial lies between them.",
        "",
        "| field | meaning of a change |",
        "| --- | --- |",
        *(f"| `{name}` | {_cell(meaning)} |" for name, meaning in CHANGEABLE.items()),
    ]
    for family in FAMILIES.values():
        if family is not DEFAULT_FAMILY:
            lines += [
                "",
                f"### The fields of an architecture of `{FAMILY_KEY}: {family.name}`",
                "",
                f"The {family.label} family. Its parameters: {_names(family.all_parameters)}. {family.defaults_note}",
                "",
                *_family_table(family),
            ]
    return "\n".join(lines) + "\n"


def _parameters(names: Iterable[str]) -> list[str]:
    """Return the entries for the parameters of an architecture; a numbered row of them is one range."""
    rows: dict[str, list[str]] = {}
    for name in names:
        rows.setdefault(name.rstrip("0123456789"), []).append(name)
    single = [row[0] for row in rows.values() if len(row) == 1]
    ranges = [f"`{row[0]}` to `{row[-1]}`" for row in rows.values() if len(row) > 1]
    return [f"- Parameters of the architecture: {_names(single)}.", f"- Parameters of its parts: {', '.join(ranges)}."]


def attribute_docs(cls: type) -> dict[str, str]:
    """The docstrings below the fields of a class, each on one line."""
    (definition,) = ast.parse(inspect.getsource(cls)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for node, after in zip(definition.body, definition.body[1:], strict=False):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr):
            text = getattr(after.value, "value", None)
            if isinstance(text, str):
                found[node.target.id] = " ".join(text.split())
    return found


def _table(
    cls: type, defaults: dict[str, Any], *, leave_out: Iterable[str] = (), meanings: Mapping[str, str] | None = None
) -> list[str]:
    """Return a row for each field of a dataclass: the limits beside the field, its default and its meaning."""
    known = SELF_EXPLAINING | dict(meanings or {}) | attribute_docs(cls)
    limits = limits_of(cls)
    rows = [
        f"| `{name}` | {limits.get(name) or TAKEN.get(name, '–')} | `{_short(value)}` | {_cell(known.get(name, ''))} |"
        for name, value in defaults.items()
        if name not in leave_out
    ]
    return [*_HEAD, *rows]


def _defaults(cls: type) -> dict[str, Any]:
    """Return the default of every field of a dataclass; tuples become lists."""
    defaults = {field.name: field.default for field in dataclasses.fields(cls)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}


def _family_table(family: Family[Any]) -> list[str]:
    """Return a row for each field of a family's architectures."""
    return _table(family.architecture, family.default.fields(), meanings=family.field_notes)


def _meaning(field: FieldInfo) -> str:
    return field.description or (field.annotation.__doc__ if field.annotation else "") or ""


def _cell(text: str) -> str:
    """One line that a table of Markdown takes, double backticks of docstrings made single."""
    return text.replace("|", "\\|").replace("``", "`").rstrip(".")


def _taken(field: FieldInfo) -> str:
    """Describe the values of a field in words, with its limits."""
    limits = [LIMITS[name].format(f"{limit:,}") for name, limit in _limits(field)]
    return ", ".join([_kind(field.annotation), *limits])


def _limits(field: FieldInfo) -> list[tuple[str, float]]:
    found = [(name, getattr(each, name, None)) for each in field.metadata for name in LIMITS]
    return [(name, limit) for name, limit in found if limit is not None]


def _kind(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(parts[0])
    if origin is Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(part) for part in parts if part is not type(None))
    if origin is not None:
        return KINDS[origin]
    return "section" if issubclass(annotation, BaseModel) else KINDS[annotation]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, BaseModel) or value in (None, {}, ()):
        return "–"
    return f"`{_short(list(value) if isinstance(value, tuple) else value)}`"


def _short(value: Any) -> str:
    """A value as YAML writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(_short(entry) for entry in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(search_file_reference(), end="")
