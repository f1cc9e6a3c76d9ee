"""One study, one protocol: each field of the search file either may change, by the documented table, or is named."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dite_search.config.changeable import CHANGEABLE
from dite_search.config.reference_page import SECTIONS, search_file_reference
from dite_search.config.search_config import parse_search
from dite_search.study.protocol import Difference, differences, may_change, refuse_changes, settings_of
from search_spaces.common.errors import InvalidInput
from search_spaces.families.dite_hrnet.config import BLOCKS, FUSIONS, POOLINGS, STEMS, ArchConfig
from search_spaces.training_config import COMPUTATION, TrainConfig

BASE: dict[str, Any] = {
    "name": "s1",
    "space": {"base": "tiny", "parameters": {"learning_rate": {"low": 0.001, "high": 0.01}}},
    "data": {"root": "/data", "prepared": "/prepared", "boxes": "det", "detections": "/boxes.json"},
    "objectives": ["ap_det", "mmacs"],
    "trials": 3,
    "training": {"epochs": 20, "batch_size": 16},
}
SYNTHETIC = {"data": {"synthetic": {"train_images": 24}}, "objectives": ["ap_gt", "mmacs"]}
OWN = {"name": "energy", "function": "m:energy", "folder": "x", "direction": "minimize", "source": "counted", "digest": "a"}
OTHER: dict[str, Any] = {
    "own_objectives": [OWN],
    "input_size": "64x64",
    "objectives": ["ap_det", "params"],
    "budget": ["mmacs <= 100"],
    "repeats": 2,
    "start_with": [{"widths": "16-24-32-48", "groups_branch3": 1, "groups_branch4": 1}],
    "reuse": False,
    "data.format": "crowdpose",
    "data.name": "mine",
    "data.synthetic": {"train_images": 30},
    "data.train_split": "val",
    "data.val_split": "train",
    "data.boxes": "gt",
    "data.on_broken_image": "skip",
    "data.on_orientation": "ignore",
    "sampler.name": "nsga2",
    "sampler.proxies": ["naswot"],
    "scheduler.name": "none",
    "scheduler.grace_period": 2,
    "warm_start.networks": ["lite_hrnet_18"],
    "warm_start.studies": ["other"],
    "warm_start.published": ["table5"],
    "resources.max_workers": 2,
    "latency.device": "phone",
    "latency.threads": 3,
    "directory": "/elsewhere",
    "checkpoints": "/checkpoints",
    "study_url": "sqlite:////elsewhere/study.db",
    "mlflow_url": "http://127.0.0.1:5000",
    "max_concurrent": 2,
    "training.optimizer": "adamw",
    "training.codec": "udp",
    "training.precision": "bfloat16",
    "training.milestones": [0.5, 0.6],
    "training.reference_batch_size": 32,
    "training.clip_norm": 1.0,
    "training.ema_decay": 0.9,
    "training.sigma": 3.0,
    "training.micro_batch": 4,
    "training.checkpoint_iterations": 7,
    "training.decay": 0.5,
    "training.start_from": "/weights.pt",
    "training.distill": {"teacher": "/teacher.pt"},
}
"""Another value of a field, where it is not the present one and a half more of it."""
OF_GT = {"objectives": ["ap_gt", "mmacs"]}
PLACES = {name: {"annotations": f"{name}.json", "images": name} for name in ("train", "val")}
WHOLE = {"annotations": "all.json", "images": "images"}
NEEDED: dict[str, dict[str, Any]] = {
    "data.format": {"objectives": ["ap_gt", "mmacs"], "data": {"root": "/data", "format": "crowdpose"}},
    "data.boxes": {"objectives": ["ap_gt", "mmacs"], "data": {"root": "/data", "boxes": "gt"}},
    "data.synthetic": {"objectives": ["ap_gt", "mmacs"], "data": {"synthetic": {"train_images": 30}}},
    "data.keypoints": {"data": {"root": "/data", "keypoints": {"colours": ["#112233"] * 17}}, **OF_GT},
    "data.metric": {"data": {"root": "/data", "metric": "nme"}, "objectives": ["nme", "mmacs"]},
    "data.train.annotations": {"data": {"root": "/data", **PLACES}, **OF_GT},
    "data.train.images": {"data": {"root": "/data", **PLACES}, **OF_GT},
    "data.val": {"data": {"root": "/data", **PLACES}, **OF_GT},
    "data.test": {"data": {"root": "/data", **PLACES, "test": PLACES["val"]}, **OF_GT},
    "data.annotations": {"data": {"root": "/data", **WHOLE, "split": "s.yaml"}, **OF_GT},
    "data.images": {"data": {"root": "/data", **WHOLE, "split": "s.yaml"}, **OF_GT},
    "data.split": {"data": {"root": "/data", **WHOLE, "split": "s.yaml"}, **OF_GT},
    "data.val_share": {"data": {"root": "/data", **WHOLE, "val_share": 0.2}, **OF_GT},
    "data.group_by": {"data": {"root": "/data", **WHOLE, "val_share": 0.2, "group_by": "subject"}, **OF_GT},
    "training.freeze": {"training": {**BASE["training"], "start_from": "/weights.pt", "freeze": ["stem"]}},
    "sampler.proxies": {"sampler": {"name": "cost_aware", "proxies": ["naswot"]}},
    "warm_start.published": {"sampler": {"name": "cost_aware"}, "warm_start": {"published": ["table5"]}},
    "warm_start.networks": {"warm_start": {"networks": ["lite_hrnet_18"]}, "space": {"base": "table6"}},
    "spend.hours": {"spend": {"hours": 2}},
    "spend.gpu_hours": {"spend": {"gpu_hours": 2}, "resources": {"gpus_per_worker": 1}},
    "spend.epochs": {"spend": {"epochs": 100}},
    "spend.until": {"spend": {"until": "2100-01-01T08:00+00:00"}},
    "start_with": {
        "start_with": [{"kernels_branch1": 1}],
        "space": {
            "base": "tiny",
            "parameters": dict.fromkeys(("widths", "groups_branch3", "groups_branch4", "kernels_branch2", "modules_stage3")),
        },
    },
}
"""Whole fields that a change needs beside it."""


def leaves() -> list[str]:
    """Every field of the search file by its dotted name; those of the space apart."""
    fields = [
        f"{title}.{name}".removeprefix("The search.") for title, section in SECTIONS.items() for name in section.model_fields
    ]
    inner = [name for name in fields if name not in SECTIONS and name not in ("name", "space", "training")]
    return [*inner, *(f"training.{field.name}" for field in dataclasses.fields(TrainConfig) if field.name != "seed")]


def changed(field: str) -> dict[str, Any]:
    """The search with another value of a field."""
    base = BASE | (SYNTHETIC if field.startswith("data.synthetic.") else {})
    if field in NEEDED:
        return base | NEEDED[field]
    present = parse_search(base, "search.yaml")
    value: Any = present.train_config if field.startswith("training.") else present
    for part in field.removeprefix("training.").split("."):
        value = getattr(value, part)
    if isinstance(value, bool):
        value = not value
    elif isinstance(value, int | float):
        value = value + (1 if isinstance(value, int) else 0.5 * value or 0.1)
    else:
        value = "/other" if field.startswith("data.") else value
    changes: Any = OTHER.get(field, value)
    for part in reversed(field.split(".")):
        changes = {part: changes}
    return _merged(base, changes)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return base | {
        name: _merged(base[name], value) if isinstance(value, dict) and isinstance(base.get(name), dict) else value
        for name, value in changes.items()
    }


@pytest.mark.parametrize("field", leaves())
def test_every_field_may_change_or_is_named(field):
    base = parse_search(BASE | (SYNTHETIC if field.startswith("data.synthetic.") else {}), "search.yaml")
    other = parse_search(changed(field), "search.yaml")
    found = [each.field for each in differences(settings_of(base), settings_of(other), {})]
    if may_change(field):
        assert field not in found
        assert found == [] or field in NEEDED
    else:
        assert any(name == field or name.startswith(f"{field}.") for name in found)
        assert len(found) == 1 or field in NEEDED


@pytest.mark.parametrize("field", [field for field in ArchConfig().to_dict() if field not in ("input_size", "keypoints")])
def test_every_field_of_the_base_is_named(field):
    arch = parse_search(BASE, "search.yaml").search_space.base.to_dict()
    value, choices = arch[field], {"stem": STEMS, "block": BLOCKS, "fusion": FUSIONS, "context_pooling": POOLINGS}
    if field in choices:
        other = next(name for name in choices[field] if name != value)
    else:
        other = [2 * each for each in value] if isinstance(value, list) else 2 * value
    spaces = [{"base": arch | change, "parameters": {"kernels_branch1": [1, 2]}} for change in ({}, {field: other})]
    before, now = (settings_of(parse_search(BASE | {"space": space}, "search.yaml")) for space in spaces)
    assert f"space.base.{field}" in [each.field for each in differences(before, now, {})]


def test_the_documentation_lists_what_may_change():
    text = search_file_reference()
    assert all(f"| `{name}` | " in text.partition("## What may change in a study")[2] for name in CHANGEABLE)
    known = [*leaves(), *SECTIONS]
    assert all(name in known for name in CHANGEABLE), "the table names fields that there are"
    assert {f"training.{name}" for name in COMPUTATION} <= set(CHANGEABLE)


def settings(parameters, **changes):
    return settings_of(parse_search(BASE | changes | {"space": {"base": "tiny", "parameters": parameters}}, "search.yaml"))


@pytest.mark.parametrize(
    ("parameters", "field", "before", "now"),
    [
        ({"groups_branch4": [2]}, "space.parameters.groups_branch4", [1, 2, 4], [2]),
        ({"kernels_branch1": [1, 2, 4]}, "space.parameters.kernels_branch1", [1, 2], [1, 2, 4]),
        ({"groups_branch3": None}, "space.parameters.groups_branch3", [1, 2], None),
        ({"stem_width": [16, 24]}, "space.parameters.stem_width", None, [16, 24]),
        (
            {"widths": ["16-32-48-64", "16-24-32-48", "24-32-48-64", "32-48-64-96"]},
            "space.parameters.widths",
            ["16-24-32-48", "16-32-48-64", "24-32-48-64", "32-48-64-96"],
            ["16-32-48-64", "16-24-32-48", "24-32-48-64", "32-48-64-96"],
        ),
    ],
)
def test_a_changed_parameter_is_named_with_both_values(parameters, field, before, now):
    assert differences(settings({}), settings(parameters), {}) == [Difference(field=field, before=before, now=now)]


def test_the_same_space_in_other_words_is_the_same():
    assert differences(settings({}), settings({"groups_branch4": [4, 2, 1]}), {}) == []
    assert settings_of(parse_search(BASE | {"space": "tiny"}, "x")) == settings({})


bounds = st.floats(0.001, 1.0, allow_nan=False)


@pytest.mark.slow
@given(st.lists(bounds, min_size=4, max_size=4, unique=True), st.lists(bounds, max_size=5))
def test_a_range_may_change_while_every_trial_lies_in_it(numbers, tried):
    low, high, other_low, other_high = sorted(numbers[:2]) + sorted(numbers[2:])
    before, now = ({"learning_rate": {"low": a, "high": b}} for a, b in ((low, high), (other_low, other_high)))
    found = differences(settings(before), settings(now), {"learning_rate": tried})
    assert bool(found) == any(not other_low <= value <= other_high for value in tried)


def test_the_kind_of_a_range_stays():
    before, now = ({"learning_rate": {"low": 0.001, "high": 0.01, "log": log}} for log in (False, True))
    (found,) = differences(settings(before), settings(now), {})
    assert (found.before["log"], found.now["log"]) == (False, True)
    (found,) = differences(settings(before), settings({"learning_rate": [0.001, 0.002]}), {})
    assert found.now == [0.001, 0.002]


def test_to_and_from_grid_a_sampler_cannot_change():
    grid, tpe, random = (
        settings_of(parse_search(BASE | {"space": "tiny", "sampler": {"name": name}}, "x"))
        for name in ("grid", "tpe", "random")
    )
    assert differences(tpe, random, {}) == []
    for before, now in ((grid, tpe), (tpe, grid)):
        assert [each.field for each in differences(before, now, {})] == ["sampler.name"]


def test_threads_device_and_runtime_stay_where_latency_counts():
    counted = {"objectives": ["ap_det", "latency_ms"]}
    for changes in ({"latency": {"threads": 4}}, {"resources": {"cpus_per_worker": 4}}):
        (found,) = differences(settings({}, **counted), settings({}, **counted, **changes), {})
        assert (found.field, found.before, found.now) == ("latency.threads", 1, 4)
    assert differences(settings({}, **counted), settings({}, **counted, latency={"warmup": 9, "runs": 99}), {}) == []
    limited = {"budget": ["latency_ms <= 5"]}
    (found,) = differences(settings({}, **limited), settings({}, **limited, latency={"device": "phone"}), {})
    assert (found.field, found.now) == ("latency.device", "phone")
    for fields in (counted, limited):
        present, other = settings({}, **fields), settings({}, **fields, latency={"runtime": "ncnn"})
        (found,) = differences(present, other, {})
        assert (found.field, found.before, found.now) == ("latency.runtime", "onnx", "ncnn")
        before = {name: value for name, value in present.items() if name != "latency.runtime"}
        assert differences(before, present, {}) == [], "a study that did not know other runtimes goes on"
    assert differences(settings({}), settings({}, latency={"runtime": "ncnn"}), {}) == []


def test_a_field_that_was_not_known_then_had_its_default():
    present = settings({})
    for field in ("repeats", "training.photometric", "space.base.stem_kernels", "data.boxes", "seed"):
        before = {name: value for name, value in present.items() if name != field}
        found = [each.field for each in differences(before, present, {})]
        # The base of this space has another value than the default, and the data have other boxes.
        assert found == ([field] if field in ("space.base.stem_kernels", "data.boxes") else [])


def test_the_sentence_names_field_values_and_remedy(tmp_path):
    config = parse_search(BASE | {"directory": str(tmp_path)}, "search.yaml")
    folder = tmp_path / "s1"
    refuse_changes(config, [])
    epochs = Difference(field="training.epochs", before=2, now=3)
    with pytest.raises(InvalidInput) as caught:
        refuse_changes(config, [epochs])
    assert str(caught.value) == (
        f"study s1 was made with training.epochs 2, but {folder}/search.yaml has 3: put it back, or make a new study under"
        " another name"
    )
    groups = Difference(field="space.parameters.groups_branch4", before=[1, 2, 4], now=None)
    with pytest.raises(InvalidInput) as caught:
        refuse_changes(config, [groups])
    assert str(caught.value) == (
        f"study s1 was made with space.parameters.groups_branch4 [1, 2, 4], but {folder}/search.yaml has none: put it back,"
        f" or make a new study under another name, with warm_start: {{studies: [{folder}]}}"
    )
    with pytest.raises(InvalidInput) as caught:
        refuse_changes(config, [groups, epochs, *[dataclasses.replace(epochs, field=f"f{n}") for n in range(3)]])
    assert "[1, 2, 4] and training.epochs 2 and f0 2 and 2 more fields, but" in str(caught.value)
    assert "warm_start" not in str(caught.value), "another number of epochs is another protocol"
