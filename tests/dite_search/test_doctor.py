"""The checks before a search: real Ray, PostgreSQL and SQLite, servers that never answer, and every message."""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
import time
from pathlib import Path

import hypothesis.strategies as st
import optuna
import pytest
import ray
import torch
from hypothesis import given
from packaging.requirements import Requirement
from ray.cluster_utils import Cluster
from rich.console import Console

from dite_search.config import ResourcesSection
from dite_search.doctor import cluster, folders, preflight, tracking_server
from dite_search.doctor.cluster import Reading, clock_finding, connection_finding, gpu_finding, package_finding
from dite_search.doctor.data_files import data_finding, files_of, shared_data_finding
from dite_search.doctor.databases import mlflow_scripts, optuna_finding, shown, study_findings
from dite_search.doctor.environment import environment_finding, requirements_finding
from dite_search.doctor.findings import FAILED, OK, WARNING, Check, Finding, Pending
from dite_search.doctor.folders import Checkpoints, Token
from dite_search.doctor.preflight import examine, lines_of
from dite_search.doctor.probe import probe
from dite_search.doctor.resources import Node, resources_finding, trials_at_once, workers_on
from dite_search.doctor.tracking_server import answer_findings, mlflow_findings
from dite_search.ray_session import start_ray
from dite_search.study import create_study
from dite_search.tracking import Tracker
from search_spaces.cost import cost_of
from search_spaces.errors import InvalidInput
from search_spaces.hyperparameters import TrainConfig
from search_spaces.presets import preset
from tests.dite_search.commands import refused, run
from tests.dite_search.servers import PASSWORD, free_port, postgres, silent_server
from trainers.checkpoint import Checkpoint, save_checkpoint
from trainers.data.synthetic import draw_dataset
from trainers.model.build import build_network


def node(cpus, gpus=0.0, name="a"):
    return Node(node_id=name, label=name, resources={"CPU": cpus, "GPU": gpus})


# Time limits


def test_a_check_that_never_ends_is_given_up():
    slow = Check(name="disk", look=lambda: time.sleep(60), seconds=0.2, unanswered="mount it again")
    quick = Check(name="quick", look=lambda: Finding(name="quick", status=OK, sentence="well"), seconds=5, unanswered="")
    broken = Check(name="broken", look=lambda: 1 / 0, seconds=5, unanswered="")
    began = time.monotonic()
    first, second, third = Pending([slow, quick, broken]).findings()
    assert time.monotonic() - began < 5
    assert first == Finding(name="disk", status=FAILED, sentence="no answer within 0.2 s", remedy="mount it again")
    assert (second.status, second.sentence) == (OK, "well")
    assert (third.status, third.sentence) == (WARNING, "could not be checked: division by zero")


def test_an_address_without_a_cluster(monkeypatch):
    port = free_port()
    found = cluster.address_finding(f"127.0.0.1:{port}")
    assert found.status == FAILED
    assert found.sentence == f"RAY_ADDRESS 127.0.0.1:{port} cannot be reached: connection refused"
    assert "ray start --head" in found.remedy
    assert "its port must be a number from 1 to 65535, got 'x'" in cluster.address_finding("127.0.0.1:x").sentence
    assert "no machine has the name no.such.host.invalid" in cluster.address_finding("no.such.host.invalid:6379").sentence
    assert cluster.address_finding(None).status == OK

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 5.0)
    with silent_server() as silent:
        began = time.monotonic()
        found = cluster.address_finding(f"127.0.0.1:{silent}")
    assert time.monotonic() - began < 10
    assert found.status == FAILED
    assert "takes connections, but did not answer as a Ray cluster within 5 s" in found.sentence


def test_databases_and_servers_that_never_answer(make_search, monkeypatch):
    monkeypatch.setattr(tracking_server, "SECONDS", 1.0)
    pytest.importorskip("psycopg2", reason="psycopg2, the driver of PostgreSQL, is not installed")
    with silent_server() as port:
        url = f"postgresql+psycopg2://me:{PASSWORD}@127.0.0.1:{port}/studies"
        config = make_search(study_url=url, mlflow_url=f"http://127.0.0.1:{port}")
        began = time.monotonic()
        (study,), (mlflow,) = study_findings(config), mlflow_findings(config)
    assert time.monotonic() - began < 8
    assert (study.status, mlflow.status) == (FAILED, FAILED)
    assert "me:***@127.0.0.1" in study.sentence
    assert "timeout expired" in study.sentence
    assert PASSWORD not in str(study)
    assert f"mlflow_url http://127.0.0.1:{port} cannot be reached: no answer within 1 s" in mlflow.sentence


# Ray


OURS = ("2.60.0", "3.11.7")


def test_versions_of_nodes():
    same = cluster.version_finding({"a": OURS, "b": OURS}, ours=OURS)
    assert (same.status, same.sentence) == (OK, "Ray 2.60.0 and Python 3.11.7 on every node")
    older = cluster.version_finding({"a": OURS, "b": ("2.59.0", "3.11.7")}, ours=OURS)
    assert older.status == FAILED
    assert "b runs Ray 2.59.0 and Python 3.11.7, and we Ray 2.60.0 and Python 3.11.7" in older.sentence
    assert older.remedy == "pip install 'ray[train,tune]==2.59.0' here, or 2.60.0 there"
    python = cluster.version_finding({"b": ("2.60.0", "3.12.1")}, ours=OURS)
    assert (python.status, python.remedy) == (FAILED, "python3.12 -m venv here, or Python 3.11 there")
    patch = cluster.version_finding({"a": OURS, "b": ("2.60.0", "3.11.9")}, ours=OURS)
    assert (patch.status, patch.sentence) == (WARNING, "Python is 3.11.7 here and 3.11.9 on b")


def test_what_an_attempt_to_connect_says(monkeypatch):
    assert connection_finding("h:1", {}, "").status == OK
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    log = "Failed to get cluster ID from GCS server: Unauthenticated: RPC error: InvalidAuthToken"
    for outcome in (None, {"kind": "ConnectionError", "text": "Failed to connect"}):
        found = connection_finding("h:1", outcome, log)
        assert found.status == FAILED
        assert found.sentence == (
            "the cluster at h:1 refuses the token: it is missing or another one (RAY_AUTH_MODE is not set)"
        )
        assert found.remedy.startswith("export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=")
    mismatch = "Version mismatch: The cluster was started with:\n    Ray: 1.0.0\n    Python: 3.7.1\nThis process"
    found = connection_finding("h:1", {"kind": "RuntimeError", "text": mismatch}, "")
    assert "the cluster at h:1 runs Ray 1.0.0 and Python 3.7.1, and we Ray" in found.sentence
    assert "pip install 'ray[train,tune]==1.0.0' here" in found.remedy
    other = connection_finding("h:1", {"kind": "ValueError", "text": "\n strange \nmore"}, "")
    assert (other.status, other.sentence) == (FAILED, "RAY_ADDRESS h:1 cannot be used: strange")


def test_packages_of_nodes():
    ours = {"dite-search": "0.1.0", "ray": "2.60.0", "torch": "2.13.0"}
    assert package_finding({"a": ours}, ours=ours).status == OK
    other = package_finding({"a": ours, "b": ours | {"torch": "2.14.0"}}, ours=ours)
    assert (other.status, other.sentence) == (WARNING, "torch is 2.13.0 here and 2.14.0 on b")
    assert other.remedy == "pip install torch==2.13.0 on b"
    missing = package_finding({"b": ours | {"torch": ""}}, ours=ours)
    assert (missing.status, missing.sentence) == (FAILED, "torch is 2.13.0 here and not installed on b")


def test_gpus_that_torch_does_not_see():
    assert gpu_finding({"a": 2.0}, {"a": {"gpus": 2, "cuda": "13.0"}}, needed=True).status == OK
    found = gpu_finding({"a": 1.0}, {"a": {"gpus": 0, "cuda": None}}, needed=True)
    assert (found.status, found.sentence) == (
        FAILED,
        "Ray counts 1 GPU on a, but torch sees 0: it is a build without CUDA",
    )
    assert gpu_finding({"a": 1.0}, {"a": {"gpus": 0, "cuda": "13.0"}}, needed=False).status == WARNING
    assert "nvidia-smi" in found.remedy


def test_clocks():
    fine = [Reading(label="a", offset=0.5, uncertainty=0.1), Reading(label="b", offset=-6.0, uncertainty=2.0)]
    assert clock_finding(fine).status == OK
    late = clock_finding([*fine, Reading(label="c", offset=-9.0, uncertainty=0.1)])
    assert (late.status, late.sentence) == (WARNING, "the clock of c is 9.0 s behind ours (at most 5 s)")
    assert late.remedy == "timedatectl set-ntp true on c and here"


@given(st.floats(-1e5, 1e5), st.floats(0, 100), st.floats(0, 1))
def test_the_round_trip_is_the_error_of_a_clock(offset, trip, part):
    sent = 1000.0
    found = cluster.reading("a", sent + part * trip + offset, sent=sent, received=sent + trip)
    assert abs(found.offset - offset) <= found.uncertainty + 1e-6


# Resources


@pytest.mark.parametrize(
    ("resources", "nodes", "expected"),
    [
        ({}, [node(2)], 2),
        ({"cpus_per_worker": 4}, [node(2, name=str(i)) for i in range(4)], 0),
        ({"workers": 2, "cpus_per_worker": 3}, [node(4), node(4, name="b")], 1),
        ({"gpus_per_worker": 0.25}, [node(64, 2)], 8),
        ({"gpus_per_worker": 0.6}, [node(64, 4)], 4),
        ({"workers": 8, "gpus_per_worker": 1}, [node(64, 8)], 1),
        ({"gpus_per_worker": 2}, [node(8, 1), node(8, 1, name="b")], 0),
        ({}, [], 0),
    ],
)
def test_trials_at_once_are_counted_node_by_node(make_search, resources, nodes, expected):
    assert trials_at_once(make_search(resources=resources, trials=100), nodes) == expected
    assert trials_at_once(make_search(resources=resources, trials=100, max_concurrent=1), nodes) == min(1, expected)


@given(
    st.lists(st.tuples(st.integers(0, 16), st.integers(0, 8)), max_size=6),
    st.integers(1, 8),
    st.sampled_from([0, 0.2, 0.5, 1, 3]),
)
def test_workers_never_take_more_than_a_node_has(shapes, cpus, gpus):
    for index, (have_cpus, have_gpus) in enumerate(shapes):
        wanted = ResourcesSection(cpus_per_worker=cpus, gpus_per_worker=gpus)
        count = workers_on(wanted, node(have_cpus, have_gpus, str(index)))
        assert count * cpus <= have_cpus
        assert count * gpus <= have_gpus + 1e-9


def test_messages_about_resources(make_search):
    def found(nodes, growth=None, **resources):
        return resources_finding(make_search(resources=resources, trials=9), nodes, growth)

    fits = found([node(2), node(2, name="b")], workers=2)
    assert (fits.status, fits.sentence) == (
        OK,
        "one trial takes 2 workers x 1 CPU of 4 CPU on 2 nodes: 4 workers fit at once, so 2 trials",
    )
    short = found([node(8, 1)], workers=2, gpus_per_worker=1)
    assert (short.status, short.sentence) == (FAILED, "one trial takes 2 workers x 1 GPU = 2 GPU, but the cluster has 1")
    assert short.remedy == "resources.workers: 1"
    split = found([node(2, name=str(i)) for i in range(4)], cpus_per_worker=4)
    assert (split.status, split.sentence) == (
        FAILED,
        "one worker takes 4 CPU on one node, but the 4 nodes have 2 CPU each",
    )
    assert split.remedy == "resources.cpus_per_worker: 2"
    parts = found([node(3), node(3, name="b")], workers=3, cpus_per_worker=2)
    assert parts.sentence == "one trial takes 3 workers, but only 2 of 2 CPU fit on the nodes"
    none = found([node(8)], gpus_per_worker=1)
    assert none.remedy == "resources.gpus_per_worker: 0, or add nodes with GPUs (ray start --num-gpus=N)"
    uneven = found([node(8, 2)], gpus_per_worker=1.5)
    assert (uneven.status, uneven.remedy) == (FAILED, "resources.gpus_per_worker: 2")
    assert uneven.sentence == "resources.gpus_per_worker above 1 must be a whole number, got 1.5"


def test_a_cluster_that_may_grow(make_search):
    config = make_search(resources={"gpus_per_worker": 1})
    grows = resources_finding(config, [node(0)], {"CPU": 64.0, "GPU": 8.0})
    assert grows.status == WARNING
    assert grows.sentence == (
        "one trial takes 1 worker x 1 CPU = 1 CPU, but the cluster has 0; it may grow to 64 CPU and 8 GPU,"
        " for which the search waits"
    )
    never = resources_finding(config, [node(8)], {"CPU": 64.0})
    assert never.status == FAILED
    assert "the cluster has 0, and will not grow beyond 64 CPU" in never.sentence


# Folders


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
    assert folders.checkpoint_bytes(arch, average=average) == pytest.approx(file.stat().st_size, rel=0.1)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_largest_network(make_search):
    space = make_search().search_space
    largest = max(cost_of(arch).params for arch in space.enumerate())
    assert cost_of(folders.largest_network(make_search())).params == largest
    huge = make_search(space="dite_hrnet", trials=1)
    found = cost_of(folders.largest_network(huge)).params
    import numpy as np

    generator = np.random.default_rng(3)
    sampled = [huge.search_space.build(huge.search_space.sample(generator)) for _ in range(200)]
    assert found >= max(cost_of(arch).params for arch in sampled)
    limited = make_search(budget=[f"params <= {largest - 1}"])
    assert cost_of(folders.largest_network(limited)).params < largest


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
    assert folders.checkpoints_of(make_search(checkpoints="s3://bucket/x"), trials=3) is None
    real = folders.checkpoints_of(make_search(), trials=3)
    assert real is not None
    assert folders.space_finding(real).status == OK


# Data


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


# Environment


def test_versions_of_packages():
    wanted = [Requirement("torch>=2.13,<2.15"), Requirement("ray[train]>=2.60,<3")]
    good = requirements_finding(wanted, {"torch": "2.13.0+cpu", "ray": "2.60.0"})
    assert (good.status, good.sentence) == (OK, "ray 2.60.0, torch 2.13.0+cpu: within the supported ranges")
    old = requirements_finding(wanted, {"torch": "2.10.0", "ray": "2.60.0"})
    assert (old.status, old.sentence) == (WARNING, "torch must be <2.15,>=2.13, got 2.10.0")
    assert old.remedy == "pip install 'torch<2.15,>=2.13'"
    assert "ray must be <3,>=2.60, got none" in requirements_finding(wanted, {"torch": "2.13.0", "ray": ""}).sentence
    assert environment_finding().status == OK


# Databases


def test_a_study_in_a_file(make_search):
    config = make_search()
    file = config.study_directory / "study.db"
    (fresh,) = study_findings(config)
    assert (fresh.status, fresh.sentence) == (OK, f"{file} will be made")
    create_study(config)
    (good,) = study_findings(config)
    assert (good.status, good.sentence) == (OK, f"sqlite:///{file} answers, with the schema of Optuna {optuna.__version__}")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = 'v3.0.0.a'")
    (old,) = study_findings(config)
    assert old.status == FAILED
    assert "has the schema v3.0.0.a of an older Optuna, and ours is" in old.sentence
    assert old.remedy == f"optuna storage upgrade --storage 'sqlite:///{file}'"
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    (new,) = study_findings(config)
    assert "has the schema v9.9.9, which Optuna" in new.sentence
    assert new.remedy.startswith("pip install -U optuna")
    file.write_bytes(b"no database at all" * 100)
    (broken,) = study_findings(config)
    assert (broken.status, "file is not a database" in broken.sentence) == (FAILED, True)


def test_urls_that_lead_nowhere(make_search, monkeypatch):
    (found,) = study_findings(make_search(study_url="postgres:/nothing"))
    assert (found.status, found.sentence) == (FAILED, "study_url (not a URL) is not the URL of a database")
    (same,) = study_findings(make_search(study_url="postgresql://a:b@h/d", mlflow_url="postgresql+psycopg2://c:d@h/d"))
    assert same.sentence.startswith("study_url and mlflow_url must be two databases")
    (driver,) = study_findings(make_search(study_url=f"mysql://me:{PASSWORD}@h/d"))
    assert driver.sentence == "study_url mysql://me:***@h/d needs the Python package MySQLdb, which is not installed"
    assert driver.remedy == "pip install 'mysqlclient'"
    assert shown(f"postgresql://me:{PASSWORD}@h/d?password={PASSWORD}&x=1").count("***") == 2
    assert PASSWORD not in str(optuna_finding("old", "new", ["old"], f"postgresql://me:{PASSWORD}@h/d"))


@pytest.fixture(scope="module")
def server():
    with postgres() as running:
        yield running


def test_a_study_in_postgres(make_search, server):
    server.sql("CREATE DATABASE fresh")
    config = make_search(study_url=server.url("fresh"))
    (empty, clock) = study_findings(config)
    assert (empty.status, "answers; its tables will be made" in empty.sentence) == (OK, True)
    assert (clock.name, clock.status) == ("clocks", OK)
    assert "the clocks of the database server are within" in clock.sentence
    create_study(config)
    good, _ = study_findings(config)
    assert "answers, with the schema of Optuna" in good.sentence
    server.sql("UPDATE alembic_version SET version_num = 'v3.0.0.a'", database="fresh")
    old, _ = study_findings(config)
    assert old.remedy == f"optuna storage upgrade --storage '{shown(server.url('fresh'))}'"
    assert not [found for found in (empty, clock, good, old) if PASSWORD in str(found)]


def test_a_postgres_that_refuses(make_search, server):
    (wrong,) = study_findings(make_search(study_url=server.url(password="an0ther-word")))
    assert (wrong.status, "password authentication failed" in wrong.sentence) == (FAILED, True)
    assert "an0ther-word" not in str(wrong)
    assert f"pg_isready -h 127.0.0.1 -p {server.port}" in wrong.remedy
    (none,) = study_findings(make_search(study_url=server.url("nothing")))
    assert 'database "nothing" does not exist' in none.sentence
    server.sql("CREATE ROLE reader LOGIN PASSWORD 'r'")
    denied = study_findings(make_search(study_url=server.url(user="reader", password="r")))
    assert denied[0].sentence.endswith("user reader may not make its tables")
    assert denied[0].remedy == "as the database's owner: GRANT CREATE ON SCHEMA public TO reader;"


def test_a_postgres_that_went_away(make_search, server):
    config = make_search(study_url=server.url())
    assert study_findings(config)[0].status == OK
    server.kill()
    try:
        (gone,) = study_findings(config)
        assert (gone.status, "onnection refused" in gone.sentence) == (FAILED, True)
    finally:
        server.start()
    assert study_findings(config)[0].status == OK


# MLflow


def test_mlflow_in_a_file(make_search):
    config = make_search()
    file = config.study_directory.parent / "mlflow.db"
    file.parent.mkdir(parents=True)
    (fresh,) = mlflow_findings(config)
    assert fresh.sentence == f"{file} will be made"
    Tracker(f"sqlite:///{file}", experiment="dite-search", artifacts=file.parent / "mlflow-artifacts")
    (good,) = mlflow_findings(config)
    assert (good.status, "with the schema of our MLflow" in good.sentence) == (OK, True)
    scripts = mlflow_scripts()
    older = next(revision.revision for revision in scripts.walk_revisions() if revision.nextrev)
    with sqlite3.connect(file) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (older,))
    (old,) = mlflow_findings(config)
    assert old.status == FAILED
    assert f"has the schema {older} of an older MLflow, and ours is {scripts.get_current_head()}" in old.sentence
    assert old.remedy == f"back it up, then: mlflow db upgrade 'sqlite:///{file}'"
    (mixed,) = study_findings(make_search(study_url=f"sqlite:///{file}"))
    assert mixed.sentence.startswith("study_url and mlflow_url must be two databases")


def test_what_a_tracking_server_answers(make_search):
    (found,) = answer_findings("http://h:5000", 200, json.dumps({"experiment": {"artifact_location": "s3://b/x"}}))
    assert (found.status, found.sentence) == (OK, "the server at http://h:5000 answers")
    (new,) = answer_findings("http://h:5000", 404, json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST"}))
    assert new.status == OK
    (other,) = answer_findings("http://h:5000", 404, "<html>nginx")
    assert other.sentence == "mlflow_url http://h:5000 answers, but not as an MLflow server does (HTTP 404)"
    (denied,) = answer_findings(f"http://me:{PASSWORD}@h:5000", 401, "")
    assert (denied.status, PASSWORD in str(denied)) == (FAILED, False)
    assert "MLFLOW_TRACKING_USERNAME" in denied.remedy
    (refusing,) = mlflow_findings(make_search(mlflow_url=f"http://127.0.0.1:{free_port()}"))
    assert refusing.sentence.endswith("cannot be reached: connection refused")
    (store,) = mlflow_findings(make_search(mlflow_url="file:///tmp/mlruns"))
    assert (store.status, "must begin with http://" in store.sentence) == (FAILED, True)


def test_artifacts_in_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    body = json.dumps({"experiment": {"artifact_location": f"file://{tmp_path / 'file'}/artifacts"}})
    (found,) = answer_findings("http://h:5000", 200, body)
    assert found.status == WARNING
    assert found.sentence == f"the artifacts of MLflow go to {tmp_path / 'file' / 'artifacts'}, which cannot be written here"
    body = json.dumps({"experiment": {"artifact_location": f"file://{tmp_path}/artifacts"}})
    assert answer_findings("http://h:5000", 200, body)[0].status == OK


# The whole


@pytest.fixture(scope="module")
def two_nodes():
    """A cluster of two nodes of one CPU, which this process is connected to."""
    ray.shutdown()
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    running.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = running.address
    try:
        yield running
    finally:
        os.environ.pop("RAY_ADDRESS", None)
        ray.shutdown()
        running.shutdown()


def test_an_address_with_a_cluster(two_nodes, monkeypatch):
    assert cluster.address_finding(two_nodes.address).sentence == f"the cluster at {two_nodes.address} answers"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/no/such/token")
    refusing = cluster.address_finding(two_nodes.address)
    assert "refuses the token: it is missing or another one (RAY_AUTH_MODE is token)" in refusing.sentence


def test_all_checks_on_two_nodes(make_search, two_nodes, tmp_path):
    root = tmp_path / "people"
    draw_dataset(root, train_images=2, val_images=1, seed=0)
    config = make_search(data={"root": str(root)}, trials=50)
    began = time.monotonic()
    found = examine(config, start=start_ray)
    assert time.monotonic() - began < 40
    said = {finding.name: finding for finding in found.findings}
    assert found.failed == [], lines_of(found.findings)
    assert found.at_once == 2
    assert "1 CPU of 2 CPU on 2 nodes: 2 workers fit at once, so 2 trials" in said["resources"].sentence
    assert said["shared folder"].sentence.endswith("is the same folder on 2 nodes, with its locks")
    assert said["shared data"].sentence == "2 nodes read the same data"
    assert said["packages"].status == OK
    assert said["clocks"].status == OK
    assert list(config.study_directory.parent.parent.iterdir()) == [root]


def test_a_worker_that_no_node_holds_starts_nothing(make_search, two_nodes, tmp_path):
    config = make_search(resources={"cpus_per_worker": 2})
    output = io.StringIO()
    with pytest.raises(InvalidInput) as refusal:
        preflight.preflight(config, Console(file=output, width=200), start=start_ray, source="small.yaml")
    assert str(refusal.value) == (
        "resources: one worker takes 2 CPU on one node, but the 2 nodes have 1 CPU each;"
        " to mend it: resources.cpus_per_worker: 1"
    )
    assert not config.study_directory.exists()
    passed = preflight.preflight(make_search(), Console(file=output, width=200), start=start_ray)
    assert (passed.failed, passed.at_once) == ([], 2)


def test_a_node_that_does_not_answer(make_search, two_nodes, monkeypatch):
    monkeypatch.setattr(preflight, "NODE_SECONDS", 0.0)
    found = {finding.name: finding for finding in examine(make_search(), start=start_ray).findings}
    assert found["nodes"].status == WARNING
    assert "nodes could not be looked at" in found["nodes"].sentence


def test_the_command(two_nodes, tmp_path):
    file = tmp_path / "search.yaml"
    fields = {
        "name": "small",
        "space": "tiny",
        "data": {"synthetic": {"train_images": 24, "val_images": 8}},
        "trials": 3,
        "directory": str(tmp_path / "runs"),
    }
    file.write_text(json.dumps(fields))
    result = run("doctor", file, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert {"ray", "resources", "folder", "study database", "mlflow", "data", "disk space"} <= {one["name"] for one in found}
    assert set(found[0]) == {"name", "status", "sentence", "remedy"}

    file.write_text(json.dumps(fields | {"resources": {"cpus_per_worker": 2}}))
    result = run("doctor", file)
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert any(line.startswith("failed  resources") and "the 2 nodes have 1 CPU each" in line for line in lines)
    assert lines[lines.index("To mend it:") + 1].split(maxsplit=1) == ["resources", "resources.cpus_per_worker: 1"]

    without = json.loads(run("doctor", "--json").stdout)
    assert {one["name"] for one in without} == {"ray", "packages", "clocks", "environment"}
    assert "does not exist" in refused("doctor", tmp_path / "none.yaml")


def test_an_address_that_nobody_has(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "is_connected", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = run("doctor", "--address", f"127.0.0.1:{taken.getsockname()[1]}", "--json")
    assert result.exit_code == 2
    assert "cannot be reached: connection refused" in json.loads(result.stdout)[0]["sentence"]
