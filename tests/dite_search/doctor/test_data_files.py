"""Data here and on nodes."""

from __future__ import annotations

from dite_search.doctor.data_files import data_finding, files_of, shared_data_finding
from dite_search.doctor.findings import FAILED, OK
from dite_search.doctor.probe import probe
from trainers.data.synthetic.dataset import draw_dataset


def test_data_here_and_on_nodes(make_search, tmp_path):
    drawn = data_finding(make_search())
    assert (drawn.status, drawn.sentence) == (OK, "the images are drawn in the folder of the studies")
    assert files_of(make_search()) == []
    missing = data_finding(make_search(data={"root": str(tmp_path / "none")}))
    assert missing.status == FAILED
    assert str(tmp_path / "none") in missing.sentence
    assert missing.remedy.startswith("data.root of the file, or --data FOLDER")

    root = tmp_path / "people"
    draw_dataset(root, train_images=2, val_images=1, seed=0)
    config = make_search(data={"root": str(root)})
    assert data_finding(config).status == OK
    files = files_of(config)
    assert len(files) == 4
    answers = {"a": probe(None, None, files, False)["files"]}
    assert shared_data_finding(files, answers).status == OK
    answers["b"] = answers["a"] | {files[1]: {"error": "No such file or directory"}}
    apart = shared_data_finding(files, answers)
    assert apart.status == FAILED
    assert apart.sentence == f"{files[1]} cannot be read on b as it is here: no such file or directory"
    answers["b"][files[1]] = {"size": 1}
    assert "it has 1 bytes there" in shared_data_finding(files, answers).sentence
    for image in (root / "train2017").iterdir():
        image.unlink()
    assert "must hold images" in data_finding(config).sentence
