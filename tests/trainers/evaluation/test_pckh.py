"""PCKh against a naive reading of the published rules, and what must not change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trainers.data.layouts import MAT_JOINTS, write_truth
from trainers.data.annotations.keypoints import MPII16
from trainers.data.formats.mpii_truth import MpiiTruth, read_mpii_truth
from trainers.evaluation.pckh import JOINTS, THRESHOLDS, pckh


def random_case(seed: int, people: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Predictions (N, 16, 2) from 0 near the truth, and the fields of a ground truth file."""
    generator = np.random.default_rng(seed)
    truth = generator.uniform(1, 400, (people, 16, 2))
    corners = generator.uniform(1, 300, (people, 2))
    extent = generator.uniform(5, 60, (people, 2))
    spread = generator.uniform(1, 40, (people, 1, 1))
    predicted = truth - 1 + generator.normal(0, 1, truth.shape) * spread
    missing = generator.random((people, 16)) < generator.uniform(0, 0.6)
    missing[0, 0] = False
    return predicted, {
        "jnt_missing": missing.T.astype(np.uint8),
        "pos_gt_src": truth.transpose(1, 2, 0),
        "headboxes_src": np.stack([corners, corners + extent]).transpose(0, 2, 1),
        "dataset_joints": np.array([MAT_JOINTS], dtype=object),
    }


def naive(predicted: np.ndarray, fields: dict[str, Any], threshold: float) -> dict[str, float]:
    """One joint of one person after the other, counted from 1 as the file is."""
    found, counted = dict.fromkeys(MAT_JOINTS, 0), dict.fromkeys(MAT_JOINTS, 0)
    for person in range(len(predicted)):
        left, top = fields["headboxes_src"][0, :, person]
        right, bottom = fields["headboxes_src"][1, :, person]
        length = 0.6 * ((right - left) ** 2 + (bottom - top) ** 2) ** 0.5
        for joint, name in enumerate(MAT_JOINTS):
            if fields["jnt_missing"][joint, person]:
                continue
            x, y = fields["pos_gt_src"][joint, :, person]
            distance = ((predicted[person, joint, 0] + 1 - x) ** 2 + (predicted[person, joint, 1] + 1 - y) ** 2) ** 0.5
            counted[name] += 1
            found[name] += distance / length <= threshold
    figures = {}
    total = sum(counted[name] for name in MAT_JOINTS if name not in ("pelv", "thor"))
    if total:
        shares = [
            found[name] / counted[name] * counted[name] / total
            for name in MAT_JOINTS
            if name not in ("pelv", "thor") and counted[name]
        ]
        figures["mean"] = sum(shares)
    pairs = {"shoulder": "sho", "elbow": "elb", "wrist": "wri", "hip": "hip", "knee": "kne", "ankle": "ank"}
    for name, sides in {"head": ["head"], **{n: ["l" + s, "r" + s] for n, s in pairs.items()}}.items():
        values = [found[side] / counted[side] for side in sides if counted[side]]
        if values:
            figures[name] = sum(values) / len(values)
    return figures


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_figures_are_those_of_the_published_rules(tmp_path_factory: pytest.TempPathFactory, seed: int, people: int) -> None:
    predicted, fields = random_case(seed, people)
    file = tmp_path_factory.mktemp("truth") / "gt.mat"
    figures = pckh(predicted, read_mpii_truth(write_truth(file, **fields)))
    expected = {}
    for figure, threshold in THRESHOLDS.items():
        for name, value in naive(predicted, fields, threshold).items():
            expected[figure if name == "mean" else f"{figure}_{name}"] = value
    assert figures == pytest.approx(expected)


def case(seed: int, people: int = 12) -> tuple[np.ndarray, MpiiTruth]:
    predicted, fields = random_case(seed, people)
    positions, boxes = fields["pos_gt_src"], fields["headboxes_src"]
    return predicted, MpiiTruth(
        keypoints=positions.transpose(2, 0, 1) - 1,
        present=fields["jnt_missing"].T == 0,
        head_sizes=0.6 * np.linalg.norm(boxes[1] - boxes[0], axis=0),
    )


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 0.5, 2.0, 8.0]), st.integers(-300, 300))
def test_scale_place_and_order_change_nothing(seed: int, factor: float, shift: int) -> None:
    predicted, truth = case(seed)
    expected = pckh(predicted, truth)
    scaled = MpiiTruth(keypoints=truth.keypoints * factor, present=truth.present, head_sizes=truth.head_sizes * factor)
    assert pckh(predicted * factor, scaled) == expected
    moved = MpiiTruth(keypoints=truth.keypoints + shift, present=truth.present, head_sizes=truth.head_sizes)
    assert pckh(predicted + shift, moved) == pytest.approx(expected)
    order = np.random.default_rng(seed).permutation(len(predicted))
    assert pckh(predicted[order], truth.take(order)) == pytest.approx(expected)
    # Left and right exchanged in both: the figures are of pairs.
    mirrored = list(MPII16.flip_permutation)
    swapped = MpiiTruth(
        keypoints=truth.keypoints[:, mirrored], present=truth.present[:, mirrored], head_sizes=truth.head_sizes
    )
    assert pckh(predicted[:, mirrored], swapped) == pytest.approx(expected)


@given(st.integers(0, 2**32 - 1))
def test_missing_joints_do_not_matter(seed: int) -> None:
    predicted, truth = case(seed)
    elsewhere = np.where(truth.present[..., None], predicted, 1e6)
    assert pckh(elsewhere, truth) == pckh(predicted, truth)


def test_a_perfect_and_a_hopeless_prediction() -> None:
    _, truth = case(3)
    assert set(pckh(truth.keypoints, truth).values()) == {1.0}
    assert set(pckh(truth.keypoints + 1e4, truth).values()) == {0.0}


def test_the_threshold_is_half_the_length_of_the_head_and_counts_as_found() -> None:
    truth = MpiiTruth(keypoints=np.zeros((1, 16, 2)), present=np.ones((1, 16), bool), head_sizes=np.array([10.0]))
    predicted = np.zeros((1, 16, 2))
    predicted[0, 9] = 3, 4
    assert pckh(predicted, truth)["pckh50_head"] == 1
    predicted[0, 9] = 3, 4.001
    figures = pckh(predicted, truth)
    assert figures["pckh50_head"] == 0
    assert figures["pckh50"] == pytest.approx(13 / 14)
    # Pelvis and thorax are in no figure.
    predicted[0, 6:8] = 999
    assert pckh(predicted, truth) == figures


def test_figures_without_a_truth_are_absent() -> None:
    present = np.zeros((2, 16), bool)
    truth = MpiiTruth(keypoints=np.zeros((2, 16, 2)), present=present, head_sizes=np.zeros(2))
    assert pckh(np.zeros((2, 16, 2)), truth) == {}
    present[0, MPII16.names.index("left_wrist")] = True
    truth = MpiiTruth(keypoints=np.zeros((2, 16, 2)), present=present, head_sizes=np.array([4.0, 0.0]))
    assert set(pckh(np.zeros((2, 16, 2)), truth)) == {"pckh50", "pckh50_wrist", "pckh10", "pckh10_wrist"}


def test_every_figure_has_its_name() -> None:
    names = {f"{figure}{suffix}" for figure in ("pckh50", "pckh10") for suffix in ("", *(f"_{name}" for name in JOINTS))}
    assert set(pckh(*case(0, people=40))) == names
    assert list(JOINTS) == ["head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]


def test_the_reader_of_the_file_and_the_figures_agree_on_a_file(tmp_path: Path) -> None:
    predicted, fields = random_case(5, 6)
    written = read_mpii_truth(write_truth(tmp_path / "gt.mat", **fields))
    assert pckh(predicted, written) == pytest.approx(pckh(*case(5, 6)))
