"""Keypoint sets: what the points of a person are called, and which of them belong together."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from search_spaces.common.errors import InvalidInput

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
GIVEN, PUBLISHED = "given", "published"
"""Sources of deviations: a user's own file, and the data set's authors."""


@dataclass(frozen=True, kw_only=True)
class KeypointSet:
    """The K keypoints of one annotation scheme; every index below counts from 0 in the order of ``names``.

    Args:
        name: The name of the set.
        names: The names of the keypoints.
        flip_pairs: The (left, right) indices that change places in a mirrored image.
        upper_body: The indices that the half-body augmentation treats as the upper half; none where halves are not known.
        limbs: The pairs of indices that a drawing joins.
        oks_sigmas: The deviation of each keypoint in the object keypoint similarity, relative to the object's scale (the
            square root of its area). There are none where the scheme is not scored by the similarity.
        sigmas_from: The source of the deviations, as figures state it.
        mirrors: Whether a mirrored image shows the same keypoints, once ``flip_pairs`` have changed places.
        colours: A colour of each keypoint in drawings as ``#rrggbb``; none for the colours of the sides.
        file_names: The names that annotation files have for the keypoints, where these are other names.
    """

    name: str
    names: tuple[str, ...]
    flip_pairs: tuple[tuple[int, int], ...]
    upper_body: tuple[int, ...]
    limbs: tuple[tuple[int, int], ...]
    oks_sigmas: tuple[float, ...]
    sigmas_from: str = PUBLISHED
    mirrors: bool = True
    colours: tuple[str, ...] = ()
    file_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse sets whose fields contradict each other, with InvalidInput."""
        repeated = [name for name, times in Counter(self.names).items() if times > 1]
        if not self.names or repeated:
            raise InvalidInput(f"keypoint set {self.name!r}: names must be at least one and distinct, repeated: {repeated}")
        for field, indices in (
            ("flip_pairs", [index for pair in self.flip_pairs for index in pair]),
            ("upper_body", list(self.upper_body)),
            ("limbs", [index for pair in self.limbs for index in pair]),
        ):
            outside = [index for index in indices if not 0 <= index < self.count]
            if outside:
                raise InvalidInput(
                    f"keypoint set {self.name!r}: {field} must be indices in 0..{self.count - 1}, got {outside[0]}"
                )
            if field != "limbs" and len(set(indices)) < len(indices):
                raise InvalidInput(f"keypoint set {self.name!r}: {field} must name an index once, got {indices}")
        if self.oks_sigmas and (len(self.oks_sigmas) != self.count or not all(sigma > 0 for sigma in self.oks_sigmas)):
            raise InvalidInput(
                f"keypoint set {self.name!r}: oks_sigmas must be {self.count} positive numbers, got {self.oks_sigmas}"
            )
        if self.flip_pairs and not self.mirrors:
            raise InvalidInput(f"keypoint set {self.name!r}: flip_pairs must be none where mirrors is false")
        if self.colours and (len(self.colours) != self.count or not all(map(_COLOUR.fullmatch, self.colours))):
            raise InvalidInput(
                f"keypoint set {self.name!r}: colours must be {self.count} texts such as '#1f77b4', got {self.colours}"
            )

    @property
    def count(self) -> int:
        """K, the number of keypoints."""
        return len(self.names)

    @cached_property
    def flip_permutation(self) -> tuple[int, ...]:
        """For each keypoint the index it takes its value from when the image is mirrored; its own inverse."""
        permutation = list(range(self.count))
        for left, right in self.flip_pairs:
            permutation[left], permutation[right] = right, left
        return tuple(permutation)

    @cached_property
    def lower_body(self) -> tuple[int, ...]:
        """The indices that are not in ``upper_body``."""
        return tuple(index for index in range(self.count) if index not in self.upper_body)

    @property
    def has_halves(self) -> bool:
        """Whether both halves of the body are known, as the half-body augmentation needs them."""
        return bool(self.upper_body) and bool(self.lower_body)

    @property
    def sides(self) -> str:
        """The left and right keypoints in words, for somebody who confirms them."""
        if self.flip_pairs:
            pairs = ", ".join(f"{self.names[left]} / {self.names[right]}" for left, right in self.flip_pairs)
            count = len(self.flip_pairs)
            return f"{count} {'pairs change' if count > 1 else 'pair changes'} places in a mirrored image: {pairs}"
        if self.mirrors:
            return "no keypoint changes its name in a mirrored image"
        return "no left and right are known, so that no image is mirrored, in training or in tests"

    @property
    def sigma_words(self) -> str:
        """The deviations of the similarity in words, with their source."""
        if not self.oks_sigmas:
            return "none"
        least, most = min(self.oks_sigmas), max(self.oks_sigmas)
        return f"{least:.3f}" + (f" to {most:.3f}" if most > least else "") + f", {self.sigmas_from}"


# https://cocodataset.org/#format-data and #keypoints-eval: names, skeleton and sigmas as published with COCO 2017.
COCO17 = KeypointSet(
    name="coco17",
    names=(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    flip_pairs=((1, 2), (3, 4), (5, 6), (7, 8), (9, 10), (11, 12), (13, 14), (15, 16)),
    upper_body=tuple(range(11)),
    limbs=(
        (15, 13),
        (13, 11),
        (16, 14),
        (14, 12),
        (11, 12),
        (5, 11),
        (6, 12),
        (5, 6),
        (5, 7),
        (6, 8),
        (7, 9),
        (8, 10),
        (1, 2),
        (0, 1),
        (0, 2),
        (1, 3),
        (2, 4),
        (3, 5),
        (4, 6),
    ),
    oks_sigmas=(
        *(0.026, 0.025, 0.025, 0.035, 0.035),
        *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
        *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
    ),
)

# http://human-pose.mpi-inf.mpg.de/#download, DOI 10.1109/CVPR.2014.471: right and left are the person's own. MPII is scored
# by PCKh, not by object keypoint similarity.
MPII16 = KeypointSet(
    name="mpii16",
    names=(
        "right_ankle",
        "right_knee",
        "right_hip",
        "left_hip",
        "left_knee",
        "left_ankle",
        "pelvis",
        "thorax",
        "upper_neck",
        "head_top",
        "right_wrist",
        "right_elbow",
        "right_shoulder",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
    ),
    flip_pairs=((5, 0), (4, 1), (3, 2), (13, 12), (14, 11), (15, 10)),
    upper_body=tuple(range(7, 16)),
    limbs=(
        (0, 1),
        (1, 2),
        (2, 6),
        (3, 6),
        (4, 3),
        (5, 4),
        (6, 7),
        (7, 8),
        (8, 9),
        (10, 11),
        (11, 12),
        (12, 7),
        (13, 7),
        (14, 13),
        (15, 14),
    ),
    oks_sigmas=(),
)

# arXiv:1812.00324; the published scoring has the deviations of COCO's joints, and those of a shoulder for head and neck.
CROWDPOSE14 = KeypointSet(
    name="crowdpose14",
    names=(
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
        "head",
        "neck",
    ),
    flip_pairs=((0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)),
    upper_body=(0, 1, 2, 3, 4, 5, 12, 13),
    limbs=(
        (12, 13),
        (13, 0),
        (13, 1),
        (0, 2),
        (2, 4),
        (1, 3),
        (3, 5),
        (0, 6),
        (1, 7),
        (6, 7),
        (6, 8),
        (8, 10),
        (7, 9),
        (9, 11),
    ),
    oks_sigmas=(
        *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
        *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
        *(0.079, 0.079),
    ),
)
