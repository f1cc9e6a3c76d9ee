"""A prepared set from end to end: the same samples, never stale, never half a set."""

from __future__ import annotations

import dataclasses
import errno
import json
import logging
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.training_config import TrainConfig
from tests.trainers.data.builders import annotation
from tests.trainers.data.oriented import TAGS, store
from trainers.data.config import DataConfig
from trainers.data.images.orientation import with_orientation
from trainers.data.prepared import prepare as preparing
from trainers.data.prepared import shards
from trainers.data.prepared.prepare import Prepared, SplitToPrepare, prepare
from trainers.data.prepared.prepared_set import load_manifest, standard_directory
from trainers.data.samples.datasets import training_set, validation_set
from trainers.data.synthetic.dataset import draw_dataset

SIZE = (96, 64)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn") / "people"
    draw_dataset(root, train_images=12, val_images=4, seed=5)
    return root


@pytest.fixture
def root(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to break, prepared in shards of five images."""
    monkeypatch.setattr(preparing, "IMAGES_PER_SHARD", 5)
    return Path(shutil.copytree(drawn, tmp_path / "people"))


@pytest.fixture
def arch(small_arch: ArchConfig) -> ArchConfig:
    return dataclasses.replace(small_arch, input_size=SIZE)


def prepare_all(
    root: Path, output: Path | None = None, *, splits: tuple[str, ...] = ("train", "val"), **options: Any
) -> Prepared:
    data = DataConfig(root=root)
    parts = [
        SplitToPrepare(
            name=split, annotation_file=data.annotation_file(split), people=data.people(split, require_images=False)
        )
        for split in splits
    ]
    settings = {"format": "coco", "keypoint_set": data.keypoint_set, "input_size": SIZE} | options
    return prepare(parts, root=root, output=output or standard_directory(root, SIZE), **settings)


def samples(dataset: Any, epochs: int = 2) -> list[torch.Tensor]:
    found = []
    for epoch in range(epochs):
        dataset.set_epoch(epoch)
        found += [value for index in range(len(dataset)) for value in dataset[index].values()]
    return found


def same(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    return len(left) == len(right) and all(torch.equal(*pair) for pair in zip(left, right, strict=True))


def images(root: Path, split: str = "train") -> list[Path]:
    return sorted((root / f"{split}2017").iterdir())


def shard_files(root: Path) -> dict[str, int]:
    """The shards and the moment each was written."""
    return {path.name: path.stat().st_mtime_ns for path in sorted(standard_directory(root, SIZE).glob("[!.]*.bin"))}


def test_samples_are_the_same_to_the_last_bit(root: Path, arch: ArchConfig) -> None:
    plain = [
        training_set(DataConfig(root=root), arch, TrainConfig()),
        validation_set(DataConfig(root=root), arch, TrainConfig()),
    ]
    assert all(dataset.prepared is None for dataset in plain)
    expected = [samples(dataset) for dataset in plain]
    result = prepare_all(root)
    assert (result.images, result.people, result.broken) == (16, sum(map(len, plain)), {})
    assert (result.shards_written, result.shards_kept, result.as_png) == (4, 0, 0)
    data = DataConfig(root=root)
    ready = [training_set(data, arch, TrainConfig()), validation_set(data, arch, TrainConfig())]
    for path in images(root) + images(root, "val"):
        path.unlink()
    for dataset, before in zip(ready, expected, strict=True):
        assert dataset.prepared is not None
        assert same(samples(dataset), before)
        assert same(samples(pickle.loads(pickle.dumps(dataset))), before)


def test_photographs_give_the_same_samples(coco_mini: Path, tmp_path: Path, small_arch: ArchConfig) -> None:
    size = (256, 192)
    arch = dataclasses.replace(small_arch, input_size=size)
    prepare_all(coco_mini, tmp_path / "prepared", input_size=size, splits=("train",))
    plain = training_set(DataConfig(root=coco_mini, prepared=None), arch, TrainConfig())
    ready = training_set(DataConfig(root=coco_mini, prepared=tmp_path / "prepared"), arch, TrainConfig())
    assert ready.prepared is not None
    assert all(ready.prepared.image_size(index) is not None for index in range(len(ready)))
    assert same(samples(ready, 1), samples(plain, 1))


def test_stronger_variations_are_read_from_the_images(root: Path, arch: ArchConfig) -> None:
    wild = TrainConfig(rotation_degrees=120.0, scale_range=0.6)
    expected = samples(training_set(DataConfig(root=root), arch, wild))
    prepare_all(root)
    assert same(samples(training_set(DataConfig(root=root), arch, wild)), expected)


def test_processes_share_the_work(root: Path) -> None:
    prepare_all(root)
    alone = {path.name: path.read_bytes() for path in standard_directory(root, SIZE).glob("*.bin")}
    told: list[tuple[int, int]] = []
    result = prepare_all(root, root / "other", workers=2, progress=lambda done, total: told.append((done, total)))
    assert {path.name: path.read_bytes() for path in (root / "other").glob("*.bin")} == alone
    assert told[0] == (0, result.people)
    assert told[-1] == (result.people, result.people)


def test_what_is_finished_is_kept_and_what_was_cut_off_is_made(
    root: Path, arch: ArchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = samples(training_set(DataConfig(root=root), arch, TrainConfig()))
    cut, left = shards._cut_image, iter(range(7))

    def killed(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return cut(*arguments)

    monkeypatch.setattr(shards, "_cut_image", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare_all(root)
    monkeypatch.undo()
    monkeypatch.setattr(preparing, "IMAGES_PER_SHARD", 5)
    folder = standard_directory(root, SIZE)
    assert list(shard_files(root)) == ["train-00000.bin"]
    # A process that was killed leaves what it was writing.
    (folder / ".train-00001.bin.x.bin").write_bytes(b"half")
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is None
    with pytest.raises(InvalidInput, match=r"96x64 must hold a finished preparation, but has no manifest.json: run dite"):
        training_set(DataConfig(root=root, prepared=folder), arch, TrainConfig())
    first = shard_files(root)
    result = prepare_all(root)
    assert (result.shards_kept, result.shards_written) == (1, 3)
    assert shard_files(root).items() >= first.items()
    assert not list(folder.glob(".*.bin"))
    assert same(samples(training_set(DataConfig(root=root), arch, TrainConfig())), expected)


def test_a_changed_image_is_refused_until_prepared_again(root: Path, arch: ArchConfig) -> None:
    prepare_all(root)
    before = shard_files(root)
    changed = images(root)[7]
    status = changed.stat()
    image = cv2.imread(str(changed))
    assert cv2.imwrite(str(changed), 255 - image)
    os.utime(changed, ns=(status.st_atime_ns, status.st_mtime_ns))
    message = rf"image .*{changed.name} changed since .* was prepared from it: mend with dite-search prepare --data .*people"
    with pytest.raises(InvalidInput, match=message):
        training_set(DataConfig(root=root), arch, TrainConfig())
    result = prepare_all(root)
    assert (result.shards_kept, result.shards_written) == (3, 1)
    assert sum(before[name] != moment for name, moment in shard_files(root).items()) == 1
    ready = samples(training_set(DataConfig(root=root), arch, TrainConfig()))
    shutil.rmtree(standard_directory(root, SIZE))
    assert same(ready, samples(training_set(DataConfig(root=root), arch, TrainConfig())))


def test_an_image_of_the_same_size_and_time_but_other_bytes_is_noticed(root: Path, arch: ArchConfig) -> None:
    prepare_all(root)
    path = images(root)[0]
    status, data = path.stat(), bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    with pytest.raises(InvalidInput, match=f"image .*{path.name} changed since"):
        training_set(DataConfig(root=root), arch, TrainConfig())


def test_new_times_alone_change_nothing(root: Path, arch: ArchConfig) -> None:
    prepare_all(root)
    for path in images(root):
        os.utime(path, ns=(1, 1))
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is not None
    assert prepare_all(root).shards_written == 0


def test_changed_annotations_are_refused_until_prepared_again(root: Path, arch: ArchConfig) -> None:
    prepare_all(root)
    file = DataConfig(root=root).annotation_file("train")
    document = json.loads(file.read_text())
    document["annotations"][0]["bbox"][2] -= 3
    file.write_text(json.dumps(document))
    with pytest.raises(
        InvalidInput, match=rf"{file.name} changed since .* was prepared from it: mend with dite-search prepare"
    ):
        training_set(DataConfig(root=root), arch, TrainConfig())
    assert prepare_all(root).shards_written == 1
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is not None


def test_damage_is_noticed_and_mended(root: Path, arch: ArchConfig) -> None:
    prepare_all(root)
    shard = standard_directory(root, SIZE) / "train-00001.bin"
    whole = shard.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    shard.write_bytes(damaged)
    dataset = training_set(DataConfig(root=root), arch, TrainConfig())
    with pytest.raises(InvalidInput, match=r"train-00001.bin is damaged at byte \d+: mend with dite-search prepare --data"):
        samples(dataset)
    shard.write_bytes(whole[:-1])
    message = rf"train-00001.bin is damaged: it must have {len(whole)} bytes, got {len(whole) - 1}: mend with dite-search"
    with pytest.raises(InvalidInput, match=message):
        training_set(DataConfig(root=root), arch, TrainConfig())
    shard.write_bytes(damaged)
    assert (prepare_all(root).shards_written, shard.read_bytes()) == (1, whole)
    listed = shard.with_suffix(".json")
    listed.write_text(listed.read_text().replace("0", "1", 1))
    with pytest.raises(InvalidInput, match=r"train-00001.json or its shard is missing or damaged: mend with"):
        training_set(DataConfig(root=root), arch, TrainConfig())
    prepare_all(root)
    samples(training_set(DataConfig(root=root), arch, TrainConfig()))


def test_a_preparation_for_other_inputs_that_was_not_finished_is_noticed(
    root: Path, arch: ArchConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = root / "set"
    prepare_all(root, folder)
    monkeypatch.setattr(preparing, "write_json", lambda path, content: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        prepare_all(root, folder, input_size=(64, 64))
    with pytest.raises(InvalidInput, match=r"the preparation in .*set was begun anew and not finished: mend with"):
        training_set(DataConfig(root=root, prepared=folder), arch, TrainConfig())


def test_a_set_for_another_shape_is_refused_if_named_and_passed_over_if_found(root: Path, arch: ArchConfig) -> None:
    prepare_all(root, root / "prepared" / "64x64", input_size=(64, 64))
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is None
    message = (
        r"prepared .*64x64 serves inputs of the shape of 64x64, got 96x64: run dite-search prepare .* --input-size 96x64"
    )
    with pytest.raises(InvalidInput, match=message):
        training_set(DataConfig(root=root, prepared=root / "prepared" / "64x64"), arch, TrainConfig())
    prepare_all(root, root / "prepared" / "large", input_size=(192, 128))
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is not None


def test_a_full_disk_leaves_nothing_half_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cut, left = shards._cut_image, iter(range(7))

    def full(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return cut(*arguments)

    monkeypatch.setattr(shards, "_cut_image", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        prepare_all(root)
    folder = standard_directory(root, SIZE)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(folder / "train-00001.bin"))
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "train-00000.bin", "train-00000.json"]


def test_two_preparations_of_one_folder(root: Path) -> None:
    folder = standard_directory(root, SIZE)
    folder.mkdir(parents=True)
    with preparing.locked(folder), pytest.raises(InvalidInput, match=r"another dite-search prepare is at work in"):
        prepare_all(root)
    assert prepare_all(root).shards_written == 4


def test_workers_out_of_range(root: Path) -> None:
    with pytest.raises(InvalidInput, match="workers of a preparation must be 1 or more, got 0"):
        prepare_all(root, workers=0)


def broken_three(root: Path) -> list[Path]:
    """One image cut short, one that is text, one missing."""
    first, second, third = images(root)[1], images(root)[6], images(root)[8]
    first.write_bytes(first.read_bytes()[:-200])
    second.write_text("hello")
    third.unlink()
    return [first, second, third]


def test_all_broken_images_are_named_and_the_others_prepared(
    root: Path, arch: ArchConfig, caplog: pytest.LogCaptureFixture
) -> None:
    whole = training_set(DataConfig(root=root), arch, TrainConfig())
    broken = broken_three(root)
    result = prepare_all(root)
    assert list(result.broken) == [str(path) for path in broken]
    reasons = list(result.broken.values())
    assert "is truncated" in reasons[0]
    assert "must be a JPEG or PNG file" in reasons[1]
    assert reasons[2] == f"image file not found: {broken[2]}"
    assert not (standard_directory(root, SIZE) / "manifest.json").exists()
    assert prepare_all(root, skip_broken=True).shards_kept == 4
    message = r"prepared .*96x64 lacks the people of 3 images \(.*\): mend the files .* on_broken_image skip$"
    with pytest.raises(InvalidInput, match="image file not found"):
        training_set(DataConfig(root=root), arch, TrainConfig())
    shutil.copy(images(root)[0], broken[2])
    prepare_all(root, skip_broken=True)
    with pytest.raises(InvalidInput, match=message.replace("3 images", "2 images")):
        training_set(DataConfig(root=root), arch, TrainConfig())
    with caplog.at_level(logging.WARNING, "dite_search.notices"):
        fewer = training_set(DataConfig(root=root, on_broken_image="skip"), arch, TrainConfig())
    kept = [person.annotation_id for person in whole.people if person.image_path not in broken[:2]]
    assert [person.annotation_id for person in fewer.people] == kept
    (notice,) = caplog.messages
    assert notice.startswith(f"training without {len(whole) - len(fewer)} of {len(whole)} people: 2 images (")
    assert all(str(path) in notice for path in broken[:2])
    samples(fewer)


def test_broken_images_without_a_prepared_set(root: Path, arch: ArchConfig, caplog: pytest.LogCaptureFixture) -> None:
    whole = training_set(DataConfig(root=root), arch, TrainConfig())
    broken = broken_three(root)
    with caplog.at_level(logging.WARNING, "dite_search.notices"):
        fewer = training_set(DataConfig(root=root, on_broken_image="skip"), arch, TrainConfig())
    assert {p.image_path for p in whole.people} - {p.image_path for p in fewer.people} == set(broken)
    assert all(str(path) in caplog.text for path in broken)
    samples(fewer)
    for path in images(root):
        path.write_text("no image")
    with pytest.raises(InvalidInput, match=r"on_broken_image skip leaves nobody to learn from: 12 images \("):
        training_set(DataConfig(root=root, on_broken_image="skip"), arch, TrainConfig())


def test_validation_never_skips(root: Path, arch: ArchConfig) -> None:
    path = images(root, "val")[2]
    path.write_bytes(path.read_bytes()[:-200])
    data = DataConfig(root=root, on_broken_image="skip")
    for _ in range(2):
        dataset = validation_set(data, arch, TrainConfig())
        assert {person.image_path for person in dataset.people} == set(images(root, "val"))
        with pytest.raises(InvalidInput, match=f"image .*{path.name} is truncated"):
            samples(dataset, 1)
        prepare_all(root, skip_broken=True)
    path.unlink()
    with pytest.raises(InvalidInput, match=f"image file not found: .*{path.name}"):
        validation_set(data, arch, TrainConfig())


def test_validation_does_not_read_reduced_pictures(root: Path, arch: ArchConfig) -> None:
    prepare_all(root, reduce=True)
    assert load_manifest(standard_directory(root, SIZE)).reduced
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is not None
    assert validation_set(DataConfig(root=root), arch, TrainConfig()).prepared is None


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_images_stored_in_any_orientation_give_the_samples_of_upright_ones(
    ending: str, root: Path, arch: ArchConfig
) -> None:
    """Trained on and scored, prepared and not; JPEG files get a tag, and annotations of what is displayed then."""
    if ending == ".png":
        expected = samples(training_set(DataConfig(root=root), arch, TrainConfig()), 1)
        for number, path in enumerate([*images(root), *images(root, "val")]):
            store(path, TAGS[number % len(TAGS)])
    else:
        for number, path in enumerate(images(root)):
            path.write_bytes(with_orientation(path.read_bytes(), TAGS[number % 4]))
        expected = samples(training_set(DataConfig(root=root), arch, TrainConfig()), 1)
    assert same(samples(training_set(DataConfig(root=root), arch, TrainConfig()), 1), expected)
    result = prepare_all(root)
    assert (result.broken, result.as_png) == ({}, result.people if ending == ".png" else 0)
    ready = training_set(DataConfig(root=root), arch, TrainConfig())
    scored = validation_set(DataConfig(root=root), arch, TrainConfig())
    before = samples(scored, 1)
    for path in (*images(root), *images(root, "val")):
        path.unlink()
    assert ready.prepared is not None
    assert same(samples(ready, 1), expected)
    assert same(samples(scored, 1), before)


def test_the_rule_for_orientations_is_that_of_the_prepared_set(root: Path, arch: ArchConfig) -> None:
    tagged = images(root)[3]
    tagged.write_bytes(with_orientation(tagged.read_bytes(), 3))
    ignoring = DataConfig(root=root, on_orientation="ignore")
    plain = samples(training_set(ignoring, arch, TrainConfig()), 1)
    assert not same(plain, samples(training_set(DataConfig(root=root), arch, TrainConfig()), 1))
    prepare_all(root, on_orientation="ignore")
    folder = standard_directory(root, SIZE)
    assert training_set(DataConfig(root=root), arch, TrainConfig()).prepared is None
    ready = training_set(ignoring, arch, TrainConfig())
    assert ready.prepared is not None
    assert same(samples(ready, 1), plain)
    message = r"prepared .*96x64 must be of on_orientation apply, got ignore: prepare the data anew, or choose that rule"
    with pytest.raises(InvalidInput, match=message):
        training_set(DataConfig(root=root, prepared=folder), arch, TrainConfig())
    tagged.write_bytes(tagged.read_bytes() + b"\0")
    with pytest.raises(InvalidInput, match=r"mend with dite-search prepare .* --input-size 96x64 --on-orientation ignore"):
        training_set(ignoring, arch, TrainConfig())
    assert prepare_all(root).shards_kept == 0
    stopped = prepare_all(root, on_orientation="stop")
    assert list(stopped.broken) == [str(tagged)]
    assert "is stored upside down (EXIF orientation 3)" in stopped.broken[str(tagged)]


def test_a_set_of_an_older_layout_is_refused(root: Path, arch: ArchConfig) -> None:
    prepare_all(root)
    manifest = standard_directory(root, SIZE) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"layout": 2', '"layout": 1'))
    with pytest.raises(InvalidInput, match=r"manifest.json must be of layout 2, got 1: prepare the data anew"):
        training_set(DataConfig(root=root), arch, TrainConfig())


@pytest.mark.parametrize("reduce", [False, True])
def test_a_dot_lies_where_its_keypoint_goes(tmp_path: Path, small_arch: ArchConfig, reduce: bool) -> None:
    """A large photograph of a dark wall with one white dot: its light lies where the target says, prepared or not."""
    root, (height, width), dot = tmp_path / "dots", (1200, 1600), (813.0, 571.0)
    for folder in ("annotations", "train2017"):
        (root / folder).mkdir(parents=True)
    image = np.zeros((height, width, 3), np.uint8)
    cv2.circle(image, (int(dot[0]), int(dot[1])), 60, (255, 255, 255), cv2.FILLED)
    assert cv2.imwrite(str(root / "train2017" / "wall.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    entry = annotation(
        id=0, image_id=4, bbox=[611, 233, 420, 660], area=1000.0, num_keypoints=1, keypoints=[*dot, 2] + [0] * 48
    )
    images = [{"id": 4, "file_name": "wall.jpg", "height": height, "width": width}]
    document = {"images": images, "annotations": [entry], "categories": []}
    (root / "annotations" / "person_keypoints_train2017.json").write_text(json.dumps(document))
    arch = dataclasses.replace(small_arch, input_size=SIZE)
    plain = training_set(DataConfig(root=root), arch, TrainConfig(codec="udp"))
    prepare_all(root, splits=("train",), reduce=reduce)
    ready = training_set(DataConfig(root=root), arch, TrainConfig(codec="udp"))
    assert ready.prepared is not None
    factors, apart = set(), []
    for epoch in range(40):
        centers = []
        for dataset in (plain, ready):
            dataset.set_epoch(epoch)
            item = dataset[0]
            light = np.clip(item["image"].numpy().mean(axis=0) + 2, 0, None)
            light[light < 0.5] = 0
            rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
            centers.append(np.array([(columns * light).sum(), (rows * light).sum()]) / light.sum())
            located, _ = dataset.codec.decode(item["target"].numpy()[None])
            (point,) = np.flatnonzero(item["weight"].numpy())
            np.testing.assert_allclose(centers[-1], located[0, point], atol=0.35)
        apart.append(centers[1] - centers[0])
        region = ready.prepared.region(0, (800, 500, 820, 600))
        assert region is not None
        factors.add(region.reduction)
    assert factors == ({4} if reduce else {1})
    # Left out, the half pixels of a reduction would move everything by 1.5 pixels of the image, here 0.13 of the input.
    assert np.abs(apart).max() <= (0.15 if reduce else 0)
    assert abs(np.mean(apart, axis=0)[1]) <= (0.03 if reduce else 0)


def test_a_set_remembers_the_category_that_was_chosen(root: Path) -> None:
    prepare_all(root, splits=("val",), category="a rider")
    manifest = load_manifest(standard_directory(root, SIZE))
    assert manifest.category == "a rider"
    assert f"--data {root} --category 'a rider' --input-size 96x64" in manifest.command(root)
    prepare_all(root, splits=("val",))
    assert load_manifest(standard_directory(root, SIZE)).category is None
