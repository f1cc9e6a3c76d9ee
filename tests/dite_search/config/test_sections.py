"""The sections of a search file, each alone."""

from __future__ import annotations

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
