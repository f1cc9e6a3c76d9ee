"""Find a person's keypoints in a photograph: the image and boxes in, keypoints as JSON and a drawing out.

    python infer.py image.jpg --box 50 30 120 240 --output out.png --json keypoints.json
    python infer.py folder --output drawn --json keypoints.json

It stands beside model.onnx and needs onnxruntime, numpy and opencv-python-headless, nothing else. --runtime takes the model
of another runtime that was exported with it, and needs openvino, ncnn or ai-edge-litert instead of onnxruntime.

A box is x, y, width and height in pixels of the image. A camera may have noted in the file how the image has to be turned.
That is done, or not, as in the network's training, unless --on-orientation says otherwise. Boxes and keypoints count the
pixels after the turn. Several --box are several people; without one, the whole image is one person's box. --flip averages
the network's answer with that for the mirrored image, as published scores do, and takes twice the time.

Of a folder all images are taken. --output is then a new folder for the drawings, and the JSON has the people by the names of
the images.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

try:
    import cv2
    import numpy as np
except ImportError as missing:
    sys.stderr.write(f"infer.py needs onnxruntime, numpy and opencv-python-headless, but: {missing}\n")
    raise SystemExit(2) from None

from analysis.templates.infer_arithmetic import crop_matrix, decode, normalised, warp
from analysis.templates.infer_orientation import displayed, is_tiff, orientation
from analysis.templates.infer_runtimes import MODELS, OPENERS, PACKAGES

# What is peculiar to this network; the export wrote it.
SETTINGS: dict[str, Any] = {}

DRAWN = 0.2  # confidence from which a keypoint is drawn
DRAWINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")  # endings of a drawing's name
IMAGES = (*DRAWINGS, ".tif", ".tiff")  # endings of the images of a folder
NEGATIVE = re.compile(r"-(\.?\d|inf|nan)", re.IGNORECASE)  # how a number below 0 begins, with or without an exponent
LARGEST, SMALLEST = 1e15, 1e-6  # of the numbers of a box, and of its width and height; beyond, pixels are not told apart
RULES = ("apply", "ignore", "stop")  # for an image that is not stored upright: turn it, read it as stored, or refuse it


class Mistake(Exception):
    """Something the user gave does not fit; the text is one sentence."""


class Estimator:
    """The network with all that stands before and behind it."""

    def __init__(
        self, model: str | Path, *, settings: dict[str, Any] | None = None, threads: int = 0, runtime: str = "onnx"
    ) -> None:
        self.settings = settings or SETTINGS
        if not Path(model).is_file():
            raise Mistake(f"model {model} does not exist or is not a file")
        try:
            self.run = OPENERS[runtime](Path(model), threads)
        except ImportError as missing:
            raise Mistake(f"--runtime {runtime} needs {PACKAGES[runtime]}, but: {missing}") from None
        except Exception as error:  # the kinds that the runtimes raise have no common base but this one
            raise Mistake(f"model {model} cannot be opened: {said_by(error)}") from None

    def __call__(self, image: Any, boxes: Any, *, flip: bool = False) -> Any:
        """Return keypoints (N, K, 3), x, y and confidence, for an (h, w, 3) BGR image of 8 bits and boxes (N, 4)."""
        height, width = self.settings["input_size"]
        found = []
        for box in boxes:
            check_box(box, image.shape)
            matrix = crop_matrix(box, (height, width), self.settings)
            crop = normalised(warp(image, matrix, (height, width)), self.settings)
            keypoints, scores = decode(self.heatmaps(crop, flip=flip), self.settings)
            keypoints = (keypoints - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
            found.append(np.column_stack([keypoints, scores]))
        return np.array(found).reshape(len(found), len(self.settings["keypoints"]), 3)

    def heatmaps(self, crop: Any, *, flip: bool = False) -> Any:
        """One normalised crop (3, H, W) to heatmaps (K, h, w); mirrored too where ``flip`` asks, and the mean of both."""
        heatmaps = self._heatmaps_of(crop[None])
        if not flip:
            return heatmaps
        order = list(range(len(heatmaps)))
        for left, right in self.settings["flip_pairs"]:
            order[left], order[right] = right, left
        mirrored = self._heatmaps_of(np.ascontiguousarray(crop[None, :, :, ::-1]))
        mirrored = mirrored[order, :, ::-1]
        shift = self.settings["flip_shift"]
        if shift:
            mirrored = np.concatenate([mirrored[:, :, :shift], mirrored[:, :, :-shift]], axis=2)
        return (heatmaps + mirrored) / 2

    def _heatmaps_of(self, images: Any) -> Any:
        try:
            found = np.asarray(self.run(images))
        except Exception as error:  # as above
            raise Mistake(f"the model must be that of this network, but: {said_by(error)}") from None
        count = len(self.settings["keypoints"])
        if found.ndim != 3 or len(found) != count:
            raise Mistake(f"the model must give {count} heatmaps, one for each keypoint, but gives {found.shape}")
        return found


def said_by(error: Exception) -> str:
    """Return the first line of an error's message, or its kind where it has none."""
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


# In an export, infer_runtimes.py stands here.


def model_of(given: argparse.Namespace) -> Path:
    """The model's file: that of --model, else that of the runtime beside this example."""
    path = Path(given.model) if given.model else Path(__file__).with_name(MODELS[given.runtime])
    if not given.model and not path.is_file():
        raise Mistake(
            f"--runtime {given.runtime} needs {path}, which the export was not asked for: --format {given.runtime}"
        )
    return path


# In an export, infer_arithmetic.py stands here.


def check_box(box: Any, shape: tuple[int, ...]) -> None:
    """Refuse a box that shows nothing of the image."""
    x, y, width, height = box
    shown = " ".join(f"{value:g}" for value in box)
    if not (np.isfinite(np.asarray(box, float)).all() and width > 0 and height > 0):
        raise Mistake(f"a box must be x, y, width and height with a width and height above 0, got {shown}")
    if max(abs(value) for value in box) > LARGEST or min(width, height) < SMALLEST:
        raise Mistake(f"a box must be of numbers up to {LARGEST:g}, its width and height from {SMALLEST:g}, got {shown}")
    if x >= shape[1] or y >= shape[0] or x + width <= 0 or y + height <= 0:
        raise Mistake(f"a box must show some of the image of {shape[1]} x {shape[0]} pixels, got {shown}")


def read_image(path: str | Path, rule: str | None = None) -> Any:
    """An image file as (h, w, 3) BGR of 8 bits; ``rule`` as of `decode_image`."""
    try:
        return decode_image(Path(path).read_bytes(), f"image {path}", rule)
    except OSError as error:
        raise Mistake(f"image {path} cannot be read: {error.strerror}") from None


def decode_image(data: bytes, name: str = "the image", rule: str | None = None) -> Any:
    """The bytes of an image file as (h, w, 3) BGR of 8 bits, turned by one of `RULES` (default: that of the training)."""
    rule = rule or SETTINGS.get("on_orientation", RULES[0])
    tag = orientation(data)
    if tag != 1 and rule == "stop":
        raise Mistake(f"{name} must be stored upright where the rule is stop, but has EXIF orientation {tag}")
    if tag != 1 and rule == "ignore" and is_tiff(data):
        raise Mistake(
            f"{name} is a TIFF file with orientation {tag}, which OpenCV always applies: save it in another format"
        )
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        image = None
    if image is None:
        raise Mistake(f"{name} must be a picture that OpenCV reads, such as JPEG or PNG")
    return image if rule == "ignore" or is_tiff(data) else displayed(image, tag)


# In an export, infer_orientation.py stands here.


def pixel(value: float) -> int:
    """The nearest pixel, within what OpenCV draws."""
    return round(min(max(float(value), -32767.0), 32767.0))


def drawn(image: Any, people: Any, boxes: Any, settings: dict[str, Any]) -> Any:
    """The image with each person's box, limbs and keypoints of some confidence."""
    canvas = image.copy()
    size = max(1, round(max(canvas.shape[:2]) / 300))
    colours = settings["colours"] or [None] * len(settings["keypoints"])
    owns = [text and tuple(bytes.fromhex(text[1:])[::-1]) for text in colours]
    for number, (keypoints, box) in enumerate(zip(people, boxes, strict=True)):
        hue = np.array([[[(number * 47 + 20) % 180, 220, 255]]], np.uint8)
        colour = tuple(int(value) for value in cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0])
        points = [(pixel(x), pixel(y)) for x, y, _ in keypoints]
        sure = keypoints[:, 2] >= DRAWN
        x, y, width, height = box
        cv2.rectangle(canvas, (pixel(x), pixel(y)), (pixel(x + width), pixel(y + height)), colour, 1)
        for start, end in settings["limbs"]:
            if sure[start] and sure[end]:
                cv2.line(canvas, points[start], points[end], colour, size, cv2.LINE_AA)
        for point, shown, own in zip(points, sure, owns, strict=True):
            if shown:
                cv2.circle(canvas, point, size + 1, (255, 255, 255), cv2.FILLED, cv2.LINE_AA)
                cv2.circle(canvas, point, size, own or colour, cv2.FILLED, cv2.LINE_AA)
    return canvas


def described(people: Any, boxes: Any, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the found people as plain values."""
    return [
        {
            "box": [float(value) for value in box],
            "keypoints": [
                {"name": name, "x": float(x), "y": float(y), "score": float(score)}
                for name, (x, y, score) in zip(settings["keypoints"], keypoints, strict=True)
            ],
        }
        for keypoints, box in zip(people, boxes, strict=True)
    ]


def images_of(folder: Path) -> list[Path]:
    """The images of a folder, by name."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGES and path.is_file())
    if not found:
        raise Mistake(f"folder {folder} must hold images ({', '.join(IMAGES)}), but holds none")
    return found


def run_folder(given: argparse.Namespace, estimator: Estimator) -> str:
    """Draw all images of a folder into a new one, if that is asked for, and return the people of each as JSON."""
    images, found = images_of(Path(given.image)), {}
    target = Path(given.output) if given.output else None
    with tempfile.TemporaryDirectory(dir=target.absolute().parent if target else None, prefix=".infer-") as scratch:
        new = Path(scratch) / "drawn"
        new.mkdir()
        for number, path in enumerate(images, 1):
            image, boxes, people = estimated(given, path, estimator)
            found[path.name] = described(people, boxes, SETTINGS)
            if target:
                name = path.name if path.suffix.lower() in DRAWINGS else f"{path.name}.png"
                write(str(new / name), encoded(drawn(image, people, boxes, SETTINGS), name))
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{number} of {len(images)} images" + ("\n" if number == len(images) else ""))
        if target:
            new.chmod(0o755)
            new.replace(target)
    return json.dumps(found, indent=1) + "\n"


def estimated(given: argparse.Namespace, path: str | Path, estimator: Estimator) -> tuple[Any, Any, Any]:
    """An image, its boxes, and the keypoints of the people in them."""
    image = read_image(path, given.on_orientation)
    boxes = given.boxes or [[0.0, 0.0, float(image.shape[1]), float(image.shape[0])]]
    try:
        return image, boxes, estimator(image, boxes, flip=given.flip)
    except Mistake as mistake:
        raise Mistake(f"{path}: {mistake}") if Path(given.image).is_dir() else mistake from None


def check_outputs(given: argparse.Namespace) -> None:
    """Refuse what cannot be written, before anything is computed, and so before one of two files is there alone."""
    if given.output and Path(given.image).is_dir():
        if Path(given.output).exists():
            raise Mistake(f"--output must be a folder that does not exist, for the drawings of a folder, got {given.output}")
    elif given.output and Path(given.output).suffix.lower() not in DRAWINGS:
        raise Mistake(f"--output must end in .png, .jpg, .webp or .bmp, got {given.output}")
    paths = [path for path in (given.json, given.output) if path]
    if len({Path(path).absolute() for path in paths}) < len(paths):
        raise Mistake(f"--json and --output must be two files, got {given.output} for both")
    for path in paths:
        problem = unwritable(Path(path))
        if problem:
            raise Mistake(f"{path} cannot be written: {os.strerror(problem)}")


def unwritable(path: Path) -> int:
    """The number of the error that writing a file will meet; 0 where none is seen. Nothing is written."""
    if path.is_dir():
        return errno.EISDIR
    if not path.parent.exists():
        return errno.ENOENT
    if not path.parent.is_dir():
        return errno.ENOTDIR
    place, needed = (path, os.W_OK) if path.exists() else (path.parent, os.W_OK | os.X_OK)
    return 0 if os.access(place, needed) else errno.EACCES


def encoded(canvas: Any, path: str) -> bytes:
    """A drawing as the bytes of a file of the kind that its name says."""
    try:
        done, data = cv2.imencode(Path(path).suffix.lower(), canvas)
    except cv2.error:
        done = False
    if not done:
        raise Mistake(f"{path} cannot hold a picture of {canvas.shape[1]} x {canvas.shape[0]} pixels: try .png")
    return bytes(data.tobytes())


def write(path: str, data: bytes) -> None:
    """Write a result."""
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise Mistake(f"{path} cannot be written: {error.strerror}") from None


def parse(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    # Before Python 3.14, argparse takes -1e-05 for an option, and detectors print such numbers.
    parser._negative_number_matcher = NEGATIVE
    parser.add_argument("image", help="photograph: JPEG, PNG or what else OpenCV reads; or a folder of photographs")
    parser.add_argument(
        "--box",
        dest="boxes",
        nargs=4,
        type=float,
        action="append",
        metavar=("X", "Y", "WIDTH", "HEIGHT"),
        help="a person's box in pixels; may be given again (default: the whole image)",
    )
    parser.add_argument("--on-orientation", choices=RULES, help="rule for the EXIF orientation (default: as in training)")
    parser.add_argument("--flip", action="store_true", help="average with the mirrored image, in twice the time")
    parser.add_argument("--output", help="picture to draw, such as out.png; of a folder a new folder")
    parser.add_argument("--json", help="file of the keypoints (default: standard output)")
    parser.add_argument("--runtime", choices=list(OPENERS), default="onnx", help="runtime of the model (default: onnx)")
    parser.add_argument("--model", help="model of the runtime (default: that beside this example)")
    parser.add_argument("--threads", type=int, default=0, help="threads of the runtime (default: its own choice)")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Run the command line; 0, or 2 for a mistake of the user's, which is told in one sentence."""
    given = parse(words)
    try:
        if given.threads < 0:
            raise Mistake(f"--threads must be 0 or more, got {given.threads}")
        if given.flip and not SETTINGS["mirrors"]:
            raise Mistake("--flip must be left out: left and right of these keypoints are not known")
        check_outputs(given)
        estimator = Estimator(model_of(given), threads=given.threads, runtime=given.runtime)
        picture = b""
        if Path(given.image).is_dir():
            text = run_folder(given, estimator)
        else:
            image, boxes, people = estimated(given, given.image, estimator)
            text = json.dumps(described(people, boxes, SETTINGS), indent=1) + "\n"
            picture = encoded(drawn(image, people, boxes, SETTINGS), given.output) if given.output else b""
        if given.json:
            write(given.json, text.encode())
        else:
            sys.stdout.write(text)
        if picture:
            write(given.output, picture)
    except Mistake as mistake:
        sys.stderr.write(f"infer.py: {mistake}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
