"""Skeletons and heatmaps over the crop of a photograph, as small WebP files.

Pictures are (h, w, 3) BGR of 8 bits, points x, y in pixels. The sides of the body differ in colour and in shape. The colours
are of the palette of Okabe and Ito, which people with any common colour blindness tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from analysis.pareto.front import Array
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.geometry.transforms import Crop, Matrix, compose, crop_matrix, invert, warp_image, warp_points

Picture = NDArray[np.uint8]
Colour = tuple[int, int, int]

HEIGHT, TILE_HEIGHT = 256, 112
"""Pixels of a picture of one person, and of a tile of the heatmaps."""
QUALITY = 70
COLUMNS = 6
LEFT, CENTRE, RIGHT = "left", "centre", "right"
COLOURS: dict[str, Colour] = {LEFT: (233, 180, 86), CENTRE: (66, 228, 240), RIGHT: (0, 94, 213)}
"""Sky blue, yellow and vermilion."""
TRUTH, EDGE, BAR = (255, 255, 255), (0, 0, 0), (38, 38, 38)
FARTHEST = 32767
"""Pixels from the corner beyond which nothing is drawn."""
_SHIFT = 4
"""Bits of a fraction of a pixel in OpenCV's drawing."""


def picture_size(crop: Crop, height: int = HEIGHT) -> tuple[int, int]:
    """Height and width of a picture with the shape of a crop."""
    return height, max(1, round(height * crop.size[0] / crop.size[1]))


def sides(keypoint_set: KeypointSet) -> tuple[str, ...]:
    """The side of the body that each keypoint is on, by the pairs that change places in a mirror."""
    found = [CENTRE] * keypoint_set.count
    for left, right in keypoint_set.flip_pairs:
        found[left], found[right] = LEFT, RIGHT
    return tuple(found)


def colours_of(keypoint_set: KeypointSet) -> tuple[Colour, ...]:
    """The colour of each keypoint as BGR: its own where the set has colours, else that of its side."""
    if keypoint_set.colours:
        codes = [bytes.fromhex(colour[1:]) for colour in keypoint_set.colours]
        return tuple((code[2], code[1], code[0]) for code in codes)
    return tuple(COLOURS[side] for side in sides(keypoint_set))


def draw_person(image: Picture, crop: Crop, predicted: Array, truth: Array, keypoint_set: KeypointSet) -> Picture:
    """The crop with the truth (K, 3) thin and white and the prediction (K, 2) bold, both in pixels of the image.

    Only keypoints with a truth are drawn: where nobody knows the place, a prediction is neither right nor wrong.
    """
    size = picture_size(crop)
    matrix = _to_picture(crop, size)
    picture = warp_image(image, matrix, size)
    known = truth[:, 2] > 0
    points, places = warp_points(predicted, matrix), warp_points(truth[:, :2], matrix)
    limbs = draw_skeleton(picture, points, known, keypoint_set)
    for colour, width in ((EDGE, 2), (TRUTH, 1)):
        for a, b in limbs:
            _line(picture, places[a], places[b], colour, width)
    for index in np.flatnonzero(known):
        cv2.circle(picture, _fixed(places[index]), 2 << _SHIFT, TRUTH, -1, cv2.LINE_AA, _SHIFT)
    return picture


def draw_labelled(image: Picture, crop: Crop, keypoints: Array, keypoint_set: KeypointSet) -> tuple[Picture, Array]:
    """The crop with the labelled keypoints (K, 3) of one person, and the places (K, 2) of all of them in the picture.

    A visible keypoint is filled, a hidden one hollow. Limbs in the middle of the body are thin, so that faces stay seen.
    """
    size = picture_size(crop)
    matrix = _to_picture(crop, size)
    picture, points = warp_image(image, matrix, size), warp_points(keypoints[:, :2], matrix)
    draw_skeleton(picture, points, keypoints[:, 2] > 0, keypoint_set, middle=1, hidden=keypoints[:, 2] < 2)
    return picture, points


def draw_skeleton(
    picture: Picture,
    points: Array,
    known: NDArray[np.bool_],
    keypoint_set: KeypointSet,
    *,
    scale: float = 1.0,
    middle: int = 3,
    hidden: NDArray[np.bool_] | None = None,
) -> list[tuple[int, int]]:
    """Draw the known keypoints of one person and the limbs between them into a picture, and return these limbs.

    Args:
        picture: The picture, which is changed.
        points: The places (K, 2) in pixels of the picture.
        known: Whether each keypoint is drawn (K,).
        keypoint_set: The keypoints.
        scale: Factor of all widths, above 0; at 1 a limb is 3 pixels wide.
        middle: The width at scale 1 of limbs between two points on neither side.
        hidden: Whether each keypoint is drawn hollow (K,); None fills all.
    """
    side_of, colours = sides(keypoint_set), colours_of(keypoint_set)
    limbs = _draw_limbs(picture, points, known, keypoint_set, middle=middle, scale=scale)
    for index in np.flatnonzero(known):
        hollow = hidden is not None and bool(hidden[index])
        _mark(picture, points[index], side_of[index], colours[index], hollow=hollow, scale=scale)
    return limbs


def draw_targets(picture: Picture, target: NDArray[np.floating], keypoint_set: KeypointSet) -> Picture:
    """The network's input with its target heatmaps (K, h, w) over it, those of a side of the body in its colour."""
    height, width = picture.shape[:2]
    laid = picture.astype(np.float64)
    side_of = sides(keypoint_set)
    for side, colour in COLOURS.items():
        maps = target[[index for index, own in enumerate(side_of) if own == side]]
        if not len(maps):
            continue
        highest = cv2.resize(np.asarray(maps.max(axis=0), np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
        share = 0.85 * np.clip(highest, 0, 1)[..., None]
        laid = laid * (1 - share) + np.array(colour, np.float64) * share
    return np.asarray(np.clip(np.rint(laid), 0, 255), np.uint8)


def draw_heatmaps(
    image: Picture,
    crop: Crop,
    heatmaps: NDArray[np.floating],
    to_input: Matrix,
    input_size: tuple[int, int],
    names: Sequence[str],
) -> Picture:
    """A tile for each of (K, h, w) heatmaps, laid over the crop, its name and highest value above it.

    ``to_input`` maps pixels of the image to those of the network's input. Each is scaled by its own maximum, so that a weak
    one can be seen; values below 0 count as 0.
    """
    size = picture_size(crop, TILE_HEIGHT)
    matrix = _to_picture(crop, size)
    # Half a cell at most beside the codec's own rule, which a tile of this size does not show.
    cells = np.array([[input_size[1] / heatmaps.shape[2], 0.0, 0.0], [0.0, input_size[0] / heatmaps.shape[1], 0.0]])
    to_tile = compose(matrix, compose(invert(to_input), cells))
    plain = cv2.cvtColor(warp_image(image, matrix, size), cv2.COLOR_BGR2GRAY)
    grey = np.asarray(cv2.cvtColor(plain, cv2.COLOR_GRAY2BGR), np.uint8)
    tiles = [_tile(grey, heatmap, to_tile, name) for heatmap, name in zip(heatmaps, names, strict=True)]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    lines = [np.concatenate(tiles[start : start + columns], axis=1) for start in range(0, len(tiles), columns)]
    return np.concatenate(lines, axis=0)


def encoded(picture: Picture, quality: int = QUALITY) -> bytes:
    """The picture as WebP; ``quality`` from 1 to 100."""
    assert 1 <= quality <= 100, quality
    done, data = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, quality])
    assert done, picture.shape
    return data.tobytes()


def _to_picture(crop: Crop, size: tuple[int, int]) -> Matrix:
    # The rounded width is within half a pixel of the crop's shape, and the crop is drawn in that shape exactly.
    return crop_matrix(Crop(center=crop.center, size=(crop.size[1] * size[1] / size[0], crop.size[1])), size)


def _tile(grey: Picture, heatmap: NDArray[np.floating], to_tile: Matrix, name: str) -> Picture:
    height, width = grey.shape[:2]
    values = np.clip(np.asarray(heatmap, np.float32), 0, None)
    highest = float(values.max())
    laid = cv2.warpAffine(values / (highest or 1.0), to_tile, (width, height), flags=cv2.INTER_LINEAR)
    colours = np.asarray(cv2.applyColorMap((laid * 255).astype(np.uint8), cv2.COLORMAP_CIVIDIS), np.float64)
    share = np.clip(laid * 1.5, 0, 0.85)[..., None]
    tile = (0.6 * grey * (1 - share) + colours * share).astype(np.uint8)
    bar = np.full((26, width, 3), BAR, np.uint8)
    for line, text in enumerate((name.replace("_", " "), f"{highest:.2f}")):
        cv2.putText(bar, text, (3, 10 + 12 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.33, TRUTH, 1, cv2.LINE_AA)
    joined = np.concatenate([bar, tile], axis=0)
    return np.asarray(cv2.copyMakeBorder(joined, 0, 2, 0, 2, cv2.BORDER_CONSTANT, value=EDGE), np.uint8)


def _fixed(point: Array) -> tuple[int, int]:
    # Far outside the picture is as good as further: OpenCV counts in 32 bits.
    x, y = np.clip(np.nan_to_num(point), -FARTHEST, FARTHEST)
    return round(float(x) * 2**_SHIFT), round(float(y) * 2**_SHIFT)


def _draw_limbs(
    picture: Picture, points: Array, known: NDArray[np.bool_], keypoint_set: KeypointSet, *, middle: int, scale: float
) -> list[tuple[int, int]]:
    """Draw the limbs between known points in the colours of their sides, and return them.

    ``middle`` is the width in pixels of limbs between two points on neither side, at a ``scale`` of 1.
    """
    side_of, colours = sides(keypoint_set), colours_of(keypoint_set)
    limbs = [(a, b) for a, b in keypoint_set.limbs if known[a] and known[b]]
    for wider, edge in ((2, True), (0, False)):
        for a, b in limbs:
            own = colours[a] if keypoint_set.colours else COLOURS[side_of[a] if side_of[a] == side_of[b] else CENTRE]
            width = middle if side_of[a] == side_of[b] == CENTRE else 3
            _line(picture, points[a], points[b], EDGE if edge else own, max(1, round((width + wider) * scale)))
    return limbs


def _line(picture: Picture, start: Array, end: Array, colour: Colour, width: int) -> None:
    cv2.line(picture, _fixed(start), _fixed(end), colour, width, cv2.LINE_AA, _SHIFT)


def _mark(picture: Picture, point: Array, side: str, own: Colour, *, hollow: bool = False, scale: float = 1.0) -> None:
    """A circle on the left, a square on the right, a diamond between, edged in black; a hollow one is black inside."""
    x, y = _fixed(point)
    layers = [(4 << _SHIFT, EDGE), (3 << _SHIFT, own)] + ([(3 << _SHIFT - 1, EDGE)] if hollow else [])
    for length_at_one, colour in layers:
        reach = round(length_at_one * scale)
        if side == LEFT:
            cv2.circle(picture, (x, y), reach, colour, -1, cv2.LINE_AA, _SHIFT)
            continue
        corners = [(-1, -1), (1, -1), (1, 1), (-1, 1)] if side == RIGHT else [(0, -1), (1, 0), (0, 1), (-1, 0)]
        length = reach if side == CENTRE else reach * 7 // 8
        outline = np.array([(x + a * length, y + b * length) for a, b in corners], np.int32)
        cv2.fillPoly(picture, [outline], colour, cv2.LINE_AA, _SHIFT)
