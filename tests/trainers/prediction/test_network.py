"""Networks with the names of their keypoints."""

from __future__ import annotations

from tests.trainers.prediction.media import small_network
from trainers.data.annotations.keypoints import COCO17, CROWDPOSE14, MPII16
from trainers.prediction.network import keypoints_of_network


def test_keypoints_follow_from_their_number():
    assert [keypoints_of_network(count) for count in (17, 16, 14)] == [COCO17, MPII16, CROWDPOSE14]
    numbered = keypoints_of_network(3)
    assert numbered.names == ("keypoint_0", "keypoint_1", "keypoint_2")
    assert not numbered.mirrors


def test_pictures_are_turned_as_in_the_training():
    assert small_network().on_orientation == "apply"
    assert small_network(data={"on_orientation": "ignore"}).on_orientation == "ignore"
