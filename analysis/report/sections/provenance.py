"""Where the numbers come from: what a reader needs to repeat the search."""

from __future__ import annotations

from analysis.comparison.published_baselines import BOXES
from analysis.report.elements.options import Setup
from analysis.study.labels import flattened
from analysis.study.records import StudyRecord

EXPECTED_FIELDS = {"command": "command", "git_commit": "git commit", "seed": "seed"}
"""Fields that a reader looks for, so that a missing one is told."""


PROTOCOL_WORDS = {
    "dataset": "data set",
    "train_split": "trained on the split",
    "val_split": "scored on the split",
    "data": "annotations and detections, by their content",
    "format": "format of the data",
    "category": "category of people",
    "on_orientation": "images that a camera stored turned",
    "flip_test": "flip test (mirrored image averaged in)",
    "recipe_changes": "unlike the paper's recipe",
    "latency.device": "device of latencies",
    "latency.threads": "threads of latencies",
    "latency.runtime": "runtime of latencies",
    "start_from": "weights that trainings begin from, by their content",
    "freeze": "frozen parts",
    "head_learning_rate_factor": "factor of the head's learning rate",
    "distill": "teacher beside the ground truth, by its content",
}


def protocol_pairs(study: StudyRecord) -> list[tuple[str, str]]:
    """Return the settings that make scores comparable, in words."""
    protocol = {PROTOCOL_WORDS.get(name, name): value for name, value in study.protocol.items()}
    if isinstance(protocol.get("boxes"), str):
        protocol["boxes"] = BOXES.get(protocol["boxes"], protocol["boxes"])
    return flattened(protocol)


def provenance_pairs(study: StudyRecord, setup: Setup) -> list[tuple[str, str]]:
    """Command, commit, versions, seeds and machine, then how the search was set up."""
    known = {"seed": study.protocol["seed"]} if "seed" in study.protocol else {}
    known |= dict(study.provenance)
    missing = [(label, "not recorded") for name, label in EXPECTED_FIELDS.items() if name not in known]
    pairs = flattened(known)
    order = {label: place for place, label in enumerate(EXPECTED_FIELDS.values())}
    pairs = sorted([*pairs, *missing], key=lambda pair: order.get(pair[0], len(order)))
    return [*pairs, *flattened(setup.search, "search: ")]
