from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from search_spaces.common.errors import InvalidInput
from tests.trainers.data.builders import annotation, document, write_dataset, write_image
from trainers.data.codecs import MsraCodec
from trainers.data.formats.coco import Person, load_people
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.geometry.transforms import crop_matrix, warp_points
from trainers.data.samples.dataset import TopDownDataset

CODEC = MsraCodec(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.0)
KEYS = {"image", "target", "weight", "index"}


@pytest.fixture
def people(tmp_path: Path) -> list[Person]:
    entries = [annotation(id=number, bbox=[5 + number, 5, 30, 45]) for number in range(6)]
    return load_people(*write_dataset(tmp_path, document(*entries)))


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[key], right[key]) for key in KEYS)


def test_items_have_the_documented_shapes(people: list[Person]) -> None:
    item = TopDownDataset(people, CODEC)[3]
    assert {key: (tuple(value.shape), value.dtype) for key, value in item.items()} == {
        "image": ((3, 64, 48), torch.float32),
        "target": ((17, 16, 12), torch.float32),
        "weight": ((17,), torch.float32),
        "index": ((), torch.int64),
    }
    assert int(item["index"]) == 3


def test_plain_items_show_the_crop_and_its_keypoints(people: list[Person]) -> None:
    dataset = TopDownDataset(people, CODEC)
    keypoints = people[2].keypoints
    assert keypoints is not None
    target, weight = CODEC.encode(warp_points(keypoints, crop_matrix(dataset.crop(2), CODEC.input_size)))
    item = dataset[2]
    np.testing.assert_array_equal(item["target"].numpy(), target)
    np.testing.assert_array_equal(item["weight"].numpy(), weight)
    assert weight.all()


def test_items_follow_from_seed_epoch_and_index(people: list[Person]) -> None:
    first, second = (TopDownDataset(people, CODEC, augmentation=Augmentation(), seed=5) for _ in range(2))
    assert same(first[4], first[4])
    assert [same(first[index], second[index]) for index in reversed(range(6))] == [True] * 6
    second.set_epoch(1)
    assert not same(first[4], second[4])
    first.set_epoch(1)
    assert same(first[4], second[4])
    other = TopDownDataset(people, CODEC, augmentation=Augmentation(), seed=6)
    other.set_epoch(1)
    assert not same(first[4], other[4])


def test_a_variation_is_that_of_the_item(people: list[Person]) -> None:
    dataset = TopDownDataset(people, CODEC, augmentation=Augmentation(flip=0.0), seed=5)
    for epoch in range(4):
        dataset.set_epoch(epoch)
        variation, keypoints = dataset.variation(2), people[2].keypoints
        assert variation is not None
        assert keypoints is not None
        target, _ = CODEC.encode(warp_points(keypoints, crop_matrix(variation.crop, CODEC.input_size)))
        np.testing.assert_array_equal(dataset[2]["target"].numpy(), target)
    assert TopDownDataset(people, CODEC).variation(2) is None


def test_people_at_the_same_place_vary_differently(people: list[Person]) -> None:
    twins = TopDownDataset([people[0]] * 2, CODEC, augmentation=Augmentation())
    assert not torch.equal(twins[0]["image"], twins[1]["image"])


def test_workers_that_outlive_an_epoch_hear_of_the_next(people: list[Person]) -> None:
    dataset = TopDownDataset(people, CODEC, augmentation=Augmentation(), seed=1)
    loader = DataLoader(dataset, batch_size=3, num_workers=2, persistent_workers=True)
    for epoch in (0, 3):
        dataset.set_epoch(epoch)
        loaded = torch.cat([batch["image"] for batch in loader])
        torch.testing.assert_close(loaded, torch.stack([dataset[i]["image"] for i in range(6)]), rtol=0, atol=0)


def test_augmented_targets_follow_the_picture(tmp_path: Path, people: list[Person]) -> None:
    """A white square around one keypoint on black stays under the highest cell of its target."""
    import cv2

    image = np.zeros((60, 80, 3), np.uint8)
    cv2.rectangle(image, (27, 25), (33, 31), (255, 255, 255), cv2.FILLED)
    cv2.imwrite(str(tmp_path / "square.png"), image)
    keypoints = np.zeros((17, 3))
    keypoints[7] = 30, 28, 2
    person = replace(people[0], image_path=tmp_path / "square.png", keypoints=keypoints, box=(10, 8, 40, 40))
    dataset = TopDownDataset([person], CODEC, augmentation=Augmentation())
    sides = set()
    for epoch in range(40):
        dataset.set_epoch(epoch)
        item = dataset[0]
        (point,) = np.nonzero(item["weight"].numpy())[0].tolist()
        sides.add(point)
        y, x = divmod(int(item["target"][point].argmax()), 12)
        bright = item["image"].mean(0) > 0.5
        rows, columns = np.nonzero(bright.numpy())
        np.testing.assert_allclose([columns.mean() / 4, rows.mean() / 4], [x, y], atol=0.75)
    assert sides == {7, 8}


def test_detected_people_have_no_weight(people: list[Person]) -> None:
    item = TopDownDataset([replace(people[0], keypoints=None, annotation_id=None)], CODEC)[0]
    assert not item["weight"].any()
    assert item["image"].any()


def test_cache_is_bounded_and_serves_without_the_file(tmp_path: Path, people: list[Person]) -> None:
    size = 60 * 80 * 3
    paths = [write_image(tmp_path / f"{number}.png") for number in range(3)]
    three = [replace(people[0], image_path=path) for path in paths]
    dataset = TopDownDataset(three, CODEC, cache_bytes=2 * size + 1)
    items = [dataset[index] for index in range(3)]
    for path in paths:
        path.unlink()
    assert same(dataset[0], items[0])
    assert same(dataset[1], items[1])
    with pytest.raises(InvalidInput, match=r"image file not found: .*2.png"):
        dataset[2]


def test_image_of_another_size_is_refused(tmp_path: Path, people: list[Person]) -> None:
    write_image(people[0].image_path, (61, 80))
    message = r"image .*one.jpg must be of the size in its annotation file, 60 x 80 \(height x width\), got 61 x 80$"
    with pytest.raises(InvalidInput, match=message):
        TopDownDataset(people, CODEC)[0]


def test_arguments_out_of_range_are_refused(people: list[Person]) -> None:
    with pytest.raises(InvalidInput, match=r"^seed of a data set must not be negative, got -1$"):
        TopDownDataset(people, CODEC, seed=-1)
    with pytest.raises(InvalidInput, match=r"^cache_bytes of a data set must not be negative, got -2$"):
        TopDownDataset(people, CODEC, cache_bytes=-2)
