"""Folders on this machine and on nodes, the file systems below them, and room for checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from dite_search.doctor import folders
from dite_search.doctor.findings import FAILED, OK, WARNING
from dite_search.doctor.folders import Checkpoints, Token
from dite_search.doctor.probe import probe
from search_spaces.registry import cost_of, preset
from search_spaces.training_config import TrainConfig
from trainers.checkpoints.checkpoint import Checkpoint, save_checkpoint
from trainers.networks.registry import build_network


def test_a_folder_is_left_as_it_was(tmp_path):
    found = folders.folder_finding(tmp_path / "new" / "runs")
    assert (found.status, found.sentence) == (OK, f"{tmp_path / 'new' / 'runs'} is writable, with file locks")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    folders.folder_finding(tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []
    (tmp_path / "file").touch()
    broken = folders.folder_finding(tmp_path / "file" / "runs")
    assert (broken.status, broken.sentence) == (FAILED, f"{tmp_path / 'file' / 'runs'} cannot be used: not a directory")
    assert broken.remedy.startswith("directory: a folder that you may write, or chmod u+rwx ")


def test_a_folder_on_nodes(tmp_path):
    token = Token(path=tmp_path / "token", content="secret", locked=True)
    good = {"content": "secret", "locked": True}

    def found(answers, written):
        return folders.shared_finding(tmp_path, answers, token, written)

    assert found({"a": good, "b": good}, {"a", "b"}).status == OK
    apart = found({"a": good, "b": {"read_error": "No such file or directory"}}, {"a"})
    assert apart.status == FAILED
    assert "is not the same folder on b (no such file or directory): a file of the driver is not there" in apart.sentence
    assert apart.remedy == "directory: a folder on a file system that every node mounts at the same path"
    closed = found({"a": {"write_error": "Read-only file system"}}, set())
    assert "cannot be written on a: read-only file system" in closed.sentence
    lost = found({"a": good}, set())
    assert (lost.status, "what it wrote is not seen here" in lost.sentence) == (FAILED, True)
    unlocked = found({"a": good | {"locked": False}}, {"a"})
    assert (unlocked.status, "a file lock of the driver does not hold on a" in unlocked.sentence) == (WARNING, True)


def test_a_node_reads_locks_and_answers(tmp_path):
    """The probe as a node runs it, beside a driver that holds the lock."""
    with folders.token_in(tmp_path) as token:
        answer = probe(str(token.path), str(token.answer_of("n1")), [str(tmp_path / "none"), str(tmp_path)], False)
        assert folders.answered(token, {"one": "n1", "two": "n2"}) == {"one"}
    assert answer["folder"] == {"content": token.content, "locked": True}
    assert answer["files"] == {str(tmp_path / "none"): {"error": "No such file or directory"}, str(tmp_path): {"size": 0}}
    assert answer["versions"]["torch"] == torch.__version__
    assert answer["torch"] == {}
    assert "read_error" in probe(str(tmp_path / "gone"), str(tmp_path / "answer"), [], False)["folder"]


MOUNTS = (
    "/dev/sda1 / ext4 rw 0 0\nserver:/x /mnt/my\\040data nfs4 rw 0 0\ntmpfs /mnt/my\\040data/fast tmpfs rw 0 0\nbroken\n"
)


def test_the_file_system_of_a_path():
    assert folders.file_system_of(Path("/home/me"), MOUNTS) == "ext4"
    assert folders.file_system_of(Path("/mnt/my data/runs"), MOUNTS) == "nfs4"
    assert folders.file_system_of(Path("/mnt/my data/fast/runs"), MOUNTS) == "tmpfs"
    assert folders.file_system_of(Path("/mnt/my data2"), MOUNTS) == "ext4"
    assert folders.file_system_of(Path("/"), "") == ""


def test_sqlite_on_a_network_file_system(make_search, tmp_path):
    mounts = MOUNTS + f"server:/y {tmp_path} nfs rw 0 0\n"
    study, mlflow = folders.sqlite_findings(make_search(), mounts)
    assert (study.status, mlflow.status) == (FAILED, WARNING)
    assert "study.db is SQLite on a network file system (nfs), where it can be damaged" in study.sentence
    assert study.remedy == "study_url: postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE"
    assert folders.sqlite_findings(make_search(), MOUNTS) == []
    elsewhere = make_search(study_url="postgresql://h/d", mlflow_url="http://h:5000")
    assert folders.sqlite_findings(elsewhere, mounts) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "average"), [("dite_hrnet_18", False), ("lite_hrnet_18", True)])
def test_the_size_of_a_checkpoint_is_near_a_real_one(name, average, tmp_path):
    arch = preset(name, input_size=(64, 64))
    network = build_network(arch)
    optimizer = torch.optim.Adam(network.parameters())
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()} if average else None
    state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "scaler": {}, "average": weights}
    file = tmp_path / "last.pt"
    save_checkpoint(file, Checkpoint(arch=arch, train=TrainConfig(), data={}, state=state | {"averaged_steps": 0}))
    before = torch.get_rng_state()
    assert folders.checkpoint_bytes(arch, parameters=cost_of(arch).params, average=average) == pytest.approx(
        file.stat().st_size, rel=0.1
    )
    assert torch.equal(torch.get_rng_state(), before)


def test_the_largest_network(make_search):
    space = make_search().search_space
    largest = max(cost_of(arch).params for arch in space.enumerate())
    assert folders.largest_candidate(make_search()).cost.params == largest
    huge = make_search(space="dite_hrnet", trials=1)
    found = folders.largest_candidate(huge).cost.params
    import numpy as np

    generator = np.random.default_rng(3)
    sampled = [huge.search_space.build(huge.search_space.sample(generator)) for _ in range(200)]
    assert found >= max(cost_of(arch).params for arch in sampled)
    limited = make_search(budget=[f"params <= {largest - 1}"])
    assert folders.largest_candidate(limited).cost.params < largest


def test_room_for_checkpoints(make_search, tmp_path):
    files = Checkpoints(place=tmp_path, trials=100, parameters=1_000_000, each=12_500_000, average=False)
    plenty = folders.fits_finding(files, free=10**12)
    assert plenty.status == OK
    assert plenty.sentence == (
        "100 trials x 3 checkpoints x at most 12.5 MB (1,000,000 parameters x 12 bytes, and names) = 3.75 GB,"
        f" and {tmp_path} has 1000.00 GB free"
    )
    assert folders.fits_finding(files, free=4_000_000_000).status == WARNING
    short = folders.fits_finding(files, free=3_000_000_000)
    assert (short.status, short.remedy) == (FAILED, "free 0.75 GB, or checkpoints: another place, or fewer trials")
    at_once = folders.checkpoints_of(make_search(max_concurrent=1), trials=None)
    assert at_once is not None
    assert folders.space_finding(at_once).sentence.startswith("at least 1 trial x 3 checkpoints x ")
    assert folders.checkpoints_of(make_search(checkpoints="s3://bucket/x"), trials=3) is None
    real = folders.checkpoints_of(make_search(), trials=3)
    assert real is not None
    assert folders.space_finding(real).status == OK
