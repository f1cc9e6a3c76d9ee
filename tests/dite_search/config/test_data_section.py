"""The section of the data: keypoints, metrics, and places of splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dite_search.config.search_config import load_search, parse_search
from dite_search.study.protocol import protocol_of
from search_spaces.common.errors import InvalidInput

SEARCH: dict[str, Any] = {"name": "own", "space": "tiny", "trials": 2, "training": {"epochs": 2}}


def parsed(data: dict[str, Any], *, objective: str = "ap_gt") -> Any:
    return parse_search(SEARCH | {"data": data, "objectives": [objective, "mmacs"]}, "search.yaml")


def test_keypoints_give_the_networks_their_number() -> None:
    config = parsed({"root": "/nowhere", "keypoints": {"names": ["left_eye", "right_eye", "chin"]}})
    assert config.search_space.base.keypoints == 3
    assert protocol_of(config)["keypoints"] == "own3 (left_eye, right_eye, chin)"
    assert protocol_of(config)["metric"] == "object keypoint similarity, sigmas 0.067, the mean of COCO's 17"
    assert protocol_of(config)["flip_test"]


def test_points_without_sides_are_not_tested_by_a_mirror() -> None:
    config = parsed({"root": "/nowhere", "keypoints": {"names": ["tip", "base"]}})
    assert not protocol_of(config)["flip_test"]


def test_data_of_coco_have_the_protocol_that_they_had() -> None:
    assert not {"keypoints", "metric", "split"} & set(protocol_of(parsed({"root": "/nowhere"})))


def test_keypoints_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "points.yaml").write_text("names: [left_eye, right_eye]\nsigmas: [0.1, 0.1]\n")
    config = parsed({"root": "/nowhere", "keypoints": str(tmp_path / "points.yaml")})
    assert config.data.keypoint_set.oks_sigmas == (0.1, 0.1)
    with pytest.raises(InvalidInput, match=r"none.yaml does not exist or is not a file"):
        parsed({"root": "/nowhere", "keypoints": str(tmp_path / "none.yaml")})


def test_a_loaded_search_says_all_of_its_keypoints(tmp_path: Path, lsp_small: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(f"name: own\nspace: tiny\ntrials: 1\ndata: {{root: {lsp_small}}}\ntraining: {{epochs: 2}}\n")
    config = load_search(file)
    assert config.data.keypoints is not None
    assert config.data.keypoints["names"][0] == "right_ankle"
    moved = parse_search(config.to_dict() | {"data": config.to_dict()["data"] | {"root": "/nowhere"}}, "search.yaml")
    assert moved.search_space.base.keypoints == 14


@pytest.mark.parametrize("metric", ["pck", "auc", "nme", "epe", {"name": "pck", "by": "torso"}])
def test_each_metric_is_an_objective(metric: Any) -> None:
    name = metric if isinstance(metric, str) else metric["name"]
    config = parsed({"root": "/nowhere", "metric": metric}, objective=name)
    assert config.accuracy == name
    with pytest.raises(InvalidInput, match=rf"exactly one accuracy, {name} for data.metric {name}, got \['ap_gt'\]"):
        parsed({"root": "/nowhere", "metric": metric})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"root": "/a", "metric": "pcp"}, r"unknown metric 'pcp': did you mean 'pck'\?"),
        ({"root": "/a", "format": "mpii", "metric": "nme"}, r"metric must be pckh50 in format mpii, got nme"),
        ({"root": "/a", "format": "mpii", "keypoints": {"names": ["a"]}}, r"keypoints must not be given in format mpii"),
        ({"root": "/a", "boxes": "det", "detections": "/d", "metric": "nme"}, r"metric nme must have annotated boxes"),
        ({"root": "/a", "keypoints": {"names": ["a", "a"]}}, r"names of data.keypoints must differ, got 'a' twice"),
        ({"root": "/a", "annotations": "a.json"}, r"data must have annotations and images together, or neither"),
        ({"root": "/a", "val_share": 2}, r"data.val_share must be below 1, got 2"),
        ({"val_share": 0.1}, r"split and val_share must come with root, or annotations and images, which they part"),
        ({}, r"data must name exactly one of root and synthetic, or the places of its splits"),
        ({"synthetic": {}, "format": "crowdpose"}, r"format must be coco where data.synthetic draws the people"),
        ({"train": {"annotations": "a", "images": "b"}}, r"unknown val_split of the data 'val': .*known: train"),
        ({"train": {"annotations": "a"}}, r"data.train.images must be given"),
        ({"train": {"annotations": "a", "images": "b", "image": "c"}}, r"unknown field of data.train 'image': did you mean"),
    ],
)
def test_what_breaks_a_rule_is_named(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parsed(data)


def test_proxies_are_of_drawn_people_alone() -> None:
    values = {"data": {"root": "/a", "keypoints": {"names": ["tip", "base"]}}, "objectives": ["ap_gt", "mmacs"]}
    sampler = {"name": "cost_aware", "proxies": ["naswot"]}
    with pytest.raises(InvalidInput, match=r"sampler.proxies must be empty for the 2 keypoints of own2: .* people of 17"):
        parse_search(SEARCH | values | {"sampler": sampler}, "search.yaml")


def test_places_count_from_the_root_or_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    places = {name: {"annotations": f"{name}.json", "images": name} for name in ("train", "val")}
    below = parsed({"root": "/data", **places}).data
    assert str(below.layout.splits["val"].annotations) == "/data/val.json"
    assert below.train.annotations == "train.json", "a root that moves takes its places along"
    free = parsed(places).data
    assert free.train.annotations == str(tmp_path / "train.json")
    assert free.folder == tmp_path


def test_a_share_of_a_root_parts_its_training_people() -> None:
    data = parsed({"root": "/data", "val_share": 0.2, "group_by": "subject"})
    assert str(data.data.layout.whole.annotations) == "/data/annotations/person_keypoints_train2017.json"
    assert protocol_of(data)["split"] == "0.2 of the images to score on, by subject"
