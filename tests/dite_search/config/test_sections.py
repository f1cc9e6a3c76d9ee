"""The sections of a search file, each alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dite_search.config.search_config import parse_search
from dite_search.config.sections import (
    SAMPLERS,
    ResourcesSection,
    SamplerSection,
    SchedulerSection,
    WarmStartSection,
    default_sampler,
    sampler_words,
)
from search_spaces.common.errors import InvalidInput


@pytest.mark.parametrize(
    ("section", "fields", "message"),
    [
        (ResourcesSection, {"workers": 4, "max_workers": 2}, "max_workers must be at least workers 4, got 2"),
        (ResourcesSection, {"gpus_per_worker": -1}, "greater than or equal to 0"),
        (SchedulerSection, {"reduction_factor": 1.0}, "greater than 1"),
        (SamplerSection, {"seed": 1}, "Extra inputs are not permitted"),
    ],
)
def test_a_field_that_breaks_a_rule(section: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        section(**fields)


def test_a_name_that_is_not_known() -> None:
    with pytest.raises((InvalidInput, ValidationError), match="unknown sampler 'tpee': did you mean 'tpe'"):
        SamplerSection(name="tpee")
    assert SamplerSection(name="optunahub:samplers/auto").name == "optunahub:samplers/auto"


def test_one_worker_trains_in_the_process_of_the_trial() -> None:
    assert ResourcesSection().in_process
    assert not ResourcesSection(workers=2).in_process
    assert not ResourcesSection(max_workers=2).in_process


def test_the_folder_of_a_study_is_kept_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "first/search.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert WarmStartSection(studies=("first", "second")).studies == (str(tmp_path / "first"), "second")


@pytest.mark.parametrize(
    ("objectives", "expected"),
    [
        (("ap_gt", "mmacs"), ("cost_aware", "the objectives are one accuracy and costs")),
        (("params", "mmacs", "nme", "mmacs_paper"), ("cost_aware", "the objectives are one accuracy and costs")),
        (("ap_gt",), ("tpe", "the accuracy is the only objective")),
        (("ap_gt", "mmacs", "latency_ms"), ("tpe", "latency_ms is measured")),
    ],
)
def test_the_sampler_of_a_search_that_names_none_follows_from_its_objectives(
    objectives: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert default_sampler(objectives) == expected
    name, reason = expected
    assert sampler_words(name, objectives) == f"{name} (the default, because {reason})"
    assert sampler_words("qmc", objectives) == "qmc"


@pytest.mark.parametrize("sampler", [*SAMPLERS, None])
@pytest.mark.parametrize("objectives", [None, ["ap_gt", "params"], ["ap_gt", "latency_ms"]])
def test_a_sampler_that_is_named_is_taken_and_others_keep_their_settings(
    sampler: str | None, objectives: list[str] | None
) -> None:
    fields: dict[str, Any] = {"name": "s", "space": "tiny", "data": {"synthetic": {}}, "trials": 1}
    fields |= {"objectives": objectives} if objectives else {}
    named = {"name": sampler} if sampler else {}
    found = parse_search(fields | {"sampler": named | {"startup_trials": 4}}, "search.yaml")
    expected = sampler or ("tpe" if objectives == ["ap_gt", "latency_ms"] else "cost_aware")
    assert (found.sampler.name, found.sampler.startup_trials) == (expected, 4)
    assert parse_search(found.to_dict(), "search.yaml") == found


SPENDING: dict[str, Any] = {"name": "s", "space": "tiny", "data": {"synthetic": {}}}


@pytest.mark.parametrize(
    ("spend", "sentence"),
    [
        ({}, "spend: must name hours, gpu_hours, epochs or until"),
        ({"hours": 0}, "spend.hours must be above 0, got 0"),
        ({"hours": -2.5}, "spend.hours must be above 0, got -2.5"),
        ({"hours": float("nan")}, "spend.hours must be above 0, got nan"),
        ({"gpu_hours": float("inf")}, "spend.gpu_hours must be a finite number, got inf"),
        ({"hours": True}, "spend.hours: must be a number, got true"),
        ({"hours": "long"}, "spend.hours must be a number, got 'long'"),
        ({"epochs": 0}, "spend.epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, "spend.epochs must be an integer, got 1.5"),
        ({"hour": 2}, "unknown field of spend 'hour': did you mean 'hours'"),
        (
            {"until": "tomorrow"},
            "spend.until: must be a date and time such as 2026-12-01T08:00, local time unless an offset",
        ),
        ({"until": "2026-12-01"}, "got '2026-12-01'"),
        ({"until": 5}, "got '5'"),
        ({"gpu_hours": 5}, "spend.gpu_hours must be left out where resources.gpus_per_worker is 0: no trial takes a GPU"),
    ],
)
def test_a_budget_that_breaks_a_rule_is_told_by_its_field(spend: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_search(SPENDING | {"spend": spend}, "search.yaml")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("search.yaml: ")


def test_a_search_names_networks_or_a_budget() -> None:
    with pytest.raises(InvalidInput, match=r"search.yaml: trials must be given, or spend: how many networks"):
        parse_search(SPENDING, "search.yaml")
    with pytest.raises(InvalidInput, match="trials must be given for sampler grid"):
        parse_search(SPENDING | {"spend": {"hours": 1}, "sampler": {"name": "grid"}}, "search.yaml")
    found = parse_search(SPENDING | {"spend": {"hours": 8, "epochs": 40}}, "search.yaml")
    assert (found.trials, found.spend.hours, found.spend.epochs) == (None, 8.0, 40)
    assert parse_search(found.to_dict(), "search.yaml") == found


@pytest.mark.parametrize("text", ["2026-12-01T08:00", "2026-12-01 08:00:30"])
def test_an_end_without_an_offset_is_local_time_and_is_kept_with_its_offset(text: str) -> None:
    found = parse_search(SPENDING | {"spend": {"until": text}}, "search.yaml")
    assert found.spend.until == datetime.fromisoformat(text).astimezone()
    assert parse_search(found.to_dict(), "search.yaml").spend == found.spend
    offset = parse_search(SPENDING | {"spend": {"until": f"{text}+05:00"}}, "search.yaml")
    assert offset.spend.until.utcoffset() == timedelta(hours=5)
