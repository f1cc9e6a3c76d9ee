"""Search spaces by name, and reading one as a search file writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from search_spaces.common.errors import InvalidInput, unknown_name
from search_spaces.families.dite_hrnet.config import BRANCHES, ArchConfig
from search_spaces.families.dite_hrnet.parameters import NETWORK, Choice, Parameter, parameter_from
from search_spaces.families.dite_hrnet.presets import PRESETS, TABLE_6, dite_hrnet_18, resized, resolve_arch
from search_spaces.space.search_space import SearchSpace


def table5() -> SearchSpace:
    """The 16 points of the paper's Table 5: four settings of G by four of N on Dite-HRNet-18 at 256×192."""
    return SearchSpace(
        name="table5",
        base=dite_hrnet_18(),
        parameters={
            "groups": Choice(values=("1-1-1-1", "1-1-2-4", "4-2-1-1", "4-4-4-4")),
            "kernels": Choice(values=("1-1-1-1", "4-4-2-1", "1-2-4-4", "4-4-4-4")),
        },
    )


def table6() -> SearchSpace:
    """The five networks of the paper's Table 6: from Lite-HRNet-18 by ACM and DSC to Dite-HRNet-18, at 256×192."""
    return SearchSpace(name="table6", base=dite_hrnet_18(), parameters={NETWORK: Choice(values=TABLE_6)})


def dite_hrnet() -> SearchSpace:
    """Dite-HRNet at large: G and N of each branch, widths, modules per stage, blocks per module."""
    parameters: dict[str, Parameter] = {}
    for branch in range(1, BRANCHES + 1):
        parameters[f"groups_branch{branch}"] = Choice(values=(1, 2, 4))
        parameters[f"kernels_branch{branch}"] = Choice(values=(1, 2, 4))
    for branch, widths in enumerate(((32, 40, 48), (64, 80, 96), (128, 160, 192), (256, 320, 384)), start=1):
        parameters[f"width_branch{branch}"] = Choice(values=widths)
    parameters |= {
        "modules_stage2": Choice(values=(1, 2, 3)),
        "modules_stage3": Choice(values=(2, 4, 6, 8)),
        "modules_stage4": Choice(values=(1, 2, 3)),
        "blocks_per_module": Choice(values=(1, 2, 3)),
    }
    return SearchSpace(name="dite_hrnet", base=dite_hrnet_18(), parameters=parameters)


def tiny() -> SearchSpace:
    """Small networks at 96×64 that learn within a minute on a processor core: for the quickstart and for tests."""
    base = ArchConfig(
        input_size=(96, 64),
        stem_width=16,
        widths=(16, 32, 48, 64),
        modules=(1, 1, 1),
        blocks_per_module=1,
        stem_kernels=1,
    )
    return SearchSpace(
        name="tiny",
        base=base,
        parameters={
            "widths": Choice(values=("16-24-32-48", "16-32-48-64", "24-32-48-64", "32-48-64-96")),
            "groups_branch3": Choice(values=(1, 2)),
            "groups_branch4": Choice(values=(1, 2, 4)),
            "kernels_branch1": Choice(values=(1, 2)),
            "kernels_branch2": Choice(values=(1, 2)),
            "modules_stage3": Choice(values=(1, 2)),
        },
    )


def tiny_128() -> SearchSpace:
    """128 small networks at 96×64 over G, N, width and depth, few enough to train them all: those of the recorded table."""
    return SearchSpace(
        name="tiny_128",
        base=tiny().base,
        parameters={
            "width_branch1": Choice(values=(8, 16, 24, 32)),
            "width_branch2": Choice(values=(16, 32)),
            "width_branch3": Choice(values=(32, 64)),
            "groups_branch4": Choice(values=(1, 4)),
            "kernels_branch1": Choice(values=(1, 2)),
            "modules_stage3": Choice(values=(1, 2)),
        },
    )


SPACES: dict[str, Callable[[], SearchSpace]] = {
    space.__name__: space for space in (table5, table6, dite_hrnet, tiny, tiny_128)
}


def named_space(name: str) -> SearchSpace:
    """A space by name."""
    if name not in SPACES:
        raise unknown_name("space", name, SPACES)
    return SPACES[name]()


def space_from(
    spec: str | Mapping[str, Any], *, input_size: tuple[int, int] | str | None = None, keypoints: int | None = None
) -> SearchSpace:
    """Read a space: a name, or ``base`` (a named space or network, or an architecture's fields) and ``parameters``.

    ``parameters`` are added to those of a named space, and null takes one away.
    """
    if isinstance(spec, str):
        spec = {"base": spec}
    for key in spec:
        if key not in ("base", "parameters"):
            raise unknown_name("field of space", str(key), ("base", "parameters"))
    base = spec.get("base", "dite_hrnet_18")
    if isinstance(base, str) and base in SPACES:
        known = named_space(base)
        name, arch, parameters = known.name, known.base, dict(known.parameters)
    elif isinstance(base, str):
        known_names = (*SPACES, *PRESETS)
        if base not in known_names and not base.endswith((".yaml", ".yml", ".json")):
            raise unknown_name("space or network", base, known_names)
        name, arch, parameters = "custom", resolve_arch(base), {}
    elif isinstance(base, Mapping):
        name, arch, parameters = "custom", ArchConfig.from_dict(base), {}
    else:
        raise InvalidInput(f"base of space must be a name or an architecture's fields, got {base!r}")
    changes = spec.get("parameters", {})
    if not isinstance(changes, Mapping):
        raise InvalidInput(f"parameters of space must be names with their values, got {changes!r}")
    if changes:
        name = "custom"
    for parameter, values in changes.items():
        if values is None:
            parameters.pop(parameter, None)
        else:
            parameters[parameter] = parameter_from(parameter, values)
    return SearchSpace(name=name, base=resized(arch, input_size=input_size, keypoints=keypoints), parameters=parameters)


def whole_space(spec: str | Mapping[str, Any]) -> str | dict[str, Any]:
    """The space of a search file without the architecture file that it may name: its fields stand in its place."""
    given = {"base": spec} if isinstance(spec, str) else dict(spec)
    base = given.get("base")
    if isinstance(base, str) and base not in SPACES and base not in PRESETS:
        return given | {"base": resolve_arch(base).to_dict()}
    return spec if isinstance(spec, str) else given
