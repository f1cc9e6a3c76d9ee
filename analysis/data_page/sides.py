"""Whether left and right are labelled alike: what the points of one person say about each other.

Seen from the front, a person's left is on the right of the picture; seen from behind, on its left. The view follows from the
turn from "up the body" to "from right to left". The cross product of the two directions is positive from the front, whatever
way the body lies in the picture. Face, shoulders and hips each give a turn. The turns of one person agree unless a side was
exchanged or the body is twisted by more than a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array
from trainers.data.annotations.keypoint_names import LEFT, RIGHT, name_parts
from trainers.data.annotations.keypoints import KeypointSet

WIDE_SHOULDERS, WIDE_HIPS = 0.2, 0.1
"""Distances from left to right, in lengths of the torso, from which the turn of a body is clear."""
CROSSED_LENGTH_RATIO = 0.8
"""Share of the shorter of two limbs that the longer one may have with exchanged ends for their sides to look exchanged."""
CLEAR_TURN = 1.0
"""Turn from which a person is as clear as can be."""
_STEMS = {
    "eye": ("eye",),
    "shoulder": ("shoulder", "sho"),
    "elbow": ("elb",),
    "wrist": ("wri", "hand"),
    "hip": ("hip",),
    "knee": ("kne",),
    "ankle": ("ank", "foot"),
}
_HEADS = ("nose", "head", "neck")


class Conflict(StrEnum):
    """How the sides of one person contradict each other."""

    FACE = "left and right eye lie on the wrong sides of the nose"
    TURNED = "the face looks at the camera, the shoulders are labelled as seen from behind"
    TWISTED = "shoulders and hips are labelled as seen from opposite sides"
    ARMS = "elbows or wrists lie at the other side's arm"
    LEGS = "knees or ankles lie at the other side's leg"


@dataclass(frozen=True, kw_only=True, eq=False)
class Sides:
    """The appearance of left and right of N people.

    Args:
        torso: 1 where shoulders and hips look seen from the front, -1 from behind, 0 where that is not clear (N,).
        face: 1 where nose and eyes fit each other, -1 where the eyes are exchanged, 0 where they are not all labelled (N,).
        conflicts: For each person what contradicts, mostly nothing.
        clearness: How far apart left and right are seen, from 0 to 1 (N,).
        upside_down: Whether the shoulders lie below the hips, the body being more upright than lying (N,).
    """

    torso: NDArray[np.int64]
    face: NDArray[np.int64]
    conflicts: tuple[tuple[Conflict, ...], ...]
    clearness: Array
    upside_down: NDArray[np.bool_]

    @property
    def suspicious(self) -> list[int]:
        """The people with a conflict: those with the most, then the clearest first."""
        rows = [row for row, found in enumerate(self.conflicts) if found]
        return sorted(rows, key=lambda row: (-len(self.conflicts[row]), -float(self.clearness[row])))


def sides_of(keypoints: Array, keypoint_set: KeypointSet) -> Sides:
    """Judge the sides of people by their keypoints (N, K, 3), which may be none where a set lacks the names for it."""
    points = _Points(keypoints, keypoint_set)
    turns = _turns(points)
    shoulders, hips, face = (np.sign(turn).astype(np.int64) for turn in turns)
    torso = np.where(shoulders != 0, shoulders, hips)
    checks = {
        Conflict.FACE: face < 0,
        Conflict.TURNED: (face > 0) & (shoulders < 0),
        Conflict.TWISTED: shoulders * hips < 0,
        Conflict.ARMS: points.crossed("shoulder", "elbow") | points.crossed("elbow", "wrist"),
        Conflict.LEGS: points.crossed("hip", "knee") | points.crossed("knee", "ankle"),
    }
    conflicts = tuple(tuple(kind for kind, found in checks.items() if found[row]) for row in range(len(keypoints)))
    clearness = np.minimum(np.minimum(np.abs(turns[0]), np.abs(turns[1]) * WIDE_SHOULDERS / WIDE_HIPS), CLEAR_TURN)
    across, down = np.nan_to_num(points.torso()).T
    return Sides(
        torso=torso, face=face, conflicts=conflicts, clearness=clearness, upside_down=np.asarray(down > np.abs(across))
    )


def _turns(points: _Points) -> tuple[Array, Array, Array]:
    """The turns of shoulders, hips and face (N,): above 0 from the front, below 0 from behind, 0 where not clear."""
    (left_shoulder, right_shoulder), (left_hip, right_hip) = points.pair("shoulder"), points.pair("hip")
    up = points.torso()
    shoulders = _turn(up, left_shoulder - right_shoulder, WIDE_SHOULDERS)
    hips = _turn(up, left_hip - right_hip, WIDE_HIPS)
    # A picture of the upper body has no hips: the way to the head shows up as well.
    to_head = points.head() - (left_shoulder + right_shoulder) / 2
    bust = _turn(to_head, left_shoulder - right_shoulder, 2 * WIDE_SHOULDERS)
    left_eye, right_eye = points.pair("eye")
    face = _turn((left_eye + right_eye) / 2 - points.single("nose"), left_eye - right_eye, 0.0)
    return np.where(np.isnan(up).any(axis=1), bust, shoulders), hips, face


def _turn(up: Array, across: Array, least: float) -> Array:
    """The turn from ``up`` to ``across``, both (N, 2), in lengths of ``up``; 0 where it is less than ``least`` of them."""
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = (up[:, 0] * across[:, 1] - up[:, 1] * across[:, 0]) / (up**2).sum(axis=1)
        clear = np.isfinite(turn) & (np.abs(turn) >= least)
    return np.where(clear, turn, 0.0)


class _Points:
    """The places of people's keypoints by the part of the body; NaN where one is not labelled or has no name."""

    def __init__(self, keypoints: Array, keypoint_set: KeypointSet) -> None:
        self.places = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.nan)
        self.parts = name_parts(keypoint_set.names)

    def pair(self, part: str) -> tuple[Array, Array]:
        """The (N, 2) places of a part on the left and on the right."""
        return self._find(_STEMS[part], LEFT), self._find(_STEMS[part], RIGHT)

    def single(self, stem: str) -> Array:
        """The (N, 2) places of a part in the middle of the body."""
        return self._find((stem,), None)

    def torso(self) -> Array:
        """The way (N, 2) from the middle of the hips to the middle of the shoulders."""
        (left_shoulder, right_shoulder), (left_hip, right_hip) = self.pair("shoulder"), self.pair("hip")
        return np.asarray((left_shoulder + right_shoulder) / 2 - (left_hip + right_hip) / 2)

    def head(self) -> Array:
        """The (N, 2) places of the first of nose, head and neck that is labelled."""
        found = self.single(_HEADS[0])
        for stem in _HEADS[1:]:
            found = np.where(np.isnan(found), self.single(stem), found)
        return found

    def crossed(self, start: str, end: str) -> NDArray[np.bool_]:
        """Whether either limb from ``start`` to ``end`` would be much shorter with left and right ends exchanged (N,)."""
        (left, right), (left_end, right_end) = self.pair(start), self.pair(end)

        def length(one: Array, other: Array) -> Array:
            return np.asarray(np.linalg.norm(one - other, axis=1))

        straight = np.minimum(length(left, left_end), length(right, right_end))
        exchanged = np.maximum(length(left, right_end), length(right, left_end))
        with np.errstate(invalid="ignore"):
            return np.asarray(exchanged < CROSSED_LENGTH_RATIO * straight)

    def _find(self, stems: tuple[str, ...], side: str | None) -> Array:
        for index, part in enumerate(self.parts):
            if part.side == side and any(word.startswith(stems) for word in part.words):
                return np.asarray(self.places[:, index])
        return np.full((len(self.places), 2), np.nan)
