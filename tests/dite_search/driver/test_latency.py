"""Latency in the command line and in a trial."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from dite_search.algorithms.latency_prediction import predicted_latency, store_of_search
from dite_search.cli import main
from dite_search.driver.latency import LATENCY_FILE, trial_latency
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping, write_mapping
from search_spaces.space.space_file import named_space

SMALL_SPACE = {
    "name": "small",
    "space": {"base": "tiny", "parameters": dict.fromkeys(("groups_branch3", "groups_branch4", "modules_stage3"))},
    "data": {"synthetic": {}},
    "trials": 1,
}


def run(*arguments):
    return CliRunner().invoke(main, ["latency", *map(str, arguments)])


@pytest.fixture
def arch_file(tmp_path):
    write_mapping(tmp_path / "arch.yaml", named_space("tiny").base.to_dict())
    return tmp_path / "arch.yaml"


def test_a_network_is_measured_once(arch_file, tmp_path):
    options = (arch_file, "--directory", tmp_path, "--runs", 3, "--warmup", 1, "--label", "phone", "--json")
    first, second = (json.loads(run(*options).output) for _ in range(2))
    assert (first.pop("measured_now"), second.pop("measured_now")) == (True, False)
    assert first == second
    assert first["arch_id"] == named_space("tiny").base.arch_id
    assert 0 < first["p10_ms"] <= first["latency_ms"] <= first["p90_ms"]
    assert (first["device"], first["threads"], first["warmup"], first["runs"]) == ("phone", 1, 1, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("runtime", "said"), [("openvino", "OpenVINO"), ("ncnn", "ncnn"), ("litert", "LiteRT")])
def test_a_network_is_measured_in_another_runtime(arch_file, tmp_path, runtime, said):
    options = (arch_file, "--directory", tmp_path, "--runs", 3, "--warmup", 1, "--json")
    onnx = json.loads(run(*options).output)
    other = json.loads(run(*options, "--runtime", runtime).output)
    assert onnx["runtime"] == f"ONNX Runtime {onnx['onnxruntime']}"
    assert other["runtime"].startswith(f"{said} ")
    assert (other["measured_now"], other["arch_id"]) == (True, onnx["arch_id"])
    assert not json.loads(run(*options, "--runtime", runtime).output)["measured_now"]
    assert not json.loads(run(*options).output)["measured_now"], "each runtime has figures of its own"


@pytest.mark.slow
def test_a_prediction_has_its_own_name_and_its_error(tmp_path):
    write_mapping(tmp_path / "search.yaml", SMALL_SPACE)
    options = ("--directory", tmp_path, "--runs", 2, "--warmup", 0, "--json")
    calibration = json.loads(run("--calibrate", "--space", tmp_path / "search.yaml", *options).output)
    assert (calibration["fitted"], calibration["held_out"]) == (8, 8), "half of the 16 networks of the space"
    write_mapping(tmp_path / "arch.yaml", named_space("tiny").base.to_dict() | {"kernels": [1, 2, 2, 1]})
    shown = json.loads(run(tmp_path / "arch.yaml", "--predict", *options).output)
    assert "latency_ms" not in shown
    assert shown["latency_ms_predicted"] > 0
    assert shown["prediction_median_error"] == calibration["median_error"]
    assert shown["prediction_held_out"] == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "latency needs ARCH, --calibrate or both"),
        (("--calibrate", "--runtime", "ncnn"), "--runtime must be onnx with --calibrate and --predict, got ncnn"),
        (("dite_hrnet_18", "--predict", "--runtime", "openvino"), "--runtime must be onnx with .*, got openvino"),
        (("dite_hrnet_18", "--predict"), "cannot be predicted under .*: run dite-search latency --calibrate"),
        (("dite_hrnet_18", "--label", " "), "device label must have 1 to 100 characters, got ' '"),
        (("--calibrate", "--space", "tinny"), "unknown space or network 'tinny'"),
    ],
)
def test_mistakes(arguments, message, tmp_path):
    result = run(*arguments, "--directory", tmp_path)
    assert result.exit_code == 2, result.output
    assert re.search(message, " ".join(result.output.split())), result.output


def test_a_trial_measures_before_its_training_and_keeps_the_record(make_search, tmp_path):
    config = make_search(objectives=["ap_gt", "latency_ms"], latency={"device": "phone", "runs": 3, "warmup": 0})
    value = trial_latency(config, named_space("tiny").base, tmp_path)
    record = read_mapping(tmp_path / LATENCY_FILE)
    assert record["latency_ms"] == record["median_ms"] == value > 0
    assert (record["device_label"], record["runs"], record["measured_now"]) == ("phone", 3, True)
    assert record["concurrent_trials_allowed"] is True
    assert trial_latency(config, named_space("tiny").base, tmp_path) == value
    assert read_mapping(tmp_path / LATENCY_FILE)["measured_now"] is False


def test_a_search_measures_with_the_threads_of_its_trials(make_search):
    assert store_of_search(make_search(resources={"cpus_per_worker": 2})).conditions.threads == 2
    config = make_search(resources={"cpus_per_worker": 2}, latency={"threads": 1, "device": "phone"})
    assert (store_of_search(config).conditions.threads, store_of_search(config).conditions.device) == (1, "phone")
    with pytest.raises(InvalidInput, match=r"latency\.runs must be at least 1, got 0"):
        make_search(latency={"runs": 0})


def test_what_keeps_a_network_from_being_measured_is_passed_on(make_search, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("no such operator")

    monkeypatch.setattr("analysis.profiling.latency_table.onnx_bytes", broken)
    with pytest.raises(RuntimeError, match="no such operator"):
        trial_latency(make_search(), named_space("tiny").base, tmp_path)
    assert not (tmp_path / LATENCY_FILE).exists()


@pytest.mark.slow
def test_latency_in_another_runtime_is_kept_apart_and_never_predicted(make_search, tmp_path):
    arch = named_space("tiny").base
    section = {"runs": 2, "warmup": 0, "device": "phone"}
    values = {}
    for runtime in ("onnx", "openvino", "openvino", "litert"):
        config = make_search(latency=section | {"runtime": runtime})
        values.setdefault(runtime, []).append(trial_latency(config, arch, tmp_path))
        record = json.loads((tmp_path / LATENCY_FILE).read_text())
        assert record["runtime"].startswith({"onnx": "", "openvino": "OpenVINO 20", "litert": "LiteRT "}[runtime])
    assert values["openvino"][0] == values["openvino"][1], "measured once"
    keys = {store_of_search(make_search(latency=section | {"runtime": name})).conditions.key() for name in values}
    assert len(keys) == 3
    with pytest.raises(InvalidInput, match=r"latency\.runtime must be onnx where the latency is predicted .*, got openvino"):
        predicted_latency(make_search(latency=section | {"runtime": "openvino"}))
