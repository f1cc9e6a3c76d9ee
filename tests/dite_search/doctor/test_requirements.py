"""A search and doctor refuse the same inputs in the same words, before anything is made."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from dite_search.config.search_config import SearchConfig
from dite_search.doctor.findings import FAILED, OK, WARNING, Finding
from dite_search.doctor.needs import need_findings
from dite_search.doctor.requirements import require
from dite_search.study.study import create_study
from search_spaces.common.errors import InvalidInput
from trainers.data.config import DataConfig
from trainers.data.images.orientation import with_orientation
from trainers.data.synthetic.dataset import draw_dataset
from trainers.networks.registry import build_network

MakeSearch = Callable[..., SearchConfig]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    draw_dataset(tmp_path / "people", train_images=3, val_images=4, seed=0)
    return tmp_path / "people"


def annotations(root: Path, split: str, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change an annotation file, and return it."""
    file = DataConfig(root=root).annotation_file(split)
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    return file


def each(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda document: [change(entry) for entry in document["annotations"]]


def images(root: Path, split: str = "val") -> list[Path]:
    return sorted((root / f"{split}2017").iterdir())


def refused(config: SearchConfig) -> str:
    """Return the sentence of a search, which has to be that of doctor, with nothing made."""
    with pytest.raises(InvalidInput) as refusal:
        require(config, Console(file=io.StringIO()), new=True)
    (found,) = (finding for finding in need_findings(config, new=True) if finding.status == FAILED)
    assert found.sentence == str(refusal.value)
    assert found.remedy
    return found.sentence


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_what_is_met_is_said(make_search: MakeSearch, root: Path) -> None:
    config = make_search(data={"root": str(root)}, budget=["mmacs <= 200"], checkpoints=str(root.parent / "kept"))
    found = by_name(need_findings(config, new=True))
    assert {name for name, finding in found.items() if finding.status != OK} == {"learning"}
    assert {name: finding.sentence for name, finding in found.items() if name != "learning"} == {
        "name": f"there is no study small in {root.parent / 'runs'} yet",
        "data": f"annotations and images in {root} can be read",
        "budget": "networks of space tiny meet mmacs <= 200",
        "sampler": "cost_aware (the default, because the objectives are one accuracy and costs) suggests the networks",
        "checkpoints": f"{root.parent / 'kept'} can be written",
    }
    ready = require(config, Console(file=io.StringIO()), new=True)
    assert (ready.data.root, ready.checked.notes, ready.known) == (root, (), [])
    assert not config.study_directory.exists()


def test_a_training_that_is_too_short_is_warned_of(make_search: MakeSearch, root: Path) -> None:
    training = {"epochs": 2, "batch_size": 8, "warmup_iterations": 500}
    config, screen = make_search(data={"root": str(root)}, training=training), io.StringIO()
    found = by_name(need_findings(config, new=True))["learning"]
    people = require(config, Console(file=screen), new=True).checked.counts
    assert people is not None
    assert found.status == WARNING
    assert found.sentence == (
        "a training takes 2 steps, 1 an epoch, and all of them are warm-up (training.warmup_iterations 500);"
        f" {people.training_people} people are learned from; the accuracy is that of {people.validation_images} images only"
    )
    assert screen.getvalue().startswith("warning: networks may learn nothing: a training takes ")


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (each(lambda entry: entry.update(keypoints=entry["keypoints"][:12])), "must be 51 numbers .*, got 12$"),
        (each(lambda entry: entry.pop("area")), "must have 'area', got only"),
        (lambda document: document.update(annotations=[]), "must hold at least one person .*, got none among 0"),
        (lambda document: document.pop("images"), "must have 'images'"),
        (each(lambda entry: entry.update(bbox=[0, 0, 3e300, 5])), "must be of numbers up to 1e\\+15, got"),
    ],
)
def test_annotations_that_a_search_refuses(
    change: Callable[[dict[str, Any]], object], message: str, split: str, make_search: MakeSearch, root: Path
) -> None:
    file = annotations(root, split, change)
    sentence = refused(make_search(data={"root": str(root)}))
    assert str(file) in sentence
    with pytest.raises(InvalidInput, match=message):
        raise InvalidInput(sentence)


def test_images_to_be_scored_are_read_before_a_trial_is_spent(make_search: MakeSearch, root: Path) -> None:
    config = make_search(data={"root": str(root)})
    path = images(root)[-1]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(config) == (f"image {path} is truncated: its {len(whole) // 2} bytes stop before the end of the picture")
    path.write_text("hello")
    assert "must be a JPEG or PNG file, its 5 bytes begin with b'hell'" in refused(config)
    path.unlink()
    assert refused(config).startswith(f"image file not found: {path}, named by ")


def test_images_to_be_scored_are_of_their_annotated_size(make_search: MakeSearch, root: Path) -> None:
    annotations(root, "val", lambda document: document["images"][1].update(width=161))
    sentence = refused(make_search(data={"root": str(root)}))
    assert sentence.endswith("must be of the size in its annotation file, 160 x 161 (height x width), got 160 x 160")


def test_a_published_truncated_photograph(make_search: MakeSearch, root: Path, exports: Path) -> None:
    path = images(root)[0]
    path.write_bytes((exports / "pillow_truncated_jpeg.jpg").read_bytes())
    assert refused(make_search(data={"root": str(root)})).startswith(f"image {path} is truncated: its 6698 bytes stop")


def test_broken_images_to_learn_from_are_left_to_their_rule(make_search: MakeSearch, root: Path) -> None:
    path = images(root, "train")[0]
    path.write_bytes(path.read_bytes()[:-200])
    found = need_findings(make_search(data={"root": str(root)}), new=True)
    assert all(finding.status == OK for finding in found if finding.name != "learning")
    path.unlink()
    assert refused(make_search(data={"root": str(root)})).startswith("image file not found")


def test_images_that_a_camera_wants_turned_are_a_warning(make_search: MakeSearch, root: Path) -> None:
    path = images(root)[0]
    path.write_bytes(with_orientation(path.read_bytes(), 3))
    config = make_search(data={"root": str(root)})
    found = by_name(need_findings(config, new=True))["data: orientation"]
    assert found.status == WARNING
    assert found.sentence.startswith("1 of 4 images to be scored by ")
    screen = io.StringIO()
    require(config, Console(file=screen, width=400), new=True)
    assert screen.getvalue().count(f"warning: {found.sentence}") == 1
    stopped = make_search(data={"root": str(root), "on_orientation": "stop"})
    assert "must be stored upright where on_orientation is stop" in refused(stopped)


def test_a_budget_that_no_network_meets(make_search: MakeSearch, root: Path) -> None:
    sentence = refused(make_search(data={"root": str(root)}, budget=["mmacs <= 0.01"]))
    assert sentence.startswith("budget mmacs <= 0.01 must be met by a network of space tiny, but the cheapest has mmacs ")


def test_a_budget_is_looked_at_where_the_data_are_broken_too(make_search: MakeSearch, root: Path) -> None:
    images(root)[0].write_text("hello")
    config = make_search(data={"root": str(root)}, budget=["mmacs <= 0.01"])
    assert {one.name for one in need_findings(config, new=True) if one.status == FAILED} == {"data", "budget"}


def test_a_latency_that_nobody_measured(make_search: MakeSearch, root: Path) -> None:
    sentence = refused(make_search(data={"root": str(root)}, budget=["latency_ms <= 20"]))
    assert "latency" in sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"start_from": "tiny.pt"}, "training.start_from must be a file of weights, but "),
        ({"start_from": "other.pt"}, "other.pt must hold weights of the network dite_hrnet "),
        ({"start_from": "start.pt", "freeze": ["neck"]}, "training.freeze must name parts of the network (stem, "),
        ({"distill": {"teacher": "start.pt"}}, "training.distill.teacher must say what network it is"),
    ],
)
def test_weights_that_no_network_can_begin_from(
    make_search: MakeSearch, root: Path, tmp_path: Path, fields: dict[str, Any], sentence: str
) -> None:
    torch.save({"state_dict": {"conv.weight": torch.ones(1)}}, tmp_path / "other.pt")
    state = build_network(make_search().search_space.base).state_dict()
    torch.save({"state_dict": state}, tmp_path / "start.pt")
    (tmp_path / "tiny.pt").write_text("no weights")
    places = fields if "distill" in fields else fields | {"start_from": str(tmp_path / fields["start_from"])}
    places = {"distill": {"teacher": str(tmp_path / "start.pt")}} if "distill" in fields else places
    config = make_search(data={"root": str(root)}, training={"epochs": 2, "batch_size": 16} | places)
    assert sentence in refused(config)


def test_weights_are_looked_at_for_a_network_of_the_space(
    make_search: MakeSearch, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = make_search(
        space="tiny_128",
        data={"root": str(root)},
        training={"epochs": 2, "batch_size": 16, "start_from": str(tmp_path / "shared.pt")},
    )
    space, asked = config.search_space, list[Any]()

    def check_beginning(arch: Any, *_: Any) -> Any:
        asked.append(arch)
        return SimpleNamespace(sentences=["they fit"])

    monkeypatch.setattr("trainers.training.beginning.check_beginning", check_beginning)
    assert by_name(need_findings(config, new=True))["weights"].sentence == "they fit"
    assert space.point_of(space.base) is None
    assert [space.point_of(arch) for arch in asked] == [next(iter(space.points()))]


def test_a_name_that_is_taken(make_search: MakeSearch, root: Path) -> None:
    config = make_search(data={"root": str(root)})
    create_study(config)
    assert refused(config).startswith(f"study small exists already in {config.study_directory}: choose another name")
    assert {finding.name for finding in need_findings(config, new=False)} == {"data"}
    assert {finding.status for finding in need_findings(config, new=False)} == {OK}


def test_an_earlier_study_that_is_not_there(make_search: MakeSearch, root: Path) -> None:
    config = make_search(data={"root": str(root)}, warm_start={"studies": ["earlier"]})
    assert refused(config).startswith("study 'earlier' does not exist")


def test_a_sampler_that_is_not_installed(make_search: MakeSearch, root: Path) -> None:
    config = make_search(data={"root": str(root)}, sampler={"name": "optunahub:no/such_sampler"})
    assert refused(config).startswith("sampler optunahub:no/such_sampler ")


def test_checkpoints_of_another_study(make_search: MakeSearch, root: Path, tmp_path: Path) -> None:
    (tmp_path / "kept" / "small" / "trials").mkdir(parents=True)
    config = make_search(data={"root": str(root)}, checkpoints=str(tmp_path / "kept"))
    assert "must have a place of their own" in refused(config)


def test_doctor_draws_nothing(make_search: MakeSearch) -> None:
    config = make_search(warm_start={"studies": []})
    found = by_name(need_findings(config, new=True))
    assert (found["data"].status, found["data"].sentence) == (OK, "the images are drawn in the folder of the studies")
    assert not config.study_directory.parent.exists()
    assert require(config, Console(file=io.StringIO()), new=True).data.root.exists()
    path = images(require(config, Console(file=io.StringIO()), new=True).data.root)[0]
    path.write_text("hello")
    assert "must be a JPEG or PNG file" in refused(config)


def test_data_that_cannot_be_read_are_passed_over(make_search: MakeSearch, root: Path) -> None:
    config = make_search(data={"root": str(root)}, warm_start={"studies": ["earlier"]})
    assert {finding.name for finding in need_findings(config, new=True, readable=False)} == {"name", "sampler"}
