"""Scores of networks that inherit: on held-out images alone, with statistics of their own, and nothing written back."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from search_spaces.common.errors import InvalidInput
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from search_spaces.supernet_config import INHERITED, SupernetConfig
from search_spaces.training_config import TrainConfig
from trainers.data.config import DataConfig
from trainers.data.samples.dataset import TopDownDataset
from trainers.data.samples.datasets import training_set
from trainers.data.samples.held_out import training_parts
from trainers.networks.registry import shared_weights
from trainers.networks.shared_store import SharedStore
from trainers.training.inherited_scores import (
    CALIBRATION_BATCH,
    InheritedScorer,
    calibration_numbers,
    inherited_figure,
)

ELASTIC = elastic_space(named_space("tiny_128"))
SETTINGS = SupernetConfig(held_out=0.2, calibration_images=12)
RECIPE = SETTINGS.recipe(TrainConfig(seed=7))


@pytest.fixture(scope="module")
def store() -> SharedStore:
    torch.manual_seed(0)
    return shared_weights(ELASTIC.largest, ELASTIC.envelope)


@pytest.fixture(scope="module")
def scorer(store: SharedStore, people: DataConfig) -> InheritedScorer:
    return InheritedScorer(store, ELASTIC.largest, SETTINGS, RECIPE, people)


def test_every_figure_is_named_inherited(scorer: InheritedScorer, people: DataConfig) -> None:
    figures = scorer.score(ELASTIC.smallest)
    assert inherited_figure(people) == "inherited_ap_gt"
    assert 0 <= figures["inherited_ap_gt"] <= 1
    assert all(name.startswith(INHERITED) for name in figures)


def test_a_score_follows_from_the_network_alone(scorer: InheritedScorer, store: SharedStore) -> None:
    """No statistics of the network before leave a trace, and the store stays as it is."""
    before = {name: value.clone() for name, value in store.state_dict().items()}
    first = scorer.score(ELASTIC.smallest)
    scorer.score(ELASTIC.largest)
    assert scorer.score(ELASTIC.smallest) == first
    assert all(torch.equal(value, before[name]) for name, value in store.state_dict().items())


def test_only_training_images_are_read_and_the_parts_are_disjoint(
    store: SharedStore, people: DataConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, Any]] = []
    item = TopDownDataset.__getitem__

    def noted(dataset: TopDownDataset, index: int) -> dict[str, torch.Tensor]:
        assert dataset.augmentation is None, "samples of a score must not vary"
        read.append((dataset.people[index].image_path.parent.name, dataset.people[index].annotation_id))
        return item(dataset, index)

    monkeypatch.setattr(TopDownDataset, "__getitem__", noted)
    scorer = InheritedScorer(store, ELASTIC.largest, SETTINGS, RECIPE, people)
    scorer.score(ELASTIC.smallest)
    assert {folder for folder, _ in read} == {"train2017"}
    everybody = training_set(people, ELASTIC.largest, RECIPE).people
    parts = training_parts(everybody, SETTINGS.held_out, RECIPE.seed)
    calibrated, scored = read[:12], read[12:]
    assert [number for _, number in scored] == [everybody[index].annotation_id for index in parts.held_out]
    assert {number for _, number in calibrated} <= {everybody[index].annotation_id for index in parts.learned}


def test_statistics_are_those_of_the_training_images(scorer: InheritedScorer, store: SharedStore) -> None:
    """Without calibration a network scores otherwise, or the estimation would be skipped unseen."""
    network = store.export(ELASTIC.smallest).eval()
    images = torch.cat([batch["image"] for batch in scorer._calibration])
    assert len(images) == 12
    with torch.no_grad():
        stale = network(images)
        scorer_network = store.export(ELASTIC.smallest)
        from trainers.evaluation.calibration import calibrate

        calibrate(scorer_network, [images])
        assert not torch.allclose(stale, scorer_network(images))


def test_people_without_average_precision_are_scored_by_their_metric(store: SharedStore, people: DataConfig) -> None:
    data = dataclasses.replace(people, metric="nme")
    figures = InheritedScorer(store, ELASTIC.largest, SETTINGS, RECIPE, data).score(ELASTIC.smallest)
    assert inherited_figure(data) == "inherited_nme"
    assert figures["inherited_nme"] > 0


def test_annotated_boxes_give_the_name_whatever_boxes_the_validation_has(people: DataConfig, tmp_path: Any) -> None:
    detected = dataclasses.replace(people, boxes="det", detections=tmp_path / "boxes.json")
    assert inherited_figure(detected) == "inherited_ap_gt"
    assert inherited_figure(DataConfig(root=tmp_path, format="mpii")) == "inherited_pck"


@pytest.mark.parametrize(("count", "images", "kept"), [(5, 12, 5), (300, 299, 298), (451, 2000, 450), (5000, 2000, 1995)])
def test_calibration_batches_are_of_one_size(count: int, images: int, kept: int) -> None:
    numbers = calibration_numbers(range(count), images, seed=0)
    assert len(numbers) == kept == len(set(numbers))
    assert kept % max(1, kept // CALIBRATION_BATCH) == 0
    assert numbers == calibration_numbers(range(count), images, seed=0)


def test_one_image_is_too_few() -> None:
    with pytest.raises(InvalidInput, match="estimated from at least 2 training images, got 1"):
        calibration_numbers([3], 2000, seed=0)
