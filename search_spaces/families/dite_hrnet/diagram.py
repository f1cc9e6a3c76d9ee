"""An architecture as a picture in text: stages from top to bottom, branches from left to right.

Every line fits `NARROW` columns, or those asked for, so that the picture is whole on a phone as well.
"""

from __future__ import annotations

from search_spaces.families.architecture import format_size
from search_spaces.families.dite_hrnet.config import STAGES, ArchConfig

NARROW, WIDE = 40, 72
"""Columns that the picture needs at least, and from which on it says things in words."""
BLOCK_NAMES = {"dmc": "DMC", "lite": "Lite", "lite_acm": "ACM", "lite_dsc": "DSC"}


def diagram(arch: ArchConfig, *, width: int = 80) -> list[str]:
    """The lines of the picture, at most ``width`` (at least `NARROW`) columns each.

    A number is a branch's channels; ``├──┐`` makes a branch, ``╞══╡`` fuses all that it joins at the end of each module.
    """
    picture = _Picture(wide=width >= WIDE, branches=len(arch.widths))
    for label, cells in picture.sizes(arch):
        picture.row(label, cells)
    picture.row(*_stem(arch, picture.wide))
    for stage, modules in zip(STAGES, arch.modules, strict=True):
        picture.grow(stage)
        picture.row(f"stage {stage}", [str(channels) for channels in arch.widths[:stage]])
        picture.fuse(_modules(arch, modules, picture.wide), stage)
    picture.head("head")
    keypoints = f"{arch.keypoints} heatmaps of {_resolution(arch.heatmap_size)}"
    picture.text("output", keypoints)
    return picture.lines


def settings(arch: ArchConfig) -> list[tuple[str, list[str]]]:
    """Return the settings that differ between branches: a name, and a text for each branch."""
    groups, kernels = (arch.groups, arch.kernels) if arch.uses_dsc else ((1,) * 4, (1,) * 4)
    return [
        ("resolution", [_resolution(size) for size in arch.branch_sizes()]),
        ("channels", [str(width) for width in arch.widths]),
        ("groups G", [str(count) for count in groups]),
        ("kernel side", [kernel_sizes(count) for count in groups]),
        ("kernels N", [str(count) for count in kernels]),
        ("reduction", [str(count) for count in arch.context_reductions]),
    ]


def kernel_sizes(groups: int) -> str:
    """The sides of the kernels of DSC with G groups: ``3``, ``3, 5`` or, for more, ``3–9``."""
    sides = [2 * index + 1 for index in range(1, groups + 1)]
    return ", ".join(map(str, sides)) if len(sides) < 3 else f"{sides[0]}–{sides[-1]}"


def block_words(arch: ArchConfig) -> str:
    """Describe the parts of a block of the network."""
    parts = ["DCM and GCM" if arch.uses_acm else "cross-resolution and spatial weighting"]
    kernels = "kernel attention" if max(arch.kernels) > 1 else "static kernels"
    parts.append(f"DSC with {kernels}" if arch.uses_dsc else "a static depth-wise 3×3 convolution")
    return " around ".join(parts)


class _Picture:
    """Lines of a label and columns of equal width, one a branch; lines between boxes run in the middle of a column."""

    def __init__(self, *, wide: bool, branches: int) -> None:
        self.lines: list[str] = []
        self.wide, self._branches = wide, branches
        self._label, self._column = (28, 11) if wide else (11, 7)

    def row(self, label: str, cells: list[str]) -> None:
        """A text for each of the first branches, in the middle of its column."""
        self._add(label, "".join(self._centred(cell) for cell in cells))

    def sizes(self, arch: ArchConfig) -> list[tuple[str, list[str]]]:
        """The resolutions of the branches, in two rows where they would touch each other."""
        sizes = arch.branch_sizes()
        cells = [_resolution(size) for size in sizes]
        if max(map(len, cells)) < self._column:
            return [("resolution", cells)]
        return [(name, [str(size[side]) for size in sizes]) for side, name in enumerate(("height", "width"))]

    def grow(self, stage: int) -> None:
        """The branches so far go on, and the lowest of them makes the next one."""
        below = stage - 1 if stage > STAGES[0] else 1
        cells = [self._centred("│") for _ in range(below - 1)]
        self._add("", "".join([*cells, self._joined("├┐", "─")]))

    def fuse(self, label: str, stage: int) -> None:
        """All branches meet."""
        self._add(label, self._joined("╞" + "╪" * (stage - 2) + "╡", "═"))

    def head(self, label: str) -> None:
        """Each branch is added to the next higher one, from the lowest up."""
        self._add(label, self._joined("◀" * (self._branches - 1) + "┤", "─"))

    def text(self, label: str, text: str) -> None:
        """A sentence below the first branch."""
        self._add(label, " " * 2 + text)

    def _add(self, label: str, cells: str) -> None:
        self.lines.append(f"{label:<{self._label}}{cells}".rstrip())

    def _centred(self, text: str) -> str:
        before = (self._column - len(text)) // 2 + (self._column - len(text)) % 2
        return f"{' ' * before}{text}".ljust(self._column)

    def _joined(self, marks: str, line: str) -> str:
        middle = self._column // 2
        return " " * middle + (line * (self._column - 1)).join(marks)


def _resolution(size: tuple[int, int]) -> str:
    return format_size(size).replace("x", "×")


def _stem(arch: ArchConfig, wide: bool) -> tuple[str, list[str]]:
    dynamic = arch.stem == "dgc"
    label = f"stem {'DGC' if dynamic else 'lite'}"
    if dynamic:
        label += f", N = {arch.stem_kernels}" if wide else f" N{arch.stem_kernels}"
    return label, [str(arch.stem_width)]


def _modules(arch: ArchConfig, modules: int, wide: bool) -> str:
    """How many modules of how many blocks."""
    blocks = arch.blocks_per_module
    name = BLOCK_NAMES[arch.block]
    if not wide:
        return f" {modules}×{blocks} {name}"
    return f"  {modules} {'module' if modules == 1 else 'modules'} of {blocks} {name} {'block' if blocks == 1 else 'blocks'}"
