"""The search file that is written for a folder of data."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dite_search.config.search_config import load_search
from dite_search.doctor.findings import FAILED
from dite_search.doctor.needs import need_findings
from dite_search.planning.search_file import name_of, recipe_for, write_search_file
from dite_search.planning.survey import survey
from search_spaces.common.errors import InvalidInput


@pytest.mark.parametrize("data", ["coco_mini", pytest.param("lsp_small", marks=pytest.mark.slow), None])
def test_what_is_written_passes_what_a_search_needs(
    data: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = request.getfixturevalue(data) if data else None
    file = tmp_path / "search.yaml"
    write_search_file(file, survey(folder, {}) if folder else None, name="mine", hours=0.5, gpu=False)
    config = load_search(file)
    assert config.spend is not None
    assert config.spend.hours == 0.5
    assert config.objectives == ("pck" if data == "lsp_small" else "ap_gt", "mmacs")
    assert [found for found in need_findings(config, new=True) if found.status == FAILED] == []
    text = file.read_text()
    assert max(map(len, text.splitlines())) <= 150
    remarks = ["networks of the space take", "a tenth of the steps", "the search ends by then", "people"]
    assert all(any(words in line.partition("#")[2] for line in text.lower().splitlines()) for words in remarks)
    with pytest.raises(InvalidInput, match=r"search\.yaml exists already, and is not written over: name another file"):
        write_search_file(file, None, name="mine", hours=0.5, gpu=False)
    assert file.read_text() == text


def test_a_gpu_gets_larger_inputs_and_batches(tmp_path: Path) -> None:
    write_search_file(tmp_path / "a.yaml", None, name="a", hours=2.0, gpu=True)
    fields = yaml.safe_load((tmp_path / "a.yaml").read_text())
    assert fields["resources"]["gpus_per_worker"] == 1
    assert fields["input_size"] == "256x192"
    assert fields["spend"] == {"hours": 2}
    assert fields["training"]["batch_size"] > recipe_for(1800, gpu=False).batch


@given(st.integers(1, 2_000_000), st.booleans())
def test_a_recipe_has_enough_steps_and_warms_up_for_few_of_them(people: int, gpu: bool) -> None:
    found = recipe_for(people, gpu=gpu)
    assert found.steps * found.epochs >= min(1500, 200 * found.steps)
    assert 2 * found.warmup < found.steps * found.epochs
    assert 1 <= found.validate_every <= found.epochs
    assert found.batch <= max(8, people)


@pytest.mark.parametrize(("folder", "name"), [("équipe 2", "quipe_2"), ("my data", "my_data"), ("…", "search")])
def test_a_study_is_called_after_the_folder(folder: str, name: str, tmp_path: Path) -> None:
    assert name_of(tmp_path / folder) == name


def test_a_link_is_called_as_its_user_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "disk 7").mkdir()
    (tmp_path / "my_photos").symlink_to(tmp_path / "disk 7")
    assert name_of(tmp_path / "my_photos") == "my_photos"
    monkeypatch.chdir(tmp_path / "my_photos")
    assert name_of(Path()) == name_of(Path("..") / "disk 7") == "disk_7", "a shell alone knows by which way it came"
