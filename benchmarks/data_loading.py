"""How many augmented samples a second one core makes, from the images, from memory and from a prepared set.

    python -m benchmarks.data_loading COCO [--split train] [--input-size 256x192] [--rounds 7] [--cold]

One process, one thread, the published augmentation. Every round times all ways one after the other; the figures are medians
over the rounds. Rates are given by the clock on the wall and by the processor time of the process, which other programs
disturb less. The ratio to decoding the whole JPEG files, timed in the same rounds, depends least on the machine. The data
are prepared in a temporary folder first. ``--cold`` adds readings after the system was asked to forget the files' pages, and
says how much came from the disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from search_spaces.families.architecture import parse_size
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.images.images import decode
from trainers.data.prepared.prepare import SplitToPrepare, prepare
from trainers.data.prepared.prepared_set import PreparedSource, load_manifest
from trainers.data.samples import dataset as dataset_module
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import codec_for

TRAIN2017_PEOPLE = 149_813
"""People with labelled keypoints in COCO train2017."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the loading of samples.")
    parser.add_argument("root", type=Path, help="data set in COCO's layout")
    parser.add_argument("--split", default="train")
    parser.add_argument("--input-size", default="256x192")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cold", action="store_true", help="let go of the files' pages before each reading")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    with tempfile.TemporaryDirectory() as folder:
        measure(options.root, options.split, parse_size(options.input_size), options.rounds, options.cold, Path(folder))


def measure(root: Path, split: str, size: tuple[int, int], rounds: int, cold: bool, folder: Path) -> None:
    data = DataConfig(root=root, train_split=split)
    people, annotations = data.people(split), data.annotation_file(split)
    began = time.perf_counter()
    made = prepare(
        [SplitToPrepare(name=split, annotation_file=annotations, people=people)],
        root=data.root,
        output=folder,
        format=data.format,
        keypoint_set=data.keypoint_set,
        input_size=size,
    )
    preparing = time.perf_counter() - began
    source = PreparedSource(load_manifest(folder), root=data.root, split=split, annotation_file=annotations)
    codec, prepared = codec_for(ArchConfig(input_size=size), TrainConfig()), source.pictures(people)

    def dataset(**options: object) -> TopDownDataset:
        return TopDownDataset(people, codec, augmentation=Augmentation(), **options)  # type: ignore[arg-type]

    plain, memory = dataset(cache_bytes=0), dataset(cache_bytes=2**40)
    ready, warm = dataset(cache_bytes=0, prepared=prepared), dataset(cache_bytes=2**40, prepared=prepared)
    files = [person.image_path for person in people]
    contents = {path: path.read_bytes() for path in files}
    ways: dict[str, Callable[[int], Spent]] = {
        "decoding the whole JPEG files": lambda _: seconds(lambda index: decode(contents[files[index]]), len(files)),
        "from the images": lambda epoch: epoch_seconds(plain, epoch),
        "prepared, nothing kept in memory": lambda epoch: epoch_seconds(ready, epoch),
        "images decoded in memory": lambda epoch: epoch_seconds(memory, epoch),
        "prepared, regions decoded in memory": lambda epoch: epoch_seconds(warm, epoch),
    }
    if cold:
        # Pages of a file that a process maps are not let go of: this reading has a copy of its own.
        copy = Path(shutil.copytree(folder, folder / "cold"))
        apart = PreparedSource(load_manifest(copy), root=data.root, split=split, annotation_file=annotations)
        ways["from the images, cold"] = lambda epoch: after_forgetting(contents, lambda: epoch_seconds(plain, epoch))
        ways["prepared, cold"] = lambda epoch: after_forgetting(
            sorted(copy.glob("*.bin")),
            lambda: epoch_seconds(dataset(cache_bytes=0, prepared=apart.pictures(people)), epoch),
        )
    for way in ways.values():
        way(0)
    times: dict[str, list[Spent]] = {name: [] for name in ways}
    for number in range(1, rounds + 1):
        for name, way in ways.items():
            times[name].append(way(number))
    first = next(iter(ways))
    print(f"{len(people)} people of {len(contents)} images, input {size[0]}x{size[1]}, medians of {rounds} rounds")
    print(f"prepared in {preparing:.1f} s by one process, {made.bytes / len(people) / 1e3:.1f} kB a person;", end=" ")
    print(f"{TRAIN2017_PEOPLE:,} people would take {made.bytes / len(people) * TRAIN2017_PEOPLE / 1e9:.1f} GB\n")
    print(f"{'samples a second and core, by':38}{'wall':>8}{'processor':>11}{'against decoding':>18}{'from disk':>12}")
    for name, found in times.items():
        wall, processor = (statistics.median(len(people) / spent[kind] for spent in found) for kind in (0, 1))
        ratios = [a[1] / b[1] for a, b in zip(times[first], found, strict=True)]
        disk = f"{statistics.median(spent[2] for spent in found) / 1e6:.1f} MB"
        print(f"{name:38}{wall:>8.0f}{processor:>11.0f}{statistics.median(ratios):>18.2f}{disk:>12}")
    print(f"\n{'share of the time of a sample':38}{'images':>8}{'prepared':>10}")
    shares = [step_shares(one, rounds) for one in (plain, ready)]
    for step in shares[0]:
        print(f"{step:38}{shares[0][step]:>8.0%}{shares[1][step]:>10.0%}")
    differing = sum(
        not torch.equal(value, other[name])
        for epoch in range(3)
        for index in range(len(people))
        for other in [item_of(ready, epoch, index)]
        for name, value in item_of(plain, epoch, index).items()
    )
    print(f"\ntensors that differ between images and prepared, of {3 * len(people) * 4}: {differing}")


Spent = tuple[float, float, int]
"""Seconds on the wall, seconds of the processor, bytes that came from a disk."""


def seconds(function: Callable[[int], object], count: int) -> Spent:
    began = time.perf_counter(), time.process_time(), disk_bytes()
    for index in range(count):
        function(index)
    return time.perf_counter() - began[0], time.process_time() - began[1], disk_bytes() - began[2]


def disk_bytes() -> int:
    """Return the bytes that this process has made the disks read, by the system's count (Linux)."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def epoch_seconds(dataset: TopDownDataset, epoch: int) -> Spent:
    dataset.set_epoch(epoch)
    return seconds(dataset.__getitem__, len(dataset))


def item_of(dataset: TopDownDataset, epoch: int, index: int) -> dict[str, torch.Tensor]:
    dataset.set_epoch(epoch)
    return dataset[index]


def after_forgetting(files: Iterable[Path], run: Callable[[], Spent]) -> Spent:
    """A run after the system was asked to let go of the files' pages."""
    for path in files:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fdatasync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    return run()


def step_shares(dataset: TopDownDataset, epochs: int) -> dict[str, float]:
    """The share of reading and decoding, warping, encoding, normalising, and everything else, by timing the calls."""
    spent = dict.fromkeys(("read and decode", "warp", "encode", "normalise"), 0.0)

    def timed(step: str, function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            began = time.process_time()
            result = function(*arguments)
            spent[step] += time.process_time() - began
            return result

        return call

    class TimedCodec:
        encode = staticmethod(timed("encode", dataset.codec.encode))

        def __getattr__(self, name: str) -> object:
            return getattr(codec, name)

    codec, warp, normalise = dataset.codec, dataset_module.warp_image, dataset_module.normalise
    picture: Callable[..., tuple[NDArray[np.uint8], NDArray[np.float64]]] = dataset._picture
    dataset.codec = TimedCodec()  # type: ignore[assignment]
    dataset._picture = timed("read and decode", picture)  # type: ignore[assignment, method-assign]
    dataset_module.warp_image = timed("warp", warp)  # type: ignore[assignment]
    dataset_module.normalise = timed("normalise", normalise)  # type: ignore[assignment]
    try:
        total = sum(epoch_seconds(dataset, epoch)[1] for epoch in range(epochs))
    finally:
        dataset_module.warp_image, dataset_module.normalise, dataset.codec = warp, normalise, codec
        del dataset._picture
    shares = {step: value / total for step, value in spent.items()}
    return shares | {"draw, place and copy": 1 - sum(shares.values())}


if __name__ == "__main__":
    main()
