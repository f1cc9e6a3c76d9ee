"""The folder of an export: what its files are called, and that it appears whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from analysis.runtimes.forms import FORMS
from search_spaces import starting_weights
from search_spaces.common.errors import InvalidInput

ARCH_FILE, WEIGHTS_FILE = starting_weights.ARCH_FILE, starting_weights.EXPORTED_WEIGHTS
ONNX_FILE = "model.onnx"
EXAMPLE_FILE = "infer.py"
PARITY_FILE = "parity.json"
CARD_FILE = "README.md"
RELEASED_FILE = "released.pth"
PROGRAM_FILE = "model.pt2"
INT8_FILE = "model.int8.onnx"
DEMO_FILE = "demo.html"
ESSENTIAL_FILES = (ARCH_FILE, WEIGHTS_FILE, ONNX_FILE, EXAMPLE_FILE, PARITY_FILE, CARD_FILE)
"""The files of every export."""
STEM, INT8_STEM = "model", "model.int8"
"""Of the files for other runtimes, whose endings are the runtimes' own."""
RUNTIME_FILES = tuple(
    f"{stem}{ending}"
    for form in FORMS.values()
    for stem in (STEM, *((INT8_STEM,) if form.has_int8 else ()))
    for ending in form.endings
)
FILES = (*ESSENTIAL_FILES, RELEASED_FILE, PROGRAM_FILE, INT8_FILE, DEMO_FILE, *RUNTIME_FILES)
"""All files that an export may hold."""
CACHE_FOLDER_OF_PYTHON = "__pycache__"
"""The folder that Python may leave beside the example when somebody imports it."""


@contextmanager
def whole_directory(directory: Path) -> Iterator[Path]:
    """A temporary sibling that takes the place of ``directory`` when the block ends well, and vanishes otherwise.

    Raises:
        InvalidInput: there is something other than an earlier export.
    """
    require_replaceable(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as scratch:
        folder = Path(scratch) / "new"
        folder.mkdir(mode=0o755)
        yield folder
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        if not directory.exists():
            folder.replace(directory)
            return
        old = Path(scratch) / "old"
        directory.replace(old)
        try:
            folder.replace(directory)
        except OSError:
            old.replace(directory)
            raise
        shutil.rmtree(old)


def require_replaceable(directory: Path) -> None:
    """Refuse, with InvalidInput, a place that holds anything but an earlier export."""
    if not directory.exists() and not directory.is_symlink():
        return
    if directory.is_symlink() or not directory.is_dir():
        raise InvalidInput(f"export directory {directory} must be a directory or not exist, got a file or a link")
    names = {path.name for path in directory.iterdir()}
    foreign = sorted(names - {*FILES, CACHE_FOLDER_OF_PYTHON})
    if foreign or (names and not {ARCH_FILE, ONNX_FILE} <= names):
        example = foreign[0] if foreign else sorted(names)[0]
        raise InvalidInput(
            f"export directory {directory} must be new, empty or an earlier export, but it holds {example}: choose another"
        )
