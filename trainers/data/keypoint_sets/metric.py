"""`Metric`: the figure that networks are ranked by, with all that makes two values of it comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_spaces.common.errors import InvalidInput, check_names, unknown_name
from trainers.data.annotations.json_fields import is_finite, shown
from trainers.data.annotations.keypoint_order import plain_name
from trainers.data.annotations.keypoints import KeypointSet

OKS, PCK, PCKH50, AUC, NME, EPE = "oks", "pck", "pckh50", "auc", "nme", "epe"
BOX, TORSO, HEAD, INTER_OCULAR, POINTS = "box", "torso", "head", "inter_ocular", "points"
LENGTHS = {PCK: (BOX, TORSO, HEAD, POINTS), NME: (BOX, INTER_OCULAR, POINTS), PCKH50: (HEAD,)}
"""The lengths that distances of a metric may be divided by, its default first."""
METRICS = (OKS, PCK, PCKH50, AUC, NME, EPE)
THRESHOLDS = {BOX: 0.05, TORSO: 0.2, HEAD: 0.5, POINTS: 0.2}
"""Thresholds of PCK by its length, where a user gives none: MMPose's default for boxes, the usual ones for the others."""
AUC_PIXELS, AUC_STEPS = 30.0, 20
"""Pixels of the largest threshold of AUC where a user gives none, and the thresholds from 0 below it."""
FIELDS = ("name", "by", "points", "threshold", "pixels")
_PAIRS: dict[str, tuple[tuple[str, str], ...]] = {
    TORSO: (("left_shoulder", "right_hip"), ("lsho", "rhip"), ("l_shoulder", "r_hip")),
    HEAD: (("head_top", "neck"), ("head_top", "upper_neck"), ("head", "neck"), ("top_head", "neck")),
    INTER_OCULAR: (
        ("right_eye_outer_corner", "left_eye_outer_corner"),
        ("right_eye_outer", "left_eye_outer"),
        ("right_eye", "left_eye"),
    ),
}
"""The names of two keypoints whose distance is a length, the first pair that a set has."""
_LENGTH_WORDS = {BOX: "the longer side of the box", TORSO: "the torso", HEAD: "the head", INTER_OCULAR: "the eyes' distance"}


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One figure that ranks networks.

    Args:
        name: One of `METRICS`.
        by: The length that distances are divided by, one of `LENGTHS`; None for the metric's default, or for none.
        points: The names of the two keypoints whose distance is that length; None where the names of the set tell.
        threshold: The largest distance, in lengths, of a keypoint that counts as found by PCK.
        pixels: The pixels that AUC divides distances by.

    Raises:
        InvalidInput: a field breaks its rule, or belongs to another metric.
    """

    name: str = OKS
    by: str | None = None
    points: tuple[str, str] | None = None
    threshold: float | None = None
    pixels: float | None = None

    def __post_init__(self) -> None:
        if self.name not in METRICS:
            raise unknown_name("metric", str(self.name), METRICS)
        lengths = LENGTHS.get(self.name, ())
        by = self.by or (POINTS if self.points and POINTS in lengths else lengths[0] if lengths else None)
        if by is not None and by not in lengths:
            raise InvalidInput(f"by of metric {self.name} must be {' or '.join(lengths) or 'left out'}, got {shown(by)}")
        object.__setattr__(self, "by", by)
        if (by == BOX and self.points) or (self.points and not lengths):
            raise InvalidInput(f"points of metric {self.name} must be left out unless by names a length of the person")
        if by == POINTS and not self.points:
            raise InvalidInput(f"points of metric {self.name} must be two keypoints where by is {POINTS}")
        fixed = THRESHOLDS[HEAD] if self.name == PCKH50 else None
        if self.threshold not in (None, fixed) and self.name != PCK:
            raise InvalidInput(f"threshold must be left out for metric {self.name}, got {shown(self.threshold)}")
        if self.name in (PCK, PCKH50):
            object.__setattr__(self, "threshold", THRESHOLDS[by or BOX] if self.threshold is None else self.threshold)
        if self.pixels is not None and self.name != AUC:
            raise InvalidInput(f"pixels must be left out for metric {self.name}, got {shown(self.pixels)}")
        if self.name == AUC and self.pixels is None:
            object.__setattr__(self, "pixels", AUC_PIXELS)
        for field in ("threshold", "pixels"):
            value = getattr(self, field)
            if value is not None and not (is_finite(value) and value > 0):
                raise InvalidInput(f"{field} of metric {self.name} must be a number above 0, got {shown(value)}")

    @classmethod
    def of(cls, value: Metric | str | Mapping[str, Any]) -> Metric:
        """Return the metric that a search file gives: a name, or its fields.

        Raises:
            InvalidInput: it is neither, or a field breaks its rule.
        """
        if isinstance(value, Metric):
            return value
        if isinstance(value, str):
            return cls(name=value)
        if not isinstance(value, Mapping):
            raise InvalidInput(f"metric must be a name or its fields, got {shown(value)}")
        check_names("field of metric", value, FIELDS)
        points = value.get("points")
        if points is not None and not (
            isinstance(points, list | tuple) and len(points) == 2 and all(isinstance(name, str) for name in points)
        ):
            raise InvalidInput(f"points of metric must be the names of two keypoints, got {shown(points)}")
        return cls(**{**value, "points": tuple(points) if points else None})

    @property
    def is_oks(self) -> bool:
        """Whether it is average precision by object keypoint similarity."""
        return self.name == OKS

    def objective(self, boxes: str) -> str:
        """Return the objective's name, for people in boxes of that kind."""
        return f"ap_{boxes}" if self.is_oks else self.name

    def length_points(self, keypoint_set: KeypointSet) -> tuple[int, int] | None:
        """Return the indices of the two keypoints whose distance is the length; None where it is of the box or in pixels.

        Raises:
            InvalidInput: the set has no such keypoints.
        """
        if self.by in (None, BOX):
            return None
        plain = [plain_name(name) for name in keypoint_set.names]
        wanted = (self.points,) if self.points else _PAIRS[str(self.by)]
        for pair in wanted:
            if all(plain_name(name) in plain for name in pair):
                return plain.index(plain_name(pair[0])), plain.index(plain_name(pair[1]))
        raise InvalidInput(
            f"metric {self.name} by {self.by} needs the keypoints {' and '.join(wanted[0])}, which set {keypoint_set.name}"
            f" lacks ({', '.join(keypoint_set.names[:5])}, ...): points of data.metric names two of its keypoints"
        )

    def words(self, keypoint_set: KeypointSet) -> str:
        """Return all that makes two values comparable, as figures state it."""
        if self.is_oks:
            return f"object keypoint similarity, sigmas {keypoint_set.sigma_words}"
        found = self.length_points(keypoint_set)
        length = _LENGTH_WORDS.get(str(self.by), "the length")
        if found:
            length += f" ({keypoint_set.names[found[0]]} to {keypoint_set.names[found[1]]})"
        if self.name in (PCK, PCKH50):
            return f"keypoints nearer to the truth than {self.threshold:g} of {length}, mean over keypoints"
        if self.name == AUC:
            return f"mean of PCK at {AUC_STEPS} thresholds from 0 to below {self.pixels:g} pixels"
        return "mean distance in pixels" if self.name == EPE else f"mean distance in units of {length}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, those of the defaults included; `of` reads them."""
        values = {field: getattr(self, field) for field in FIELDS}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None}
