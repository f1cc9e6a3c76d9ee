from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.evaluation.results import Result
from trainers.evaluation.submission import submission_files, write_submission

RESULT = Result(image_id=7, category_id=1, keypoints=[1.26, 2.0, 0.8, -3.14159, 4.75, 0.1] + [0.0] * 45, score=0.123456789)


def test_the_server_gets_what_it_asks_for(tmp_path: Path) -> None:
    json_file, zip_file = write_submission(tmp_path / "out" / "small.json", [RESULT])
    assert json_file == tmp_path / "out" / "person_keypoints_test-dev2017_small_results.json"
    assert zip_file == json_file.with_suffix(".zip")
    (entry,) = json.loads(json_file.read_text())
    assert set(entry) == {"image_id", "category_id", "keypoints", "score"}
    assert (entry["image_id"], entry["category_id"], entry["score"]) == (7, 1, 0.123457)
    assert entry["keypoints"][:6] == [1.3, 2.0, 1, -3.1, 4.8, 1]
    assert len(entry["keypoints"]) == 51
    with zipfile.ZipFile(zip_file) as archive:
        assert archive.namelist() == [json_file.name]
        assert archive.read(json_file.name) == json_file.read_bytes()


def test_a_whole_name_is_kept() -> None:
    name = Path("person_keypoints_test-dev2017_net-18_results.json")
    assert submission_files(name)[0] == name
    assert submission_files(Path("a/net-18.json"))[0] == Path("a") / name


@pytest.mark.parametrize("name", ["my net.json", "-x.json", "a+b.json", "x" * 65])
def test_names_the_server_may_refuse(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^a submission must be named by letters, digits, '.', '_' and '-', as in "):
        submission_files(Path(name))
