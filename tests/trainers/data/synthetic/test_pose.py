"""Poses have the proportions of a person."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trainers.data.annotations.keypoints import COCO17
from trainers.data.synthetic.pose import sample_pose


@given(st.integers(0, 2**32 - 1))
def test_limbs_are_as_long_as_they_are_drawn_and_scale_with_the_height(seed: int) -> None:
    small = sample_pose(np.random.default_rng(seed), height=100, pelvis=(0, 0))
    large = sample_pose(np.random.default_rng(seed), height=200, pelvis=(30, 40))
    assert set(COCO17.names) <= small.joints.keys()
    assert np.allclose(large.joints["pelvis"], (30, 40, 0))
    for name, point in small.joints.items():
        assert np.allclose(large.joints[name] - large.joints["pelvis"], 2 * point), name
    for side in ("left", "right"):
        thigh = np.linalg.norm(small.joints[f"{side}_knee"] - small.joints[f"{side}_hip"])
        assert 0.24 * 88 - 1e-6 <= thigh <= 0.24 * 112 + 1e-6


@given(st.integers(0, 2**32 - 1))
def test_a_face_is_seen_from_one_side(seed: int) -> None:
    pose = sample_pose(np.random.default_rng(seed), height=100, pelvis=(0, 0))
    assert pose.in_view("left_wrist")
    is_in_front = pose.joints["nose"][2] > pose.joints["head"][2]
    assert pose.in_view("nose") or not is_in_front
