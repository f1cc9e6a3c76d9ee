"""The sections of a search file, each alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from dite_search.config.sections import ResourcesSection, SamplerSection, SchedulerSection, WarmStartSection
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
