"""The published ground truth of MPII's validation people: a MATLAB file with a column for each person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import MPII16
from trainers.data.formats.mpii import FIRST_PIXEL

SC_BIAS = 0.6
"""Share of the diagonal of the head's box that PCKh takes for the length of the head."""

FIELDS = ("jnt_missing", "pos_gt_src", "headboxes_src", "dataset_joints")
# What the file calls the joints, in our order.
_SHORT = (
    *("rank", "rkne", "rhip", "lhip", "lkne", "lank", "pelv", "thor"),
    *("neck", "head", "rwri", "relb", "rsho", "lsho", "lelb", "lwri"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class MpiiTruth:
    """The truth of N people.

    Args:
        keypoints: x, y (N, 16, 2) in pixels from 0.
        present: Whether a joint has a truth (N, 16).
        head_sizes: The size (N,) of each head in pixels, positive wherever a joint is present.
    """

    keypoints: NDArray[np.float64]
    present: NDArray[np.bool_]
    head_sizes: NDArray[np.float64]

    def __len__(self) -> int:
        """The number of people."""
        return len(self.head_sizes)

    def take(self, rows: NDArray[np.int64]) -> MpiiTruth:
        """The people in these rows, in this order."""
        return MpiiTruth(keypoints=self.keypoints[rows], present=self.present[rows], head_sizes=self.head_sizes[rows])


def read_mpii_truth(truth_file: Path) -> MpiiTruth:
    """Read ``jnt_missing`` (16, N), ``pos_gt_src`` (16, 2, N), ``headboxes_src`` (2, 2, N) and ``dataset_joints`` (1, 16).

    Joints are brought into the order of `MPII16` by their names. Raises InvalidInput that names the file and the field.
    """
    content = _load(truth_file)
    missing = _array(content, "jnt_missing", (MPII16.count,), truth_file)
    positions = _array(content, "pos_gt_src", (MPII16.count, 2), truth_file) - FIRST_PIXEL
    boxes = _array(content, "headboxes_src", (2, 2), truth_file)
    counts = {missing.shape[-1], positions.shape[-1], boxes.shape[-1]}
    if len(counts) > 1:
        raise InvalidInput(f"the fields of {truth_file} must be of one number of people, got {sorted(counts)}")
    if not np.isin(missing, (0, 1)).all():
        raise InvalidInput(
            f"'jnt_missing' of {truth_file} must be 0 or 1 throughout, got {missing[~np.isin(missing, (0, 1))][0]:g}"
        )
    order = _order(content["dataset_joints"], truth_file)
    present = (missing == 0)[order].T
    keypoints = positions[order].transpose(2, 0, 1)
    head_sizes = SC_BIAS * np.linalg.norm(boxes[1] - boxes[0], axis=0)
    if not np.isfinite(keypoints[present]).all():
        raise InvalidInput(f"'pos_gt_src' of {truth_file} must be finite wherever jnt_missing is 0")
    wrong = present.any(axis=1) & ~(np.isfinite(head_sizes) & (head_sizes > 0))
    if wrong.any():
        raise InvalidInput(
            f"'headboxes_src' of {truth_file} must be boxes with an extent, got none for person {wrong.argmax()}"
        )
    return MpiiTruth(keypoints=keypoints, present=present, head_sizes=head_sizes)


def _load(truth_file: Path) -> dict[str, Any]:
    if not Path(truth_file).is_file():
        raise InvalidInput(f"ground truth file of PCKh not found: {truth_file}")
    # Not above: a network can be built and trained on other data where scipy is missing.
    import scipy.io

    try:
        content: dict[str, Any] = scipy.io.loadmat(truth_file)
    except NotImplementedError:
        raise InvalidInput(f"{truth_file} must be a MATLAB file of version 4 to 7.2, got 7.3, which is HDF5") from None
    except Exception as error:
        # A file that is cut short fails anywhere in the reader, with errors of many kinds.
        raise InvalidInput(f"{truth_file} must be a whole MATLAB file, got one that cannot be read: {error}") from None
    for name in FIELDS:
        if name not in content:
            raise InvalidInput(f"{truth_file} must have the field {name!r}, got only {sorted(set(content) - _HEADER)}")
    return content


_HEADER = {"__header__", "__version__", "__globals__"}


def _array(content: dict[str, Any], name: str, shape: tuple[int, ...], truth_file: Path) -> NDArray[np.float64]:
    """A field as numbers of ``shape`` and one more axis, the people; MATLAB leaves that axis out for a single person."""
    value = content[name]
    if value.shape == shape:
        value = value[..., None]
    if value.ndim != len(shape) + 1 or value.shape[:-1] != shape or value.dtype.kind not in "biuf":
        expected = " x ".join([*map(str, shape), "people"])
        raise InvalidInput(
            f"{name!r} of {truth_file} must be {expected} numbers, got {' x '.join(map(str, value.shape))} of {value.dtype}"
        )
    return np.asarray(value, np.float64)


def _order(joints: Any, truth_file: Path) -> list[int]:
    """For each of our joints its row in the file."""
    names = [str(np.asarray(entry).item()) if np.size(entry) == 1 else str(entry) for entry in np.ravel(joints)]
    if sorted(names) != sorted(_SHORT):
        raise InvalidInput(f"'dataset_joints' of {truth_file} must be the names {', '.join(_SHORT)}, got {', '.join(names)}")
    return [names.index(name) for name in _SHORT]
