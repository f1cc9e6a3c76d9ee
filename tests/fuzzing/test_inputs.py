"""Every input is untrusted: thousands of files that are nearly right give a result or one sentence, never anything else.

Each kind has 50 at a commit and 10,000 in a nightly run.
"""

from __future__ import annotations

import io
import json
import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from analysis.data_page.inspection import inspect
from analysis.data_page.page import page_html, split_gallery
from analysis.data_page.reading import read_dataset
from analysis.data_page.scanning import scan_images
from analysis.report import write_report
from dite_search.config.search_config import load_search
from dite_search.driver.searcher import StudySearch
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from dite_search.study.study import create_study, open_study
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import preset
from search_spaces.training_config import TrainConfig
from tests.fuzzing.annotations import BYTE_ORDER_MARK, annotation_inputs, rich_document
from tests.fuzzing.mutations import mutated_bytes, mutated_document
from tests.profiles import by_profile
from tests.trainers.data.layouts import write_crowdpose
from trainers.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from trainers.data.annotations.keypoints import COCO17
from trainers.data.config import DataConfig
from trainers.data.formats.coco import coco_split, load_detections, load_people
from trainers.data.formats.data_format import COCO, CROWDPOSE, FORMATS
from trainers.data.images.images import read_image
from trainers.data.samples.datasets import validation_set
from trainers.data.synthetic.dataset import draw_dataset
from trainers.evaluation.inference import Predictions
from trainers.evaluation.scoring import score

COUNT = by_profile(50, 10_000)
pytestmark = pytest.mark.longer
LONGEST = 20.0
"""Seconds that one input may take, on a machine that does other things as well."""
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def fuzz(read: Callable[[bytes], object], inputs: Callable[[random.Random], bytes], *, seed: int) -> None:
    """Read many inputs; each is taken, or refused with one sentence, or with one for each of its mistakes."""
    chance, refused = random.Random(seed), 0
    for number in range(COUNT):
        content = inputs(chance)
        began = time.monotonic()
        try:
            read(content)
            sentence = "taken"
        except InvalidInput as error:
            refused, sentence = refused + 1, str(error)
        except Exception as error:
            kind = type(error).__name__
            raise AssertionError(f"input {number} of seed {seed}: {kind}: {error}: {content[:3000]!r}") from error
        first, *mistakes = sentence.splitlines()
        assert all(line.startswith("  - ") for line in mistakes), (number, sentence)
        assert not mistakes or first.endswith(f" has {len(mistakes)} mistakes:"), (number, sentence)
        assert time.monotonic() - began < LONGEST, content
    assert refused > COUNT / 10, "hardly any input was refused: these are no tests of what is wrong"


def text_inputs(content: bytes, document: Any, dump: Callable[[Any], str]) -> Callable[[random.Random], bytes]:
    """Half with bytes changed, half with values changed."""

    def make(chance: random.Random) -> bytes:
        if chance.random() < 0.5:
            return mutated_bytes(content, chance)
        return dump(mutated_document(document, chance)).encode("utf-8", "surrogatepass")

    return make


@pytest.fixture(autouse=True)
def nothing_is_written_elsewhere(tmp_path):
    """The folder of the inputs is in one of its own, beside which nothing may appear."""
    yield
    assert {path.name for path in tmp_path.iterdir()} <= {"inputs", "people"}


def test_search_files(tmp_path, monkeypatch):
    monkeypatch.setenv("COCO_ROOT", "/data/coco")
    (tmp_path / "inputs").mkdir()
    file = tmp_path / "inputs" / "search.yaml"
    content = (EXAMPLES / "coco_mini.yaml").read_bytes()
    document = yaml.safe_load(content) | {
        "budget": ["mmacs <= 250", "params <= 1.5M"],
        "sampler": {"name": "cost_aware", "startup_trials": 5},
        "scheduler": {"name": "pareto", "grace_period": 2, "reduction_factor": 3},
        "warm_start": {"networks": ["dite_hrnet_18"], "published": ["table5"]},
        "study_url": "sqlite:////data/a b#1/study.db",
        "mlflow_url": "sqlite:////data/50%/mlflow.db?timeout=5",
        "directory": "/data/runs ü?",
        "resources": {"workers": 2, "gpus_per_worker": 0.5},
    }
    document["data"] |= {
        "category": "person",
        "on_orientation": "stop",
        "detections": "boxes.json",
        "prepared": "p",
        "boxes": "det",
    }

    def read(text: bytes) -> None:
        file.write_bytes(text)
        config = load_search(file)
        config.to_dict(), config.network_budget, config.rungs, config.first_points, config.search_space.count()

    inputs = text_inputs(content, document, yaml.safe_dump)
    fuzz(read, lambda chance: (BYTE_ORDER_MARK if chance.random() < 0.2 else b"") + inputs(chance), seed=1)


@pytest.fixture
def people(tmp_path):
    draw_dataset(tmp_path / "people", train_images=2, val_images=2, seed=0)
    return tmp_path / "people"


def test_annotations(people):
    split = coco_split(people, "train")
    file = split.annotation_file
    content = file.read_bytes()
    document = json.loads(content)
    document["annotations"] = document["annotations"][:2]

    def read(text: bytes) -> None:
        file.write_bytes(text)
        for person in load_people(file, split.image_dir):
            assert person.image_path.resolve().is_relative_to(split.image_dir.resolve()), person.image_path

    fuzz(read, text_inputs(content, document, json.dumps), seed=2)


@pytest.mark.slow
def test_data_on_a_page(people):
    """Annotations of COCO's keypoints and of others, as `data show` reads, counts and draws them."""
    file = coco_split(people, "train").annotation_file
    own = json.loads(file.read_text())
    own["categories"][0]["keypoints"] = [name.replace("left_", "L").replace("right_", "R") for name in COCO17.names[:-1]] + [
        "x"
    ]

    def read(content: bytes) -> object:
        file.write_bytes(content)
        data = read_dataset(DataConfig(root=people), ("train",))
        scanned = {split.name: scan_images(split.images) for split in data.splits}
        found = inspect(data, scanned, (64, 64))
        galleries = [split_gallery(found, split, people=1, seed=0) for split in data.splits]
        return json.dumps(found.to_dict()), page_html(found, galleries)

    for seed, document in enumerate((json.loads(file.read_text()), own)):
        fuzz(read, text_inputs(json.dumps(document).encode(), document, json.dumps), seed=seed)


@pytest.mark.parametrize("data_format", [COCO.name, CROWDPOSE.name])
def test_fields_of_annotations_are_read_remarked_on_and_scored(data_format, tmp_path):
    """Every accepted field has remarks of one line each, and scores that are figures."""
    draw_dataset(tmp_path / "people", train_images=2, val_images=3, seed=0)
    root, keypoint_set = tmp_path / "people", FORMATS[data_format].keypoint_set
    if data_format == CROWDPOSE.name:
        root = write_crowdpose(tmp_path / "inputs", root, [0.0, 0.5, 2.9])
    data = DataConfig(root=root, format=data_format)
    file = data.annotation_file("val")
    document = rich_document(json.loads(file.read_text()), keypoint_set)
    arch = preset("lite_hrnet_18", keypoints=keypoint_set.count, input_size=(64, 64))
    taken = []

    def read(content: bytes) -> None:
        file.write_bytes(content)
        people, notes = data.people_and_notes("val")
        for note in notes:
            assert len(note.sentence.splitlines()) == 1, note
            assert "\x00" not in note.sentence, note
        dataset = validation_set(data, arch, TrainConfig())
        predicted = np.stack([person.keypoints[:, :2] for person in people])
        found = score(dataset, Predictions(keypoints=predicted, scores=np.ones(predicted.shape[:2])), data)
        # COCO's own word for nobody of a size is -1.
        assert all(-1 <= value <= 1 or math.isnan(value) for value in found.metrics.values()), found.metrics
        taken.append(found.metrics[data.accuracy])

    read(json.dumps(document).encode())
    assert taken == [pytest.approx(1)]
    fuzz(read, lambda chance: annotation_inputs(document, keypoint_set, chance), seed=8)
    assert len(taken) > COUNT / 10, "hardly any input was taken: these are no tests of what is read"


def test_detections(people, tmp_path):
    split = coco_split(people, "train")
    images = json.loads(split.annotation_file.read_text())["images"]
    document = [
        {"image_id": image["id"], "category_id": 1, "bbox": [1.0, 2.0, 30.0, 40.0], "score": 0.9}
        for image in images
        for _ in "ab"
    ]
    (tmp_path / "inputs").mkdir()
    file = tmp_path / "inputs" / "detections.json"

    def read(text: bytes) -> None:
        file.write_bytes(text)
        load_detections(file, split.annotation_file, split.image_dir)

    fuzz(read, text_inputs(json.dumps(document).encode(), document, json.dumps), seed=3)


def test_images(people):
    (file, *_) = sorted((people / "train").rglob("*.jpg")) or sorted(people.rglob("*.jpg"))
    with Image.open(file) as picture:
        small = picture.resize((48, 64))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG")

    def read(content: bytes) -> None:
        file.write_bytes(content)
        read_image(file)

    fuzz(read, lambda chance: mutated_bytes(buffer.getvalue(), chance), seed=4)


def test_checkpoints(tmp_path):
    (tmp_path / "inputs").mkdir()
    file = tmp_path / "inputs" / "last.pt"
    state = {"network": {"w": torch.ones(3)}, "optimizer": {}, "scaler": {}, "average": None, "averaged_steps": 0}
    save_checkpoint(
        file, Checkpoint(arch=preset("lite_hrnet_18"), train=TrainConfig(epochs=1), data={"name": "x"}, state=state)
    )
    content = file.read_bytes()

    def read(changed: bytes) -> None:
        file.write_bytes(changed)
        load_checkpoint(file)

    fuzz(read, lambda chance: mutated_bytes(content, chance), seed=5)


@pytest.mark.slow
def test_studies(tmp_path, make_search):
    config = make_search(directory=str(tmp_path / "inputs"))
    create_study(config)
    study = open_study(config)
    search = StudySearch(config)
    for name in "abc":
        search.suggest(name)
        search.on_trial_result(name, {"epoch": 1, "ap_gt": 0.1, "loss": 1.0})
        search.on_trial_complete(name, {"epoch": 2, "ap_gt": 0.2})
    del study, search
    file = config.study_directory / "study.db"
    content, described = file.read_bytes(), (config.study_directory / "search.yaml").read_bytes()
    assert len(content) > 10_000

    def inputs(chance: random.Random) -> bytes:
        # The first bytes and the pages of the trials, not only the empty ones between them.
        used = [i for i in range(0, len(content), 64) if any(content[i : i + 64])]
        changed = bytearray(content)
        for start in chance.sample(used, chance.randint(1, 6)):
            changed[start : start + 8] = chance.randbytes(8)
        return bytes(changed) if chance.random() < 0.9 else mutated_bytes(content, chance)

    def read(changed: bytes) -> None:
        for left_over in config.study_directory.glob("study.db?*"):
            left_over.unlink()
        file.write_bytes(changed)
        record = read_study(load_config(config.study_directory))
        assert record.trials is not None

    fuzz(read, inputs, seed=6)
    file.write_bytes(content)

    def read_description(changed: bytes) -> None:
        (config.study_directory / "search.yaml").write_bytes(changed)
        read_study(load_config(config.study_directory))

    fuzz(read_description, lambda chance: mutated_bytes(described, chance), seed=7)


def test_names_in_a_report_are_text(tmp_path, make_search):
    hostile = "<script>alert(1)</script>"
    config = make_search(directory=str(tmp_path / "inputs"))
    create_study(config)
    search = StudySearch(config)
    search.suggest("a")
    search.on_trial_result("a", {"reason": hostile})
    search.on_trial_complete("a", {})
    record = read_study(config)
    html = write_report(record, tmp_path / "inputs" / "report").html.read_text()
    assert hostile not in html
    assert "&lt;script&gt;" in html or "\\u003cscript" in html
