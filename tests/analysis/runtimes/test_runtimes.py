"""OpenVINO, ncnn and LiteRT compute what the network computes, in single precision and, where they can, in int8."""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import pytest
import torch

from analysis.onnx.export import random_images, relative_difference
from analysis.runtimes.coreml import program_of
from analysis.runtimes.registry import runtime_named
from analysis.runtimes.runtime import Runtime, quiet
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import RUNNING
from tests.analysis.runtimes.networks import static_of
from tests.baselines import SMALL as BASELINES
from tests.profiles import by_profile

pytestmark = pytest.mark.slow
ACCEPTED = 5e-4
"""The random network amplifies rounding: torch itself is 2e-5 from double precision."""


def differences(runtime: Runtime, name: str, folder: Path) -> float:
    static = static_of(name)
    runtime.convert(static, folder, name)
    assert runtime.open is not None
    run = runtime.open(runtime.paths(folder, name)[0], 1)
    images = random_images(2, static.input_size, seed=0)
    with torch.inference_mode():
        expected = static.network(images).numpy()
    return relative_difference(run(images.numpy()), expected)


@pytest.mark.parametrize("name", RUNNING)
def test_a_network_with_dynamic_kernels_runs_in_each(name: str, tmp_path: Path) -> None:
    runtime = runtime_named(name)
    assert differences(runtime, "dite_hrnet", tmp_path) < ACCEPTED
    assert [path.name for path in sorted(tmp_path.iterdir())] == sorted(f"dite_hrnet{end}" for end in runtime.files)
    assert runtime.version.split()[1][0].isdigit()


@pytest.mark.longer
def test_every_baseline_runs_in_litert(tmp_path: Path) -> None:
    """At a commit those that have operators of their own: transposed convolutions, gates, shuffles, resizing, pooling."""
    families = by_profile(("simple_baseline", "mobilenet_v3", "shufflenet_v2", "cpn"), tuple(BASELINES))
    found = {family: differences(runtime_named("litert"), family, tmp_path) for family in families}
    assert {family: value for family, value in found.items() if not value < 1e-5} == {}


@pytest.mark.parametrize("name", ["openvino", "ncnn"])
def test_a_traced_baseline_runs(name: str, tmp_path: Path) -> None:
    assert differences(runtime_named(name), "cpn", tmp_path) < 1e-5


@pytest.mark.parametrize("name", ["openvino", "litert"])
def test_int8_is_smaller_near_and_says_nothing(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runtime, static = runtime_named(name), static_of("mobilenet_v2")
    runtime.convert(static, tmp_path, "float")
    assert runtime.quantise is not None
    assert runtime.open is not None
    images = random_images(4, static.input_size, seed=1).numpy()
    runtime.quantise(static, tmp_path, "int8", iter(images))
    weights = runtime.files[-1]
    assert (tmp_path / f"int8{weights}").stat().st_size < (tmp_path / f"float{weights}").stat().st_size
    runs = [runtime.open(runtime.paths(tmp_path, stem)[0], 1)(images) for stem in ("float", "int8")]
    assert 1e-4 < relative_difference(runs[1], runs[0]) < 0.6
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("openvino", r"OpenVINO model .*broken\.xml cannot be opened: "),
        ("ncnn", r"ncnn model .*broken\.ncnn\.param (cannot be opened|and broken\.ncnn\.bin beside it must be files)"),
        ("litert", r"LiteRT model .*broken\.tflite cannot be opened: "),
    ],
)
def test_a_broken_file_is_one_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    runtime = runtime_named(name)
    path = runtime.paths(tmp_path, "broken")[0]
    path.write_bytes(b"nothing of the kind")
    assert runtime.open is not None
    with pytest.raises(InvalidInput, match=sentence):
        runtime.open(path, 1)


def test_a_runtime_that_is_not_there_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = runtime_named("openvino")
    runtime_named.cache_clear()
    monkeypatch.setattr("importlib.util.find_spec", lambda module: None)
    with pytest.raises(
        InvalidInput, match=r"OpenVINO needs the Python module openvino, .*: pip install 'dite-search\[openvino\]'"
    ):
        runtime.require()
    with pytest.raises(InvalidInput, match="runtime must be one of onnx, openvino, ncnn, litert, coreml, got 'tensorrt'"):
        runtime_named("tensorrt")


def test_quiet_swallows_what_python_and_what_native_code_write(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    with quiet():
        print("from Python")
        sys.stderr.write("from Python")
        os.write(1, b"from below")
    print("after")
    assert capfd.readouterr() == ("after\n", "")


@pytest.mark.parametrize("name", ["mobilenet_v2", pytest.param("dite_hrnet", marks=pytest.mark.nightly)])
def test_core_ml_is_written(name: str, tmp_path: Path) -> None:
    runtime = runtime_named("coreml")
    runtime.convert(static_of(name), tmp_path, "model")
    assert (tmp_path / "model.mlpackage" / "Manifest.json").is_file()
    assert runtime.open is None


def test_the_program_for_core_ml_computes_what_the_network_computes() -> None:
    static = copy.deepcopy(static_of("dite_hrnet"))
    static.network.double()
    images = random_images(1, static.input_size, seed=0).double()
    program = program_of(static)
    with torch.no_grad():
        found, expected = program.module()(images).numpy(), static.network(images).numpy()
    assert relative_difference(found, expected) < 1e-11
