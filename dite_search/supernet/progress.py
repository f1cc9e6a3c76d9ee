"""The progress of shared weights while another process trains and scores them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.study.labels import coarse_seconds, number_words
from dite_search.supernet.scores import SCORES_FILE
from search_spaces.common.errors import InvalidInput
from trainers.checkpoints.location import LAST


class SharedWeightsReader:
    """Reads how far the shared weights in a folder are, again and again; what was not written since is not read again.

    Args:
        folder: The folder of the shared weights. It need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written, self._training = 0, dict[str, Any]()

    def read(self) -> dict[str, Any]:
        """Return plain values: epochs and losses of the training, and how many networks are scored; nothing without either.

        Raises:
            InvalidInput: the checkpoint is broken.
        """
        checkpoint, scores = self.folder / LAST, self.folder / SCORES_FILE
        if checkpoint.is_file() and checkpoint.stat().st_mtime_ns != self._written:
            written = checkpoint.stat().st_mtime_ns
            self._training, self._written = _training(checkpoint), written
        # The first line is about the store, and one without an end is being written.
        scored = max(0, scores.read_bytes().count(b"\n") - 1) if scores.is_file() else 0
        return {**self._training, "scored": scored} if self._training or scored else {}

    def words(self) -> str:
        """Return what there is in a sentence, the mistake of a broken checkpoint too; nothing where there is nothing."""
        try:
            return progress_words(self.read())
        except InvalidInput as error:
            return str(error)


def progress_words(found: dict[str, Any]) -> str:
    """Return in a sentence what a `SharedWeightsReader` has read; nothing where it found nothing."""
    if not found:
        return ""
    parts = []
    if "epochs" in found:
        parts.append(f"epoch {found['epoch']} of {found['epochs']}")
        if "loss_largest" in found:
            parts.append(
                f"loss {found['loss_largest']:.5f} of the largest network, {found['loss_smallest']:.5f} of the smallest"
            )
        if 0 < found["epoch"] < found["epochs"]:
            left = found["seconds"] / found["epoch"] * (found["epochs"] - found["epoch"])
            parts.append(f"about {coarse_seconds(left)} of training left")
    if found["scored"]:
        parts.append(f"{number_words(found['scored'], 'network')} scored")
    return f"Shared weights: {', '.join(parts)}"


def _training(path: Path) -> dict[str, Any]:
    # It imports torch, which takes a second that a search without shared weights has no use for.
    from trainers.checkpoints.checkpoint import load_shared_checkpoint

    checkpoint = load_shared_checkpoint(path)
    last: dict[str, Any] = checkpoint.curve[-1] if checkpoint.curve else {}
    found = {"epoch": len(checkpoint.curve), "epochs": checkpoint.train.epochs}
    return found | {name: last[name] for name in ("loss_largest", "loss_smallest", "seconds") if name in last}
