"""Keypoints of frames are those of an evaluation, whatever the batches."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import trainers.prediction.predictor as module
from search_spaces.common.errors import InvalidInput
from tests.trainers.data.oriented import store
from tests.trainers.prediction.media import picture_source, small_network, write_video
from trainers.prediction.boxes import given_boxes, whole_pictures
from trainers.prediction.predictor import Predictor, frames_of, read_ahead
from trainers.prediction.sources import find_sources

BOXES = [(2.0, 3.0, 30.0, 40.0), (20.0, 1.0, 25.0, 45.0)]


def keypoints(boxes, **options):
    frames = list(Predictor(small_network(), **options)(frames_of(boxes, on_orientation="apply"), boxes))
    return [np.array([person.keypoints for person in each.people]) for each in frames]


def test_batches_change_nothing(tmp_path, monkeypatch):
    sources = [picture_source(tmp_path / f"{seed}.png", seed=seed) for seed in range(2)]
    boxes = given_boxes(sources, BOXES)
    found = keypoints(boxes)
    assert [each.shape for each in found] == [(2, 17, 3)] * 2
    np.testing.assert_allclose(keypoints(boxes, batch_size=3), found, rtol=1e-3, atol=1e-3)
    monkeypatch.setattr(module, "MOST_WAITING_BYTES", 1)
    np.testing.assert_allclose(keypoints(boxes), found, rtol=1e-3, atol=1e-3)
    assert np.abs(np.array(keypoints(boxes, flip_test=False)) - np.array(found)).max() > 1e-3, "the flip matters"


def test_a_video_and_a_picture_follow_each_other(tmp_path):
    video, picture = write_video(tmp_path / "v.mp4", frames=3), picture_source(tmp_path / "w.png")
    boxes = whole_pictures(find_sources([video, picture.path]))
    frames = [each.frame for each in Predictor(small_network())(frames_of(boxes, on_orientation="apply"), boxes)]
    assert [(frame.image_id, frame.number, frame.seconds) for frame in frames] == [
        (1, 0, 0.0),
        (2, 1, 0.1),
        (3, 2, 0.2),
        (4, 0, None),
    ]
    assert frames[1].label == f"frame 1 of {video}"
    assert frames[3].label == str(picture.path)


def test_keypoints_are_in_pixels_of_the_displayed_picture(tmp_path):
    plain, turned = picture_source(tmp_path / "a.png", seed=3), picture_source(tmp_path / "b.png", seed=3)
    store(turned.path, 6)
    found = keypoints(given_boxes([plain, turned], BOXES))
    np.testing.assert_array_equal(found[0], found[1])


def test_a_broken_picture_ends_all_or_is_left_out(tmp_path):
    sources = [picture_source(tmp_path / f"{seed}.png", seed=seed) for seed in range(3)]
    sources[1].path.write_bytes(b"broken")
    boxes, said = whole_pictures(sources), []
    with pytest.raises(InvalidInput, match=r"1\.png must be a JPEG or PNG file"):
        list(frames_of(boxes, on_orientation="apply"))
    frames = frames_of(boxes, on_orientation="apply", on_broken_image="skip", note=said.append)
    assert [frame.source.path.name for frame in frames] == ["0.png", "2.png"]
    assert said[0].startswith(f"left out: image {sources[1].path} must be a JPEG or PNG file")


def test_the_same_person_twice_remains_once_unless_boxes_were_given(tmp_path):

    boxes = given_boxes([picture_source(tmp_path / "a.png")], [BOXES[0], BOXES[0]])
    assert len(keypoints(boxes)[0]) == 2
    assert len(keypoints(dataclasses.replace(boxes, drops_duplicates=True))[0]) == 1


def test_heatmaps_that_are_not_finite_are_told(tmp_path):
    class Broken(nn.Module):
        def forward(self, images):
            return torch.full((len(images), 17, *small_network().arch.heatmap_size), torch.nan)

    boxes = whole_pictures([picture_source(tmp_path / "a.png")])

    predictor = Predictor(dataclasses.replace(small_network(), network=Broken()))
    with pytest.raises(InvalidInput, match="network small must give finite heatmaps"):
        list(predictor(frames_of(boxes, on_orientation="apply"), boxes))
    with pytest.raises(InvalidInput, match="batch_size of a prediction must be 1 or more, got 0"):
        Predictor(small_network(), batch_size=0)


def test_frames_are_read_ahead_in_order_and_errors_arrive():
    assert list(read_ahead(iter(range(1, 9)), depth=3)) == list(range(1, 9))

    def failing():
        yield 1
        raise InvalidInput("broken")

    found = read_ahead(failing())
    assert next(found) == 1
    with pytest.raises(InvalidInput, match="broken"):
        next(found)
