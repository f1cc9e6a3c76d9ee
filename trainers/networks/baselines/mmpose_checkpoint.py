"""The names of tensors in checkpoints of MMPose 0.x and 1.x, and of the networks' authors, as ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

PARALLEL = "module."
"""The prefix of a network that was trained on several processes."""
NO_WEIGHTS = "data_preprocessor."
"""The prefix of the mean and deviation of images, which early files of MMPose 1.x hold."""
HEAD_OF_0_X, HEAD, BACKBONE = "keypoint_head.", "head.", "backbone."
AUTHORS_HEADS = ("deconv_layers.", "final_layer.")
"""The prefixes of the head in checkpoints of HRNet's and SimpleBaseline's authors, which have no other prefixes."""


def own_names(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a network of a backbone and a head under our names; unknown ones stay."""
    found = without_prefix(state)
    if any(name.startswith(BACKBONE) for name in found):
        return {_renamed(name): tensor for name, tensor in found.items() if not name.startswith(NO_WEIGHTS)}
    return {f"{HEAD if name.startswith(AUTHORS_HEADS) else BACKBONE}{name}": tensor for name, tensor in found.items()}


def without_prefix(state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors without the prefix of several processes, which all names have or none."""
    if not all(name.startswith(PARALLEL) for name in state):
        return state
    return {name.removeprefix(PARALLEL): tensor for name, tensor in state.items()}


def _renamed(name: str) -> str:
    return HEAD + name.removeprefix(HEAD_OF_0_X) if name.startswith(HEAD_OF_0_X) else name
