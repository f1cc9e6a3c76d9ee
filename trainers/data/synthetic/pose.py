"""Random poses of a person, from the joints' ranges: forward kinematics from the pelvis outward.

A pose is built in a body frame (lateral, toward the person's left; down; forward) in units of the body's height. It is
turned by a yaw about the vertical, and projected by dropping the depth. x points to the right of the image, y down, z toward
the viewer. A person who faces the viewer has the left side on the right of the image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.annotations.keypoints import COCO17

Point = NDArray[np.float64]

SIDES = (("left", 1.0), ("right", -1.0))
FACE = COCO17.names[:5]
# Lengths in body heights: between the joints, half the width of shoulders and hips, the radius of the head.
_LENGTHS = {
    "upper arm": 0.165,
    "forearm": 0.15,
    "thigh": 0.24,
    "shin": 0.23,
    "torso": 0.28,
    "neck": 0.055,
    "head": 0.085,
    "shoulder": 0.105,
    "hip": 0.07,
}
# How far behind the middle of the head, in its radii, a point of the face may lie and still be seen at its rim.
_RIM = {"nose": 0.1, "eye": 0.1, "ear": 0.4}


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Points by name as (x, y, z) in image pixels: the 17 keypoints, pelvis, neck, head, hair and toes.

    ``height`` of the body and ``head`` (the radius of the head) in pixels.
    """

    joints: Mapping[str, Point]
    height: float
    head: float

    def in_view(self, name: str) -> bool:
        """Whether a point of the face lies on the side of the head that the viewer sees; other joints always do."""
        if name not in FACE:
            return True
        depth = float(self.joints[name][2] - self.joints["head"][2])
        return depth > -_RIM[name.rpartition("_")[2]] * self.head


def sample_pose(generator: np.random.Generator, *, height: float, pelvis: tuple[float, float]) -> Pose:
    """A person of that height in pixels with the pelvis there: random proportions, pose and view."""
    lengths = {name: value * generator.uniform(0.88, 1.12) for name, value in _LENGTHS.items()}
    yaw = math.radians(_sample_yaw(generator))
    tilt = _tilt(math.radians(float(np.clip(generator.normal(0, 8), -25, 25))))
    body = _sample_body(generator, lengths, _turn(yaw))
    head_turn = _turn(yaw + math.radians(generator.uniform(-30, 30)))
    body |= _face(body["head"], lengths["head"], head_turn @ _lean(math.radians(generator.uniform(-10, 15))))
    origin = np.array([pelvis[0], pelvis[1], 0.0])
    joints = {name: origin + height * (tilt @ point) for name, point in body.items()}
    return Pose(joints=joints, height=height, head=lengths["head"] * height)


def _sample_yaw(generator: np.random.Generator) -> float:
    """Degrees: mostly toward the viewer, some from the side, some from behind."""
    kind = generator.random()
    if kind < 0.7:
        return float(generator.normal(0, 22))
    if kind < 0.85:
        return float(generator.choice([-1, 1]) * generator.uniform(50, 90))
    return float(180 + generator.normal(0, 22))


def _turn(yaw: float) -> NDArray[np.float64]:
    """Body frame to (x, y, z): at yaw 0 left is to the right of the image and forward is toward the viewer."""
    return np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])


def _tilt(roll: float) -> NDArray[np.float64]:
    """Rotation in the image plane."""
    return np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])


def _lean(pitch: float) -> NDArray[np.float64]:
    """Rotation about the lateral axis of the body frame; positive moves what is above forward."""
    return np.array([[1, 0, 0], [0, math.cos(pitch), math.sin(pitch)], [0, -math.sin(pitch), math.cos(pitch)]])


def _limb(swing: float, spread: float, side: float) -> Point:
    """Unit direction in the body frame of a limb that hangs down at 0, swings forward and spreads outward (degrees)."""
    swing, spread = math.radians(swing), math.radians(spread)
    return np.array([side * math.sin(spread), math.cos(spread) * math.cos(swing), math.cos(spread) * math.sin(swing)])


def _sample_body(
    generator: np.random.Generator, lengths: Mapping[str, float], turn: NDArray[np.float64]
) -> dict[str, Point]:
    """Points from the head down, relative to the pelvis; each limb moves within the range of its joints."""
    lean = _lean(math.radians(generator.uniform(-8, 20))) @ _tilt(math.radians(generator.normal(0, 6)))
    neck = lean @ np.array([0.0, -lengths["torso"], 0.0])
    body = {
        "pelvis": np.zeros(3),
        "neck": neck,
        "head": neck + lean @ np.array([0.0, -lengths["neck"] - lengths["head"], 0.02]),
    }
    stride = generator.normal(0, 22)
    raised = generator.random() < 0.3
    for name, side in SIDES:
        shoulder = neck + lean @ np.array([side * lengths["shoulder"], 0.02, 0.0])
        swing, spread = generator.uniform(-35, 60), generator.uniform(4, 75)
        if raised and generator.random() < 0.6:
            spread = generator.uniform(75, 155)
        bend = generator.uniform(0, 100)
        # The forearm folds partly forward and partly in the plane of the body, inward or (arm raised) upward.
        fold = generator.uniform(-0.7, 0.7) if spread < 75 else generator.uniform(0.0, 0.9)
        elbow = shoulder + lengths["upper arm"] * _limb(swing, spread, side)
        wrist = elbow + lengths["forearm"] * _limb(swing + (1 - abs(fold)) * bend, spread + fold * bend, side)
        hip = np.array([side * lengths["hip"], 0.0, 0.0])
        lift, apart = side * stride + generator.normal(8, 12), generator.uniform(-2, 24)
        flex = abs(generator.normal(0, 22)) + max(0.0, lift) * 0.7
        knee = hip + lengths["thigh"] * _limb(lift, apart, side)
        ankle = knee + lengths["shin"] * _limb(lift - flex, apart * generator.uniform(0.0, 1.0), side)
        toe = ankle + np.array([0.3 * side, 0.35, 1.0]) * 0.05
        joints = {"shoulder": shoulder, "elbow": elbow, "wrist": wrist, "hip": hip, "knee": knee, "ankle": ankle}
        body |= {f"{name}_{joint}": point for joint, point in joints.items()}
        body[f"{name}_toe"] = toe
    return {name: turn @ point for name, point in body.items()}


def _face(middle: Point, radius: float, turn: NDArray[np.float64]) -> dict[str, Point]:
    """Nose, eyes, ears and the centre of the hair on the sphere of the head, turned as the head is."""
    places = {"nose": (0.0, 0.12, 1.0)}
    for name, side in SIDES:
        places[f"{name}_eye"] = (0.4 * side, -0.22, 0.85)
        places[f"{name}_ear"] = (0.95 * side, 0.0, -0.05)
    places["hair"] = (0.0, -0.3, -0.45)
    return {name: middle + radius * (turn @ np.array(place)) for name, place in places.items()}
