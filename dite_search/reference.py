"""The reference of the search file, written from the fields themselves.

``python -m dite_search.reference > docs/search_file.md`` renews it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dite_search.config import (
    DataSection,
    LatencySection,
    ResourcesSection,
    SamplerSection,
    SchedulerSection,
    SearchConfig,
    SyntheticSection,
    WarmStartSection,
)
from search_spaces.hyperparameters import TrainConfig
from search_spaces.named_spaces import SPACES
from search_spaces.parameters import ARCH_PARAMETERS, NETWORK, TRAIN_PARAMETERS, TUPLE_PARAMETERS
from search_spaces.presets import PRESETS

SECTIONS: dict[str, type[BaseModel]] = {
    "The search": SearchConfig,
    "data": DataSection,
    "data.synthetic": SyntheticSection,
    "sampler": SamplerSection,
    "scheduler": SchedulerSection,
    "warm_start": WarmStartSection,
    "resources": ResourcesSection,
    "latency": LatencySection,
}


def search_file_reference() -> str:
    """Markdown with every field, its default and its meaning."""
    lines = [
        "# The search file",
        "",
        "YAML; every field is typed, and an unknown one is refused with the nearest known name.",
    ]
    for title, section in SECTIONS.items():
        lines += ["", f"## {title}", "", "| field | default | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{name}` | {_default(field)} | {_meaning(field)} |" for name, field in section.model_fields.items()]
    lines += ["", "## training", "", "Hyper-parameters of every trial; the defaults are the paper's.", ""]
    lines += ["| field | default |", "| --- | --- |"]
    defaults = TrainConfig().to_dict()
    lines += [f"| `{name}` | `{_short(value)}` |" for name, value in defaults.items() if name != "seed"]
    lines += ["", "## space", ""]
    lines += [
        "A name, or `base` (a named space or network, an architecture file or its fields) and `parameters`, each a list of",
        "values or, for hyper-parameters, `{low: …, high: …, log: …}`. Null takes a parameter of the base away.",
        "",
        f"- Spaces: {_names(SPACES)}.",
        f"- Networks: {_names(PRESETS)}.",
        f"- A whole network as a parameter: `{NETWORK}`, its values networks by name.",
        f"- Parameters of the architecture: {_names(ARCH_PARAMETERS)}.",
        f"- Whole tuples, written as `1-1-2-4`: {_names(TUPLE_PARAMETERS)}.",
        f"- Hyper-parameters: {_names(TRAIN_PARAMETERS)}.",
    ]
    return "\n".join(lines) + "\n"


def _meaning(field: FieldInfo) -> str:
    return (field.description or (field.annotation.__doc__ if field.annotation else "") or "").replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, BaseModel) or value in (None, {}, ()):
        return "–"
    return f"`{_short(list(value) if isinstance(value, tuple) else value)}`"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_short(entry) for entry in value) + "]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _names(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(search_file_reference(), end="")
