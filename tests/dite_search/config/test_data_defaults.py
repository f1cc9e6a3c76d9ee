"""The settings that follow from the format of the data: keypoints, input size, hyper-parameters, accuracy."""

from __future__ import annotations

import pytest

from dite_search.config.data_defaults import arch_for, space_for
from dite_search.config.search_config import parse_search
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from trainers.data.formats.data_format import COCO, CROWDPOSE, MPII

MPII_SEARCH = {
    "name": "x",
    "space": "table5",
    "data": {"root": "/mpii", "format": "mpii"},
    "trials": 4,
    "objectives": ["pckh50", "mmacs"],
}


def test_a_network_of_the_papers_is_that_of_the_papers():
    arch = arch_for("dite_hrnet_18", MPII, input_size=None)
    assert (arch.keypoints, arch.input_size) == (16, (256, 256))
    assert cost_of(arch).params == 1_186_892
    assert arch_for("dite_hrnet_18", CROWDPOSE, input_size=None).input_size == (256, 192)
    assert arch_for("dite_hrnet_18", COCO, input_size=None).keypoints == 17


def test_sizes_that_someone_chose_stay(tmp_path):
    assert arch_for("dite_hrnet_18", MPII, input_size="128x96").input_size == (128, 96)
    assert arch_for("dite_hrnet_18", MPII, input_size="256x192").input_size == (256, 192)
    file = tmp_path / "arch.yaml"
    file.write_text("input_size: [256, 192]\n")
    fitted = arch_for(str(file), MPII, input_size=None)
    assert (fitted.input_size, fitted.keypoints) == ((256, 192), 16)
    assert space_for("tiny", MPII, input_size=None).base.input_size == (96, 64)
    assert space_for(
        {"base": "dite_hrnet_18", "parameters": {"groups_branch3": [1, 2]}}, MPII, input_size=None
    ).base.input_size == (
        256,
        256,
    )
    described = {"base": {"input_size": [256, 192]}, "parameters": {"groups_branch3": [1, 2]}}
    assert space_for(described, MPII, input_size=None).base.input_size == (256, 192)


def test_every_network_of_a_space_has_the_keypoints_of_the_data():
    for name in ("table5", "table6", "tiny"):
        assert {arch.keypoints for arch in space_for(name, MPII, input_size=None).enumerate()} == {16}
    assert space_for("table5", COCO, input_size=None).base.keypoints == 17


def test_keypoints_that_contradict_the_data(tmp_path):
    file = tmp_path / "arch.yaml"
    file.write_text("keypoints: 16\n")
    with pytest.raises(InvalidInput, match=r"^keypoints of the network must be 17, as in coco17, got 16$"):
        arch_for(str(file), COCO, input_size=None)
    searched = {"base": "dite_hrnet_18", "parameters": {"keypoints": [16, 17]}}
    with pytest.raises(InvalidInput, match=r"^space custom: keypoints must not be searched, they are the 16 of the data$"):
        space_for(searched, MPII, input_size=None)


def test_a_search_on_mpii_follows_the_papers_unless_told():
    config = parse_search(MPII_SEARCH, "my.yaml")
    assert config.accuracy == "pckh50"
    assert (config.search_space.base.keypoints, config.search_space.base.input_size) == (16, (256, 256))
    training = config.train_config
    assert (training.epochs, training.half_body_probability) == (260, 0.0)
    assert [round(fraction * training.epochs) for fraction in training.milestones] == [170, 200]
    told = MPII_SEARCH | {"training": {"epochs": 10, "half_body_probability": 0.2}, "input_size": "128x128"}
    config = parse_search(told, "my.yaml")
    assert (config.train_config.epochs, config.train_config.half_body_probability) == (10, 0.2)
    assert config.search_space.base.input_size == (128, 128)
    assert parse_search(config.to_dict(), "again") == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": ["ap_gt", "mmacs"]}, r"exactly one accuracy, pckh50 for data.format mpii, got \['ap_gt'\]"),
        (
            {"objectives": ["pckh50", "ap_gt"]},
            r"exactly one accuracy, pckh50 for data.format mpii, got \['pckh50', 'ap_gt'\]",
        ),
        (
            {"data": {"root": "/x"}},
            r"exactly one accuracy, ap_gt for data.boxes gt, got \['pckh50'\]",
        ),
        ({"data": {"root": "/x", "format": "mpi"}}, "data.format: unknown format 'mpi': did you mean 'mpii'"),
        (
            {"data": {"synthetic": {}, "format": "mpii"}},
            "format must be coco where data.synthetic draws the people, got mpii",
        ),
        ({"data": {"root": "/x", "format": "mpii", "boxes": "det"}}, "boxes must be gt in format mpii, got det"),
        (
            {"data": {"root": "/x", "format": "mpii", "val_split": "tset"}},
            "unknown val_split of format mpii 'tset': known: train, val",
        ),
    ],
)
def test_a_mistake_is_answered_in_one_sentence(changes, message):
    with pytest.raises(InvalidInput, match=message) as caught:
        parse_search(MPII_SEARCH | changes, "my.yaml")
    assert str(caught.value).startswith("my.yaml: ")
    assert "\n" not in str(caught.value)
