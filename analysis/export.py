"""Ship a network: architecture, weights, ONNX model and model card in one directory, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from analysis.choice import choose
from analysis.latency import measure_latency
from analysis.model_card import ModelCard, card_of, card_text
from analysis.onnx_export import Agreement, agreement, onnx_bytes
from analysis.trials import StudyRecord, TrialRecord
from search_spaces.arch import ArchConfig
from search_spaces.errors import InvalidInput
from search_spaces.files import write_mapping
from search_spaces.presets import load_arch
from trainers.model import build_network
from trainers.model.network import PoseNetwork

__all__ = ["Exported", "ModelCard", "choose", "export_network", "export_trial", "load_export"]

ARCH_FILE = "arch.yaml"
WEIGHTS_FILE = "model.safetensors"
ONNX_FILE = "model.onnx"
CARD_FILE = "README.md"
CACHE_FOLDER = "downloaded"
FILES = (ARCH_FILE, WEIGHTS_FILE, ONNX_FILE, CARD_FILE)


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What an export wrote, and how far its ONNX model is from torch."""

    directory: Path
    agreement: Agreement

    @property
    def onnx(self) -> Path:
        """The ONNX model."""
        return self.directory / ONNX_FILE


def export_trial(study: StudyRecord, record: TrialRecord, directory: Path, *, threads: int | None = None) -> Exported:
    """Export the network of a trial's checkpoint; ``threads`` is as in `export_network`.

    A checkpoint in an object store is downloaded to `CACHE_FOLDER` of the study's folder, once.

    Raises:
        InvalidInput: the trial has no checkpoint or it cannot be read; the checkpoint holds another architecture than the
            trial; or as `export_network`.
    """
    from trainers.checkpoint import load_network
    from trainers.checkpoint_store import local_copy

    if record.checkpoint is None:
        raise InvalidInput(f"trial {record.number} has no checkpoint to export")
    arch, network = load_network(local_copy(record.checkpoint, study.directory / CACHE_FOLDER))
    if arch.arch_id != record.arch.arch_id:
        raise InvalidInput(
            f"checkpoint {record.checkpoint} must hold architecture {record.arch.arch_id} of trial {record.number}, "
            f"got {arch.arch_id}"
        )
    return export_network(arch, network, directory, card=card_of(study, record), threads=threads)


def export_network(
    arch: ArchConfig, network: PoseNetwork, directory: Path, *, card: ModelCard, threads: int | None = None
) -> Exported:
    """Write `FILES` to a directory that does not exist, is empty, or holds an earlier export, which is replaced.

    With ``threads`` the ONNX model's latency on this processor is measured for the card.

    Raises:
        InvalidInput: the directory holds anything else, or ONNX Runtime does not agree with torch; nothing is left then.
    """
    with _whole_directory(Path(directory)) as folder:
        model = onnx_bytes(arch, network)
        found = agreement(network, model, arch.input_size)
        if not found.holds:
            raise InvalidInput(f"the exported network must compute what the trained one does, but {found}")
        if threads is not None:
            card = replace(card, latency=measure_latency(model, arch.input_size, threads=threads))
        write_mapping(folder / ARCH_FILE, arch.to_dict())
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        save_file(state, folder / WEIGHTS_FILE, metadata={"format": "pt", "arch_id": arch.arch_id})
        (folder / ONNX_FILE).write_bytes(model)
        (folder / CARD_FILE).write_text(card_text(arch, card, found), encoding="utf-8")
    return Exported(directory=Path(directory), agreement=found)


def load_export(directory: Path) -> tuple[ArchConfig, PoseNetwork]:
    """The architecture and the network, in evaluation mode, of an export's ``arch.yaml`` and ``model.safetensors``.

    Raises:
        InvalidInput: a file is missing or broken, or the two do not belong together.
    """
    from trainers.checkpoint import load_weights

    arch = load_arch(Path(directory) / ARCH_FILE)
    path = Path(directory) / WEIGHTS_FILE
    if not path.is_file():
        raise InvalidInput(f"{path} does not exist or is not a file")
    try:
        with safe_open(path, framework="pt") as weights:
            arch_id = (weights.metadata() or {}).get("arch_id")
            state = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InvalidInput(f"{path} must be a safetensors file, but: {error}") from None
    if arch_id != arch.arch_id:
        raise InvalidInput(f"{path} must hold the weights of architecture {arch.arch_id}, got those of {arch_id}")
    network = build_network(arch)
    load_weights(network, state, str(path))
    return arch, network.eval()


@contextmanager
def _whole_directory(directory: Path) -> Iterator[Path]:
    """A temporary sibling that takes the place of ``directory`` when the block ends well, and vanishes otherwise."""
    _require_replaceable(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as scratch:
        folder = Path(scratch) / "new"
        folder.mkdir(mode=0o755)
        yield folder
        for path in folder.iterdir():
            path.chmod(0o644)
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


def _require_replaceable(directory: Path) -> None:
    if not directory.exists() and not directory.is_symlink():
        return
    if directory.is_symlink() or not directory.is_dir():
        raise InvalidInput(f"export directory {directory} must be a directory or not exist, got a file or a link")
    names = {path.name for path in directory.iterdir()}
    foreign = sorted(names - set(FILES))
    if foreign or (names and not {ARCH_FILE, ONNX_FILE} <= names):
        example = foreign[0] if foreign else sorted(names)[0]
        raise InvalidInput(
            f"export directory {directory} must be new, empty or an earlier export, but it holds {example}: choose another"
        )
