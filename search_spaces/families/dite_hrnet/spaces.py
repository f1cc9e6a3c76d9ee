"""Named spaces over the family."""

from __future__ import annotations

from collections.abc import Callable

from search_spaces.families.dite_hrnet.config import BRANCHES, ArchConfig
from search_spaces.families.dite_hrnet.presets import TABLE_6, dite_hrnet_18
from search_spaces.families.family import SpaceParts
from search_spaces.families.parameter import NETWORK, Choice, Parameter


def table5() -> SpaceParts:
    """The 16 points of the paper's Table 5: four settings of G by four of N on Dite-HRNet-18 at 256×192."""
    return SpaceParts(
        base=dite_hrnet_18(),
        parameters={
            "groups": Choice(values=("1-1-1-1", "1-1-2-4", "4-2-1-1", "4-4-4-4")),
            "kernels": Choice(values=("1-1-1-1", "4-4-2-1", "1-2-4-4", "4-4-4-4")),
        },
    )


def table6() -> SpaceParts:
    """The five networks of the paper's Table 6: from Lite-HRNet-18 by ACM and DSC to Dite-HRNet-18, at 256×192."""
    return SpaceParts(base=dite_hrnet_18(), parameters={NETWORK: Choice(values=TABLE_6)})


def dite_hrnet() -> SpaceParts:
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
    return SpaceParts(base=dite_hrnet_18(), parameters=parameters)


def tiny() -> SpaceParts:
    """Small networks at 96×64 that learn within a minute on a processor core: for the quickstart and for tests."""
    base = ArchConfig(
        input_size=(96, 64),
        stem_width=16,
        widths=(16, 32, 48, 64),
        modules=(1, 1, 1),
        blocks_per_module=1,
        stem_kernels=1,
    )
    return SpaceParts(
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


def tiny_128() -> SpaceParts:
    """128 small networks at 96×64 over G, N, width and depth, few enough to train them all: those of the recorded table."""
    return SpaceParts(
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


SPACES: dict[str, Callable[[], SpaceParts]] = {
    space.__name__: space for space in (table5, table6, dite_hrnet, tiny, tiny_128)
}
