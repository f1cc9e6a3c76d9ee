"""Networks by the names that a user gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import save_file

from analysis.onnx.export import onnx_bytes
from dite_search.tasks.network_reference import (
    ARCH,
    CHECKPOINT,
    EXPORT,
    MODEL,
    PRESET,
    STUDY,
    TRIAL,
    checkpoint_file,
    find_network,
    weights_named,
)
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_mapping
from search_spaces.registry import cost_of, preset
from tests.dite_search.commands import refused, run
from tests.dite_search.study.test_directory import trained
from tests.dite_search.tasks import test_model_reference
from tests.object_store import BUCKET, object_store
from trainers.checkpoints.checkpoint import LAST, load_checkpoint
from trainers.checkpoints.store import CheckpointStore

compared = test_model_reference.compared


def write_export(folder, found):
    """The files of an export that are needed to run it."""
    folder.mkdir()
    network, arch = found.load().network, found.arch
    write_mapping(folder / "arch.yaml", arch.to_dict())
    save_file(network.state_dict(), folder / "model.safetensors", metadata={"arch_id": arch.arch_id, "codec": "udp"})
    (folder / "model.onnx").write_bytes(onnx_bytes(arch, network))


@pytest.mark.slow
def test_each_kind_is_found(compared, tmp_path):
    where = compared.directory
    trial = find_network("small:1", directory=where)
    write_export(tmp_path / "net", trial)
    checkpoint = compared.study_directory / "trials" / "00001" / LAST
    arch = trial.arch
    for text, kind in (
        ("small:1", TRIAL),
        ("small", STUDY),
        (str(compared.study_directory), STUDY),
        (tmp_path / "net", EXPORT),
        (tmp_path / "net" / "model.onnx", MODEL),
        (tmp_path / "net" / "arch.yaml", ARCH),
        (checkpoint, CHECKPOINT),
    ):
        found = find_network(text, directory=where)
        assert (found.kind, found.arch) == (kind, arch), text
        assert found.has_weights == (kind != ARCH)
        if kind != ARCH:
            loaded = found.load()
            assert (loaded.arch, loaded.keypoint_set.count, loaded.name) == (arch, 17, str(text))
            assert loaded.train.codec == ("udp" if kind in (EXPORT, MODEL) else compared.train_config.codec)
    assert find_network("dite_hrnet_18").arch == preset("dite_hrnet_18")
    assert find_network("dite_hrnet_18").kind == PRESET
    assert weights_named("small:1", directory=where) == str(checkpoint)
    assert weights_named("some.safetensors") == "some.safetensors"


def test_what_has_no_weights_says_so(compared, tmp_path):
    (compared.study_directory / "trials" / "00000" / LAST).unlink()
    with pytest.raises(InvalidInput, match="trial 0 of study small has no checkpoint, so no weights"):
        find_network("small:0", directory=compared.directory).load()
    with pytest.raises(InvalidInput, match="dite_hrnet_18 has no weights, since it is a preset: name a checkpoint"):
        find_network("dite_hrnet_18").load()
    (tmp_path / "alone.onnx").write_bytes(b"x")
    with pytest.raises(InvalidInput, match="must lie in the folder of its export"):
        find_network(tmp_path / "alone.onnx")


def test_a_file_whose_name_ends_like_a_trial_is_a_file(compared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("small:1").write_bytes(b"x")
    assert find_network("small:1", directory=compared.directory).kind == CHECKPOINT


@pytest.mark.slow
def test_a_trial_is_taken_wherever_a_network_is(compared, tmp_path):
    where = ("--directory", compared.directory)
    arch = find_network("small:1", directory=compared.directory).arch
    counted = json.loads(run("complexity", "small:1", *where, "--json").stdout)
    assert (counted["arch_id"], counted["macs"]) == (arch.arch_id, cost_of(arch).macs)
    timed = json.loads(run("latency", "small:1", *where, "--warmup", 0, "--runs", 1, "--json").stdout)
    assert timed["arch_id"] == arch.arch_id
    data = compared.study_directory.parent / "data"
    root = next(path.parent.parent for path in data.rglob("person_keypoints_val2017.json"))
    scored = json.loads(run("evaluate", "small:1", *where, "--data", root, "--json").stdout)
    assert "ap_gt" in scored
    assert refused("evaluate", "small:1", *where) == (
        "Error: --data must name a data set, because small:1 does not say which it was trained on"
    )
    recipe = ("--epochs", 1, "--batch-size", 8, "--set", "warmup_iterations=2", "--threads", 1, "--output", tmp_path / "on")
    done = run("train", "small:1", "--start-from", "small:1", *where, "--data", root, *recipe)
    assert done.exit_code == 0, (done.output, done.exception)
    assert f"100.0% of the parameters are taken from {compared.study_directory}" in done.output
    assert load_checkpoint(tmp_path / "on" / LAST).arch.arch_id == arch.arch_id
    assert "study small has 2 trials and no number 7" in refused("evaluate", "small:7", *where, "--data", root)


def test_a_file_is_its_own(tmp_path):
    for text in (str(tmp_path / "x.pt"), f"file://{tmp_path}/x.pt"):
        with checkpoint_file(text) as path:
            assert path == tmp_path / "x.pt"


def test_an_object_is_a_copy_until_the_end(monkeypatch):
    with object_store(monkeypatch):
        CheckpointStore(f"s3://{BUCKET}/kept").save(trained(preset("lite_hrnet_18"), epochs=2))
        with checkpoint_file(f"s3://{BUCKET}/kept/{LAST}") as path:
            assert len(load_checkpoint(path).curve) == 2
        assert not path.exists()
        assert not path.parent.exists()


def test_what_is_no_checkpoint_is_refused(monkeypatch, tmp_path):
    sentence = "Error: a checkpoint must be a file, file:///file or s3://bucket/key, got https://…; download it first"
    for words in ([], ["--split", "test-dev"]):
        assert refused("evaluate", "https://me:secret@models.example/last.pt", "--data", tmp_path, *words) == sentence
    with object_store(monkeypatch):
        message = refused("evaluate", f"s3://{BUCKET}/none.pt", "--data", tmp_path)
        assert message == f"Error: checkpoint s3://{BUCKET}/none.pt does not exist"
    with pytest.raises(InvalidInput, match="must not hold credentials"), checkpoint_file("s3://me:secret@bucket/x.pt"):
        assert Path("nothing").exists()
