"""The section on people, from drawn people and made-up predictions to the page."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from analysis.errors.keypoint_errors import GOOD, advice
from analysis.errors.matching import judged
from analysis.errors.predictions import ScoredPredictions
from analysis.report import Setup, report_html
from analysis.report.elements.people import Gallery, NetworkPeople, People, Shown
from analysis.report.sections.people import (
    MAX_CHARACTERS,
    NO_OKS,
    PEOPLE_EACH,
    alt_text,
    fitted,
    galleries_of,
    people_in_pictures,
)
from analysis.study.records import StudyRecord
from search_spaces.common.errors import InvalidInput
from search_spaces.training_config import TrainConfig
from tests.analysis.studies import study, trial
from tests.trainers.data.oriented import TAGS, store
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.data.samples.datasets import validation_set
from trainers.data.synthetic.dataset import draw_dataset
from trainers.evaluation.inference import Predictions
from trainers.evaluation.scoring import score
from trainers.networks.registry import build_network

ARCH = trial(0).arch


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    root = tmp_path_factory.mktemp("pictures") / "people"
    draw_dataset(root, train_images=1, val_images=12, seed=3, people_per_image=(2, 2))
    return DataConfig(root=root, name="synthetic")


def predicted(data: DataConfig, *, error: float = 0.0, exchanged: tuple[int, ...] = ()) -> ScoredPredictions:
    """The truth, off by so much of each person's size; some people have left and right exchanged."""
    dataset = validation_set(data, ARCH, TrainConfig())
    truth = DataConfig(root=data.root).people("val")
    places = [person.keypoints[:, :2] for person in (truth if data.boxes == "det" else dataset.people)]
    sizes = np.sqrt([person.area for person in truth])[: len(places), None, None]
    points = np.stack(places) + error * sizes * np.random.default_rng(0).standard_normal((len(places), 17, 2))
    for row in exchanged:
        points[row] = points[row][list(COCO17.flip_permutation)]
    predictions = Predictions(keypoints=points[: len(dataset)], scores=np.full((len(dataset), 17), 0.8))
    scored = score(dataset, predictions, data)
    return ScoredPredictions(
        data=data, dataset=dataset, predictions=predictions, metrics=scored.metrics, results=list(scored.results)
    )


def test_people_of_turned_photographs_are_drawn_as_displayed(drawn: DataConfig, tmp_path: Path) -> None:
    shutil.copytree(drawn.root, tmp_path / "turned")
    turned = DataConfig(root=tmp_path / "turned", name="synthetic")
    for number, path in enumerate(sorted(turned.image_dir("val").iterdir())):
        store(path, TAGS[number % len(TAGS)])
    pages = []
    for data in (drawn, turned):
        scored = predicted(data, error=0.05)
        pages.append([picture for gallery in galleries_of(judged(scored), scored) for picture in gallery.pictures])
    assert len(pages[0]) > PEOPLE_EACH
    assert pages[0] == pages[1]


@pytest.fixture
def made_up(tmp_path: Path) -> StudyRecord:
    """A study of two trials whose checkpoints are untrained networks."""
    trials = []
    for number, ap in enumerate((0.1, 0.2)):
        record = trial(number, ap=ap)
        torch.manual_seed(number)
        network = build_network(record.arch).state_dict()
        state = {"network": network, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
        path = tmp_path / "study" / "trials" / f"{number}.pt"
        save_checkpoint(path, Checkpoint(arch=record.arch, train=TrainConfig(epochs=3), data={}, state=state))
        trials.append(dataclasses.replace(record, checkpoint=path))
    return study(trials, directory=tmp_path / "study")


def test_an_exchanged_person_is_named_and_shown_among_the_worst(drawn: DataConfig) -> None:
    scored = predicted(drawn, exchanged=(3,))
    found = judged(scored)
    assert found.unmatched == 0
    assert "Fix first: left-right inversions" in advice(found.errors)
    best, _, worst, *_ = galleries_of(found, scored)
    assert [len(gallery.pictures) for gallery in (best, worst)] == [PEOPLE_EACH, PEOPLE_EACH]
    assert "inversion: " in worst.pictures[0].alt
    assert worst.pictures[0].alt == alt_text(found, 3, COCO17.names)
    assert " inversion" in worst.pictures[0].caption
    assert best.pictures[0].alt.endswith("keypoints good")
    with Image.open(io.BytesIO(best.pictures[0].webp)) as picture:
        assert picture.format == "WEBP"


def test_detected_boxes_find_their_people(drawn: DataConfig, tmp_path: Path) -> None:
    truth = drawn.people("val")
    entries = [
        {"image_id": person.image_id, "category_id": 1, "bbox": list(person.box), "score": 0.9} for person in truth[:-1]
    ]
    file = tmp_path / "detections.json"
    file.write_text(json.dumps([*entries, entries[0] | {"score": 0.1}]))
    detected = DataConfig(root=drawn.root, boxes="det", detections=file)
    scored = predicted(detected)
    # The second prediction for the first person is of the last one's keypoints, which are far away in another image.
    assert len(scored.dataset.people) == len(truth)
    found = judged(scored)
    assert found.own.tolist() == list(range(len(truth) - 1))
    assert found.rows.tolist() == list(range(len(truth) - 1))
    assert found.unmatched == 1
    assert (found.errors.classes <= GOOD).all()


@pytest.mark.slow
def test_the_page_has_every_recommended_network(made_up: StudyRecord, drawn: DataConfig, tmp_path: Path) -> None:
    people = people_in_pictures(made_up, Setup(), drawn, flip_test=True)
    assert [network.title.split(":")[0] for network in people.networks] == ["Trial 1", "Trial 0"]
    assert people.networks[0].galleries[-1].wide
    assert "Fix first: " in people.networks[0].words[0]
    text = report_html(made_up, Setup(people=people))
    assert text.count("data:image/webp;base64,") == sum(
        len(gallery.pictures) for network in people.networks for gallery in network.galleries
    )
    assert text.index('<section id="noise">') < text.index('<section id="people">') < text.index('<section id="protocol">')
    assert len(text) < 5_000_000
    assert people_in_pictures(made_up, Setup(), drawn, flip_test=True) == people, "the same seed, the same pictures"
    assert 'id="people"' not in report_html(made_up)


def test_what_cannot_be_shown_is_said(made_up: StudyRecord, drawn: DataConfig, tmp_path: Path) -> None:
    mpii = DataConfig(root=tmp_path, format="mpii")
    assert people_in_pictures(made_up, Setup(), mpii, flip_test=True) == People(words=[NO_OKS])
    nobody = people_in_pictures(study([]), Setup(), drawn, flip_test=True)
    assert nobody.words == ["No network is recommended, so there is nobody to show."]
    lost = dataclasses.replace(made_up, trials=[dataclasses.replace(made_up.trials[0], checkpoint=None)])
    with pytest.raises(InvalidInput, match="has no checkpoint to predict with"):
        people_in_pictures(lost, Setup(), drawn, flip_test=True)


def test_pictures_beyond_the_limit_are_left_out_and_counted() -> None:
    picture = Shown(webp=b"x" * 300, caption="a", alt="b")
    gallery = Gallery(title="t", note="", pictures=[picture] * 4)
    people = People(
        words=["w"], networks=[NetworkPeople(title=name, words=[], tables=[], galleries=[gallery] * 2) for name in "ab"]
    )
    assert fitted(people, people.size) is people
    smaller = fitted(people, 6 * len(picture.uri))
    assert smaller.size == 6 * len(picture.uri)
    assert smaller.words == ["w", "10 pictures left out, for the page to stay small."]
    assert [[len(each.pictures) for each in network.galleries] for network in smaller.networks] == [[3], [3]]
    assert MAX_CHARACTERS < 5_000_000


def test_text_of_a_data_set_stays_text(made_up: StudyRecord) -> None:
    picture = Shown(webp=b"x", caption="<script>", alt='"><script>')
    gallery = Gallery(title="t", note="", pictures=[picture])
    people = People(words=[], networks=[NetworkPeople(title="n", words=[], tables=[], galleries=[gallery])])
    text = report_html(made_up, Setup(people=people))
    assert 'alt="&#34;&gt;&lt;script&gt;"' in text
    assert "<figcaption>&lt;script&gt;" in text
