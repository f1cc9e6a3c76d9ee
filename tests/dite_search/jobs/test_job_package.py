"""The package of a search for a cluster, and its refusals of inputs that would be lost or shown there."""

from __future__ import annotations

import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dite_search.config.search_config import load_search
from dite_search.jobs import job_package
from dite_search.jobs.job_package import own_wheel, pack, packing_folder, pinned_packages, pip_environment
from search_spaces.common.errors import InvalidInput
from tests.conftest import ROOT

SEARCH = {
    "name": "small",
    "space": "tiny",
    "data": {"synthetic": {"train_images": 24, "val_images": 8}},
    "trials": 1,
    "directory": "/shared/runs",
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """A search file in the working directory; named fields replace its own."""
    monkeypatch.chdir(tmp_path)

    def write_file(name="search.yaml", **changes):
        Path(name).write_text(yaml.safe_dump(SEARCH | changes))
        return name

    return write_file


def packed(file, **options):
    with packing_folder() as folder:
        package = pack(file, folder, **options)
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert not folder.exists()
    return package, files


def test_only_the_file_travels(write, tmp_path):
    (tmp_path / "private.txt").write_text("not for others")
    package, files = packed(write())
    assert files == {"search.yaml"}
    assert (package.study, package.entrypoint) == ("small", "dite-search search search.yaml")


def test_an_architecture_file_travels_to_where_the_search_looks_for_it(write, tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mine.yaml").write_text("{widths: [16, 24, 32, 48]}")
    write(space={"base": "nets/mine.yaml", "parameters": {"blocks_per_module": [1, 2]}})
    _, files = packed("search.yaml")
    assert files == {"search.yaml", "nets/mine.yaml"}


def test_weights_that_trainings_begin_from_travel(write, tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "start.pt").write_bytes(b"start")
    (tmp_path / "teacher.pt").write_bytes(b"teacher")
    write(training={"start_from": "nets/start.pt", "distill": {"teacher": "teacher.pt"}})
    assert packed("search.yaml")[1] == {"search.yaml", "nets/start.pt", "teacher.pt"}
    write(training={"start_from": "gone.pt"})
    assert "training.start_from must be absolute" in refusal("search.yaml")
    for place in ("${WEIGHTS}/start.pt", "earlier:3"):
        write(training={"start_from": place})
        assert packed("search.yaml")[1] == {"search.yaml"}


def test_what_is_included_travels_and_may_be_named(write, tmp_path):
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "a.json").write_text("{}")
    write(data={"root": "people"})
    assert "data.root must be absolute" in refusal("search.yaml")
    assert packed("search.yaml", include=["people"])[1] == {"search.yaml", "people/a.json"}


@given(st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text))
def test_any_path_reaches_the_search_as_it_was_given(path):
    package = job_package.Package(study="a", file="a b.yaml", folder=Path("."), changes={"data": path})
    assert shlex.split(package.entrypoint) == ["dite-search", "search", "a b.yaml", "--data", path]


def test_options_become_those_of_the_command(write):
    package, _ = packed(write(), data="/d", directory="/r", name="other", at_once=3)
    assert package.study == "other"
    reserve, _, search = package.entrypoint.partition(" && ")
    assert reserve == "dite-search job reserve search.yaml --trials 3 --data /d --directory /r"
    assert search == "dite-search search search.yaml --data /d --directory /r --name other"
    resumed, _ = packed("search.yaml", resume=True)
    assert resumed.entrypoint == "dite-search resume small --directory /shared/runs"


def test_a_file_of_keypoints_travels(write, tmp_path):
    (tmp_path / "points.yaml").write_text("names: [nose, tail]\nsigmas: [0.05, 0.05]\n", encoding="utf-8")
    write(data={"root": "/d", "keypoints": "points.yaml"})
    _, files = packed("search.yaml")
    assert "points.yaml" in files


def refusal(file, **options):
    with pytest.raises(InvalidInput) as error:
        packed(file, **options)
    return str(error.value)


def test_relative_paths_are_refused(write):
    assert "directory must be absolute" in refusal(write(directory="runs"))
    assert packed("search.yaml", directory="/r")[0].study == "small"
    assert "got 'coco'; --data replaces it" in refusal(write(data={"root": "coco"}))
    assert packed("search.yaml", data="/d")[0].study == "small"
    assert "data.detections must be absolute" in refusal(write(data={"root": "/d", "detections": "boxes.json"}))
    for fields in ({"annotations": "a.json", "images": "/d", "val_share": 0.5}, {"root": "/d", "detections": "b.json"}):
        assert "must be absolute, or come from an environment variable" in refusal(write(data=fields))
    place, named = {"annotations": "/d/a.json", "images": "/d"}, {"annotations": "/d/b.json", "images": "pictures"}
    assert "data.val.images must be absolute" in refusal(write(data={"train": place, "val": named}))
    rooted = {"root": "/d", "annotations": "a.json", "images": "pictures", "val_share": 0.5}
    assert packed(write(data=rooted))[0].study == "small"
    assert "warm_start.studies must be absolute" in refusal(write(warm_start={"studies": ["runs/old"]}))
    assert "checkpoints must be absolute, or come from an environment variable" in refusal(write(checkpoints="kept"))
    assert packed(write(checkpoints="s3://bucket/kept"))[0].study == "small"
    for field in ("study_url", "mlflow_url"):
        assert f"{field} must name a server, or a file by its absolute path" in refusal(write(**{field: "sqlite:///a.db"}))
        assert packed(write(**{field: "sqlite:////runs/a.db"}))[0].study == "small"
    assert "--directory must be given with --resume" in refusal(write(directory="${RUNS}"), resume=True)


def test_variables_are_left_to_the_cluster(write, monkeypatch):
    monkeypatch.delenv("COCO_ROOT", raising=False)
    write(data={"root": "${COCO_ROOT}"}, directory="${RUNS:-runs}", study_url="${STUDY_URL}")
    package, _ = packed("search.yaml")
    assert package.entrypoint == "dite-search search search.yaml"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hunter2@db/studies",
        "postgresql://me:hun/ter2@db/studies",
        "postgresql+psycopg2://me:${PW:-hunter2}@db/studies",
        "postgresql://db/studies?user=me&password=hunter2",
        "https://hunter2@mlflow.example",
    ],
)
@pytest.mark.parametrize("field", ["study_url", "mlflow_url"])
def test_a_password_is_refused_and_not_shown(write, field, url):
    message = refusal(write(**{field: url}))
    assert f"{field} must not hold a password" in message
    assert "${NAME}" in message
    assert "ter2" not in message


@pytest.mark.parametrize(
    "url",
    ["postgresql://me:${PW}@db/studies", "http://mlflow:5000", "${URL}", "postgresql://me@db/x", "https://${TOKEN}@mlflow"],
)
def test_a_url_without_a_password_travels(write, url):
    assert packed(write(study_url=url))[0].study == "small"


def test_too_much_is_refused(write, tmp_path, monkeypatch):
    monkeypatch.setattr(job_package, "MAX_PACKAGE_BYTES", 1000)
    (tmp_path / "large").write_bytes(b"x" * 1001)
    assert "what travels in large must be at most 0.001 MB" in refusal(write(), include=["large"])
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"x" * 600)
    assert "what travels with search.yaml must be at most" in refusal("search.yaml", include=["one", "two"])


def test_mistakes_are_found_before_anything_is_sent(write):
    assert "does not exist" in refusal("nowhere.yaml")
    assert "teeny" in refusal(write(space="teeny"))
    assert "must lie below the working directory, got ../up" in refusal(write(), include=["../up"])
    assert "nothing does not exist" in refusal("search.yaml", include=["nothing"])


def test_the_shipped_examples_travel():
    for file in sorted((ROOT / "examples").glob("*.yaml")):
        package, _ = packed(file, directory="/runs", data="/data")
        assert package.study == load_search(file, data_root="/data").name


def test_the_wheel_is_this_program(tmp_path):
    wheel = own_wheel(tmp_path)
    assert own_wheel(tmp_path).read_bytes() == wheel.read_bytes()
    target = tmp_path / "installed"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    for package in job_package.OWN_PACKAGES:
        ours = {p.relative_to(ROOT) for p in (ROOT / package).rglob("*") if p.is_file() and "__pycache__" not in p.parts}
        assert ours == {
            p.relative_to(target) for p in (target / package).rglob("*") if p.is_file() and "__pycache__" not in p.parts
        }
    assert (target / "bin" / "dite-search").is_file()
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None


def test_pins_are_the_installed_versions(tmp_path):
    from importlib.metadata import version

    import torch

    pins = dict(pin.split("==") for pin in pinned_packages())
    assert pins["optuna"] == version("optuna")
    assert pins["torch"] == torch.__version__.partition("+")[0]
    assert pins["sqlalchemy"] == version("sqlalchemy"), "what optuna needs"
    assert not {"ray", "dite-search", "pytest", "mypy"} & set(pins)
    environment = pip_environment(tmp_path)
    (wheel,) = [name for name in environment["packages"] if name.endswith(".whl")]
    assert wheel.startswith("${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/")
    assert (tmp_path / Path(wheel).name).is_file()
