"""Training and scoring on the other formats, and submissions to the COCO server, from the command line."""

from __future__ import annotations

import json
import shutil
import zipfile

import pytest

from tests.dite_search.commands import refused, run
from tests.profiles import first_at_a_commit
from tests.trainers.data.layouts import write_crowdpose, write_mpii
from trainers.data.synthetic.dataset import draw_dataset

ARCH = "{widths: [16, 24, 32, 48], stem_width: 16, modules: [1, 1, 1], blocks_per_module: 1, input_size: [64, 64]}"
QUICK = ("--epochs", "1", "--batch-size", "8", "--threads", "1", "--set", "warmup_iterations=1", "--json")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "people"
    draw_dataset(root, train_images=16, val_images=6, seed=1)
    return root


@pytest.fixture(scope="module")
def arch(tmp_path_factory):
    file = tmp_path_factory.mktemp("arch") / "arch.yaml"
    file.write_text(ARCH)
    return file


@pytest.fixture(scope="module")
def checkpoint(people, arch, tmp_path_factory):
    output = tmp_path_factory.mktemp("trained")
    result = run("train", arch, "--data", people, "--output", output, *QUICK)
    assert result.exit_code == 0, result.output
    return output / "best.pt"


@pytest.fixture
def test_dev(people, tmp_path):
    """A data set whose validation images are listed without annotations."""
    root = tmp_path / "coco"
    (root / "annotations").mkdir(parents=True)
    shutil.copytree(people / "val2017", root / "test2017")
    document = json.loads((people / "annotations" / "person_keypoints_val2017.json").read_text())
    boxes = [
        {"image_id": entry["image_id"], "category_id": 1, "bbox": entry["bbox"], "score": 0.9}
        for entry in document.pop("annotations")
    ]
    (root / "annotations" / "image_info_test-dev2017.json").write_text(json.dumps(document))
    detections = tmp_path / "boxes.json"
    detections.write_text(json.dumps([*boxes, {**boxes[0], "image_id": 5}, {**boxes[0], "category_id": 3}]))
    return root, detections, len(document["images"])


@pytest.mark.parametrize("data_format", first_at_a_commit(["mpii", "crowdpose"]))
def test_train_then_evaluate(people, arch, tmp_path, data_format):
    write = {"mpii": write_mpii, "crowdpose": lambda root, source: write_crowdpose(root, source, [0.05, 0.5])}[data_format]
    root = write(tmp_path / "data", people)
    common = ("--data", root, "--format", data_format)
    result = run("train", arch, *common, "--output", tmp_path / "out", *QUICK)
    assert result.exit_code == 0, result.output
    trained = json.loads(result.stdout)
    figure = {"mpii": "pckh50", "crowdpose": "ap_gt"}[data_format]
    dump = tmp_path / "results.json"
    scored = json.loads(run("evaluate", tmp_path / "out" / "best.pt", *common, "--dump", dump, "--json").stdout)
    assert scored[figure] == pytest.approx(trained[figure])
    count = {"mpii": 16, "crowdpose": 14}[data_format]
    assert len(json.loads(dump.read_text())[0]["keypoints"]) == 3 * count
    message = refused("evaluate", tmp_path / "out" / "best.pt", "--data", people)
    assert f"keypoints of the network must be 17, as in coco17, got {count}" in message
    if data_format == "mpii":
        assert "boxes must be gt in format mpii, got det" in refused(
            "evaluate", tmp_path / "out" / "best.pt", *common, "--detections", dump
        )


def test_the_next_command_and_the_epochs_name_the_format(people, arch, tmp_path):
    root = write_mpii(tmp_path / "data", people)
    output = run("train", arch, "--data", root, "--format", "mpii", "--output", tmp_path / "out", *QUICK[:-1]).output
    assert f"--data {root} --format mpii" in output
    assert " s  pckh50 0." in output


def test_mistakes_in_the_format(people, arch, tmp_path):
    assert "'mpi' is not one of 'coco', 'mpii', 'crowdpose'" in refused("train", arch, "--data", people, "--format", "mpi")
    message = refused("train", arch, "--data", people, "--format", "mpii", "--output", tmp_path / "out", *QUICK)
    assert f"annotation file not found: {people}/annotations/mpii_train.json, nor train.json beside it" in message
    message = refused("train", arch, "--data", people, "--val-split", "test", "--output", tmp_path / "out", *QUICK)
    assert "unknown val_split 'test': known: train, val" in message
    root = write_mpii(tmp_path / "data", people)
    (root / "annotations" / "mpii_gt_val.mat").write_bytes(b"no MATLAB here")
    message = refused("train", arch, "--data", root, "--format", "mpii", "--output", tmp_path / "out", *QUICK)
    assert "mpii_gt_val.mat must be a whole MATLAB file" in message


@pytest.mark.usefixtures("people")
def test_a_submission_for_the_server(checkpoint, test_dev, tmp_path):
    root, detections, images = test_dev
    common = ("evaluate", checkpoint, "--data", root, "--split", "test-dev", "--detections", detections)
    result = run(*common, "--dump", tmp_path / "out" / "small.json", "--json")
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert result.stderr == "Only the COCO server can score test-dev2017: upload the zip file there.\n"
    name = "person_keypoints_test-dev2017_small_results"
    assert (printed["results"], printed["zip"]) == tuple(
        str(tmp_path / "out" / f"{name}.{kind}") for kind in ("json", "zip")
    )
    with zipfile.ZipFile(printed["zip"]) as archive:
        entries = json.loads(archive.read(f"{name}.json"))
    assert not any(name.startswith("ap") for name in printed)
    assert len(entries) == printed["people"]
    assert printed["images"] == images == len({entry["image_id"] for entry in entries})
    for entry in entries:
        assert set(entry) == {"image_id", "category_id", "keypoints", "score"}
        assert entry["category_id"] == 1
        assert len(entry["keypoints"]) == 51
        assert all(value == round(value, 1) for value in entry["keypoints"])
        assert set(entry["keypoints"][2::3]) == {1}


@pytest.mark.slow
def test_mistakes_in_a_submission(checkpoint, test_dev, people, tmp_path):
    root, detections, _ = test_dev
    common = ("evaluate", checkpoint, "--split", "test-dev")
    dump = ("--dump", tmp_path / "net.json")
    boxes = ("--detections", detections)
    assert refused(*common) == "Error: --data must name the folder of COCO for --split test-dev"
    start = "Error: --split test-dev, whose annotations are not public, needs "
    assert refused(*common, "--data", root, *dump) == start + "--detections, the people to estimate"
    assert refused(*common, "--data", root, *boxes) == start + "--dump, where to write the submission"
    message = refused(*common, "--data", root, *boxes, *dump, "--format", "mpii")
    assert message == "Error: --split test-dev is a split of COCO's, so --format must be coco, got mpii"
    assert "a submission must be named by letters" in refused(
        *common, "--data", root, *boxes, "--dump", tmp_path / "a b.json"
    )
    message = refused(*common, "--data", people, *boxes, *dump)
    assert message == f"Error: annotation file not found: {people}/annotations/image_info_test-dev2017.json"
    for image in (root / "test2017").iterdir():
        image.unlink()
    assert f"Error: image file not found: {root}/test2017/" in refused(*common, "--data", root, *boxes, *dump)
    info = root / "annotations" / "image_info_test-dev2017.json"
    document = json.loads(info.read_text())
    document["images"][0]["file_name"] = "../val2017/one.jpg"
    info.write_text(json.dumps(document))
    message = refused(*common, "--data", root, *boxes, *dump)
    assert "'file_name' of images[0]" in message
    assert "must stay inside the image folder, got '../val2017/one.jpg'" in message
    info.write_text(json.dumps(document)[:-40])
    assert "image_info_test-dev2017.json is not complete JSON" in refused(*common, "--data", root, *boxes, *dump)
    assert not list(tmp_path.glob("*.zip"))


def test_a_search_file_is_written_for_a_folder_and_never_over_another(people, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run("init", people, "--hours", "0.5")
    assert found.exit_code == 0, found.output
    assert "training_images    16" in found.output
    assert found.output.rstrip().endswith("search people.yaml")
    written = (tmp_path / "people.yaml").read_bytes()
    assert (
        refused("init", people)
        == "Error: people.yaml exists already, and is not written over: name another file with --output"
    )
    assert (tmp_path / "people.yaml").read_bytes() == written
    assert "name must be 1 to 100 letters" in refused("init", people, "--name", "équipe")
    assert not (tmp_path / "équipe.yaml").exists()


def test_a_search_file_may_lie_in_a_new_folder_and_has_hours_that_end(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for hours in ("inf", "nan"):
        message = refused("init", "--hours", hours, "--output", "new/mine.yaml")
        assert message == f"Error: --hours must be a finite number above 0, got {hours}"
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("x")
    assert refused("init", "--output", "file/mine.yaml") == "Error: file/mine.yaml cannot be used: Not a directory"
    result = run("init", "--output", "new/mine.yaml")
    assert result.exit_code == 0, result.output
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine.yaml"]
