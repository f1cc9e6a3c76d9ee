"""Ship a network: its architecture and weights, and the same network in every form that others can run."""

from __future__ import annotations

from analysis.export.directory import CARD_FILE, EXAMPLE_FILE, FILES, ONNX_FILE, PARITY_FILE
from analysis.export.model_card import ModelCard
from analysis.export.network import Exported, export_network, load_export, read_with
from analysis.export.options import ESSENTIAL, EVERYTHING, Parts
from analysis.export.trial import export_checkpoint, export_trial
from analysis.pareto.selection import choose

__all__ = [
    "CARD_FILE",
    "ESSENTIAL",
    "EVERYTHING",
    "EXAMPLE_FILE",
    "FILES",
    "ONNX_FILE",
    "PARITY_FILE",
    "Exported",
    "ModelCard",
    "Parts",
    "choose",
    "export_checkpoint",
    "export_network",
    "export_trial",
    "load_export",
    "read_with",
]
