from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.annotations.keypoints import COCO17
from trainers.data.formats.coco import coco_split, load_people
from trainers.data.images.images import read_image
from trainers.data.synthetic.dataset import Scene, draw_dataset, draw_scene
from trainers.data.synthetic.person import draw_figure, label_keypoints, sample_figure
from trainers.data.synthetic.pose import sample_pose


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "set"
    draw_dataset(folder, train_images=30, val_images=10, seed=4)
    return folder


def read_annotations(folder: Path, split: str = "train") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "annotations" / f"person_keypoints_{split}2017.json").read_text())
    return document


def test_same_seed_same_bytes_and_a_larger_set_begins_with_the_smaller(drawn: Path, tmp_path: Path) -> None:
    draw_dataset(tmp_path / "again", train_images=30, val_images=10, seed=4)
    assert files(tmp_path / "again") == files(drawn)
    draw_dataset(tmp_path / "part", train_images=5, val_images=1, seed=4)
    draw_dataset(tmp_path / "other", train_images=5, val_images=1, seed=5)
    part, other, whole = files(tmp_path / "part"), files(tmp_path / "other"), files(drawn)
    images = [name for name in part if name.endswith(".jpg")]
    assert len(images) == 6
    assert all(part[name] == whole[name] for name in images)
    assert all(other[name] != whole[name] for name in images)


def test_the_folder_is_a_coco_data_set(drawn: Path) -> None:
    for split, count in (("train", 30), ("val", 10)):
        where = coco_split(drawn, split)  # type: ignore[arg-type]
        people = load_people(where.annotation_file, where.image_dir)
        assert count <= len(people) <= 2 * count
        assert len({person.image_id for person in people}) == count
        assert all(read_image(person.image_path).shape == (160, 160, 3) for person in people)
    train, val = read_annotations(drawn), read_annotations(drawn, "val")
    assert train["info"]["synthetic"] is True
    assert train["info"]["seed"] == 4
    assert train["categories"][0]["keypoints"] == list(COCO17.names)
    assert [16, 14] in train["categories"][0]["skeleton"]
    for kind in ("images", "annotations"):
        ids = [entry["id"] for entry in train[kind] + val[kind]]
        assert len(ids) == len(set(ids))


def test_annotations_agree_with_themselves(drawn: Path) -> None:
    for entry in read_annotations(drawn)["annotations"]:
        keypoints = np.array(entry["keypoints"]).reshape(17, 3)
        x, y, width, height = entry["bbox"]
        assert entry["num_keypoints"] == np.count_nonzero(keypoints[:, 2])
        assert 0.1 * width * height < entry["area"] < width * height
        assert min(x, y) >= 0
        assert max(x + width, y + height) <= 160
        assert not keypoints[keypoints[:, 2] == 0].any()
        labelled = keypoints[keypoints[:, 2] > 0]
        # Joints are drawn, so the silhouette's box holds them up to the rounding of a pixel.
        assert (labelled[:, :2] >= np.array([x, y]) - 1).all()
        assert (labelled[:, :2] <= np.array([x + width, y + height])).all()


def test_there_is_something_of_everything() -> None:
    people = [one for number in range(150) for one in draw_scene(Scene(), np.random.default_rng([9, number]))[1]]
    visibility = np.stack([person.keypoints[:, 2] for person in people])
    assert set(np.unique(visibility)) == {0, 1, 2}
    assert 0.02 < (visibility == 1).mean() < 0.2
    assert (visibility > 0).mean() > 0.8
    heights = np.array([person.box[3] for person in people])
    assert heights.max() > 1.5 * heights.min()
    nose_seen = visibility[:, 0] > 0
    assert 0.7 < nose_seen.mean() < 0.97
    # Facing the viewer the left shoulder is to the right in the image, from behind to the left.
    left_is_right = np.array([person.keypoints[5, 0] > person.keypoints[6, 0] for person in people])
    assert left_is_right[nose_seen].mean() > 0.75
    assert left_is_right[~nose_seen].mean() < 0.25


def test_occluded_joints_are_labelled_hidden() -> None:
    figure = sample_figure(np.random.default_rng(0), height=120.0, pelvis=(80.0, 80.0))
    image = np.zeros((160, 160, 3), np.uint8)
    owners = draw_figure(image, figure)
    plain = label_keypoints(figure, owners, np.zeros(owners.shape, bool))
    hidden = label_keypoints(figure, owners, np.ones(owners.shape, bool))
    assert (plain[:, 2] == 2).sum() > 8
    np.testing.assert_array_equal(plain[:, :2], hidden[:, :2])
    assert set(hidden[:, 2]) <= {0, 1}
    np.testing.assert_array_equal(plain[:, 2] > 0, hidden[:, 2] > 0)


def test_joints_outside_the_image_are_not_labelled() -> None:
    figure = sample_figure(np.random.default_rng(0), height=120.0, pelvis=(80.0, 150.0))
    image = np.zeros((160, 160, 3), np.uint8)
    owners = draw_figure(image, figure)
    keypoints = label_keypoints(figure, owners, np.zeros(owners.shape, bool))
    below = [index for index, name in enumerate(COCO17.names) if figure.pose.joints[name][1] > 160]
    assert [COCO17.names[index] for index in below] == ["left_knee", "right_knee", "left_ankle", "right_ankle"]
    assert not keypoints[below].any()


def test_left_is_drawn_warmer_than_right() -> None:
    """The mean colour under the left joints has more red against blue than under the right, front and back alike."""
    warmth = []
    for number in range(60):
        figure = sample_figure(np.random.default_rng([2, number]), height=140.0, pelvis=(80.0, 80.0))
        image = np.zeros((160, 160, 3), np.uint8)
        owners = draw_figure(image, figure)
        keypoints = label_keypoints(figure, owners, np.zeros(owners.shape, bool))
        sides = []
        for joints in (("left_elbow", "left_knee"), ("right_elbow", "right_knee")):
            spots = [keypoints[COCO17.names.index(name)] for name in joints]
            colours = [image[round(y), round(x)].astype(int) for x, y, seen in spots if seen == 2]
            if colours:
                blue, _, red = np.mean(colours, axis=0)
                sides.append(red - blue)
        if len(sides) == 2:
            warmth.append(sides[0] - sides[1])
    assert len(warmth) > 30
    assert np.mean(np.array(warmth) > 0) > 0.95


def test_limbs_keep_their_lengths_within_the_proportions() -> None:
    """In three dimensions: the projection may only shorten them."""
    for number in range(50):
        pose = sample_pose(np.random.default_rng(number), height=100.0, pelvis=(0.0, 0.0))
        for start, end, length in (("hip", "knee", 24), ("knee", "ankle", 23), ("shoulder", "elbow", 16.5)):
            for side in ("left", "right"):
                actual = np.linalg.norm(pose.joints[f"{side}_{start}"] - pose.joints[f"{side}_{end}"])
                assert 0.88 * length <= actual <= 1.12 * length
        ankles = max(pose.joints["left_ankle"][1], pose.joints["right_ankle"][1])
        assert pose.joints["head"][1] < pose.joints["neck"][1] < 0 < ankles


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("keep")
    with pytest.raises(InvalidInput, match=f"must be new or empty, got {tmp_path}/set$"):
        draw_dataset(tmp_path / "set", train_images=1, val_images=1, seed=0)
    assert files(tmp_path) == {"set/mine.txt": b"keep"}
    with pytest.raises(InvalidInput, match=r"must be new or empty, got .*mine.txt$"):
        draw_dataset(tmp_path / "set" / "mine.txt", train_images=1, val_images=1, seed=0)
    with pytest.raises(InvalidInput, match=r"^cannot write a synthetic data set to .*mine.txt/x: File exists$"):
        draw_dataset(tmp_path / "set" / "mine.txt" / "x", train_images=1, val_images=1, seed=0)


def test_an_empty_folder_is_used_and_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "set").mkdir()
    draw_dataset(tmp_path / "set", train_images=1, val_images=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("trainers.data.synthetic.dataset.json.dumps", full)
    with pytest.raises(InvalidInput, match=r"^cannot write a synthetic data set to .*/new: No space left on device$"):
        draw_dataset(tmp_path / "new", train_images=1, val_images=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": 0}, "train_images of a synthetic data set must be 1 or more, got 0"),
        ({"val_images": -1}, "val_images of a synthetic data set must be 1 or more, got -1"),
        ({"seed": -3}, "seed of a synthetic data set must be 0 or more, got -3"),
        ({"image_size": (160, 20)}, "image_size of synthetic images must be at least 64 pixels, got (160, 20)"),
        ({"people_per_image": (2, 1)}, "people_per_image must be two numbers in 1..4 in order, got (2, 1)"),
        ({"occlusion": 1.1}, "occlusion must be a probability in [0, 1], got 1.1"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"train_images": 1, "val_images": 1, "seed": 0}
    with pytest.raises(InvalidInput) as caught:
        draw_dataset(tmp_path / "set", **arguments | changes)
    assert str(caught.value) == message
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("size", [(64, 64), (64, 300), (300, 64)])
def test_every_shape_and_number_of_people_can_be_drawn(size: tuple[int, int]) -> None:
    for number in range(15):
        scene = Scene(image_size=size, people_per_image=(1, 4), occlusion=1.0)
        image, people = draw_scene(scene, np.random.default_rng(number))
        assert image.shape == (*size, 3)
        assert 1 <= len(people) <= 4
