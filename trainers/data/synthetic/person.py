"""The picture of a posed person: clothed capsules from the farthest to the nearest, and the keypoints seen in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from trainers.data.annotations.keypoints import COCO17
from trainers.data.synthetic.pose import FACE, SIDES, Point, Pose, sample_pose

Colour = tuple[int, int, int]

# Fractional bits of the coordinates handed to OpenCV: sixteenths of a pixel.
_SHIFT = 4
# Left limbs lean to a warm tint, right ones to a cool one, so that the sides differ even where the face is not seen.
_TINTS = {"left": (40, 150, 255), "right": (255, 110, 50)}
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One drawn shape: a capsule that tapers between two radii.

    Args:
        start: x, y of its first end in pixels.
        end: x, y of its other end in pixels.
        radii: The radii at both ends in pixels.
        colour: The colour.
        joints: The keypoints for which seeing this part means seeing them.
    """

    start: Point
    end: Point
    radii: tuple[float, float]
    colour: Colour
    joints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A clothed person: the pose, and the parts from the farthest to the nearest."""

    pose: Pose
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class _Clothes:
    """The colours a person wears (BGR) and ``girth``, the factor from the radii below to pixels."""

    shirt: Colour
    trousers: Colour
    socks: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    girth: float


def sample_figure(generator: np.random.Generator, *, height: float, pelvis: tuple[float, float]) -> Figure:
    """A person of that height in pixels with the pelvis there: random proportions, pose, view and clothing."""
    pose = sample_pose(generator, height=height, pelvis=pelvis)
    clothes = _sample_clothes(generator, height)
    # A limb is behind the trunk or before it as a whole, or its pieces would slip through each other.
    limbs = []
    for side, _ in SIDES:
        limbs.append((_depth(pose, side, "knee", "ankle"), _leg(pose, clothes, side)))
        limbs.append((_depth(pose, side, "elbow", "wrist"), _arm(pose, clothes, side)))
    limbs.sort(key=lambda limb: limb[0])
    far = [part for depth, parts in limbs if depth < -0.01 * height for part in parts]
    near = [part for depth, parts in limbs if depth >= -0.01 * height for part in parts]
    return Figure(pose=pose, parts=(*far, *_trunk(pose, clothes), *_head(pose, clothes), *near))


def draw_figure(image: NDArray[np.uint8], figure: Figure) -> NDArray[np.uint8]:
    """Draw into (h, w, 3) in place; returns (h, w) that says which part covers a pixel, counted from 1, 0 for none."""
    owners = np.zeros(image.shape[:2], np.uint8)
    for number, part in enumerate(figure.parts, start=1):
        _capsule(image, part, part.colour, cv2.LINE_AA)
        _capsule(owners, part, number, cv2.LINE_8)
    return owners


def label_keypoints(figure: Figure, owners: NDArray[np.uint8], covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The (17, 3) COCO keypoints: 2 seen, 1 hidden by another part or by ``covered`` (h, w), 0 for not labelled.

    Not labelled are points outside the image and those of the face that are on its far side.
    """
    height, width = owners.shape
    keypoints = np.zeros((COCO17.count, 3))
    for index, name in enumerate(COCO17.names):
        x, y, _ = figure.pose.joints[name]
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        if not (0 <= column < width and 0 <= row < height) or not figure.pose.in_view(name):
            continue
        owner = int(owners[row, column])
        seen = owner > 0 and name in figure.parts[owner - 1].joints and not covered[row, column]
        keypoints[index] = round(float(x), 1), round(float(y), 1), 2 if seen else 1
    return keypoints


def _sample_clothes(generator: np.random.Generator, height: float) -> _Clothes:
    """Any colours for what is worn, each piece of a leg in contrast to the next; skin and hair from light to dark."""
    shirt, trousers, shoes = (_colour(generator) for _ in range(3))
    skin, hair = generator.uniform(0.35, 1.0), generator.uniform(0.1, 0.8)
    socks = _mix(trousers, _opposite(trousers), 0.5)
    return _Clothes(
        shirt=shirt,
        trousers=trousers,
        socks=socks,
        shoes=_mix(shoes, _opposite(socks), 0.6),
        skin=_mix(_BLACK, (140, 175, 235), skin),
        hair=_mix(_BLACK, (60, 110, 190), hair),
        girth=generator.uniform(1.0, 1.3) * height,
    )


def _depth(pose: Pose, side: str, *joints: str) -> float:
    """The mean depth of joints of one side relative to the pelvis, in pixels."""
    return float(np.mean([pose.joints[f"{side}_{joint}"][2] for joint in joints]) - pose.joints["pelvis"][2])


def _part(
    pose: Pose, clothes: _Clothes, ends: tuple[str, str], radii: tuple[float, float], colour: Colour, *seen: str
) -> Part:
    """A capsule between two points of the pose; radii in fractions of the girth."""
    return Part(
        start=pose.joints[ends[0]][:2],
        end=pose.joints[ends[1]][:2],
        radii=(radii[0] * clothes.girth, radii[1] * clothes.girth),
        colour=colour,
        joints=seen,
    )


def _leg(pose: Pose, clothes: _Clothes, side: str) -> list[Part]:
    """Shin, foot and thigh: the colours change at the ankle and at the knee."""
    tint = _TINTS[side]
    hip, knee, ankle, toe = (f"{side}_{joint}" for joint in ("hip", "knee", "ankle", "toe"))
    return [
        _part(pose, clothes, (knee, ankle), (0.032, 0.024), _mix(clothes.socks, tint, 0.45), knee, ankle),
        _part(pose, clothes, (ankle, toe), (0.03, 0.024), _mix(clothes.shoes, tint, 0.45), ankle),
        _part(pose, clothes, (hip, knee), (0.046, 0.034), _mix(clothes.trousers, tint, 0.45), hip, knee),
    ]


def _arm(pose: Pose, clothes: _Clothes, side: str) -> list[Part]:
    """Sleeve, forearm and hand: the colours change at the elbow and at the wrist."""
    tint = _TINTS[side]
    shoulder, elbow, wrist = (f"{side}_{joint}" for joint in ("shoulder", "elbow", "wrist"))
    return [
        _part(pose, clothes, (shoulder, elbow), (0.034, 0.026), _mix(clothes.shirt, tint, 0.45), shoulder, elbow),
        _part(pose, clothes, (elbow, wrist), (0.023, 0.018), _mix(clothes.skin, tint, 0.3), elbow, wrist),
        _part(pose, clothes, (wrist, wrist), (0.03, 0.03), _mix(clothes.skin, _WHITE, 0.35), wrist),
    ]


def _trunk(pose: Pose, clothes: _Clothes) -> list[Part]:
    """Shirt, belt and neck."""
    hips, shoulders = ("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")
    flanks = [
        _part(pose, clothes, (shoulder, hip), (0.045, 0.042), clothes.shirt, shoulder, hip)
        for shoulder, hip in zip(shoulders, hips, strict=True)
    ]
    return [
        *flanks,
        _part(pose, clothes, ("neck", "pelvis"), (0.065, 0.055), clothes.shirt, *hips),
        _part(pose, clothes, shoulders, (0.045, 0.045), clothes.shirt, *shoulders),
        _part(pose, clothes, hips, (0.048, 0.048), _mix(clothes.trousers, _BLACK, 0.25), *hips),
        _part(pose, clothes, ("neck", "head"), (0.026, 0.026), _mix(clothes.skin, _BLACK, 0.15)),
    ]


def _head(pose: Pose, clothes: _Clothes) -> list[Part]:
    """Hair, ears, face, eyes and nose; the hair covers the face of a head that is turned away."""

    def disc(name: str, size: float, colour: Colour) -> Part:
        place, radius = pose.joints[name][:2], size * pose.head
        return Part(start=place, end=place, radii=(radius, radius), colour=colour, joints=FACE)

    features = [
        *((f"{side}_ear", 0.24, _mix(_mix(clothes.skin, _BLACK, 0.25), _TINTS[side], 0.5)) for side, _ in SIDES),
        *((f"{side}_eye", 0.17, (25, 25, 25)) for side, _ in SIDES),
        ("nose", 0.19, _mix(clothes.skin, (60, 60, 230), 0.6)),
    ]
    hair, face = disc("hair", 1.05, clothes.hair), disc("head", 1.0, clothes.skin)
    behind = pose.joints["hair"][2] > pose.joints["head"][2]
    # Drawn only where it is in view: a disc on the far side would show through.
    seen = [disc(*feature) for feature in features if pose.in_view(feature[0])]
    return [face, hair, *seen] if behind else [hair, face, *seen]


def _capsule(canvas: NDArray[np.uint8], part: Part, value: Colour | int, line: int) -> None:
    """Fill a tapered capsule: two discs and the quadrilateral between them."""
    colour = value if isinstance(value, tuple) else (value,)
    one = 1 << _SHIFT
    axis = part.end - part.start
    length = math.hypot(*axis)
    for center, radius in ((part.start, part.radii[0]), (part.end, part.radii[1])):
        spot = (round(center[0] * one), round(center[1] * one))
        cv2.circle(canvas, spot, round(radius * one), colour, cv2.FILLED, line, _SHIFT)
        if length < 1e-6:
            return
    across = np.array([-axis[1], axis[0]]) / length
    first, second = across * part.radii[0], across * part.radii[1]
    corners = np.array([part.start + first, part.end + second, part.end - second, part.start - first])
    cv2.fillConvexPoly(canvas, np.rint(corners * one).astype(np.int32), colour, line, _SHIFT)


def _colour(generator: np.random.Generator) -> Colour:
    blue, green, red = (int(value) for value in generator.integers(20, 236, 3))
    return blue, green, red


def _opposite(colour: Colour) -> Colour:
    """White for what is dark, black for what is light."""
    return _WHITE if sum(colour) < 380 else _BLACK


def _mix(colour: Colour, other: Colour, part: float) -> Colour:
    blue, green, red = (round(a + part * (b - a)) for a, b in zip(colour, other, strict=True))
    return blue, green, red
