"""An export for other runtimes: its files, its card, and its example in each runtime."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from analysis.export import ESSENTIAL, Exported, ModelCard, export_network
from analysis.export.formats import Formats
from analysis.runtimes.runtime import Runtime
from search_spaces.common.errors import InvalidInput
from search_spaces.common.runtimes import RUNNING
from tests.analysis.export.networks import SMALL, network_of

pytestmark = pytest.mark.slow
CARD = ModelCard(name="test network", origin="Made by a test.", protocol={"format": "coco"})
FLOAT = {"openvino": "model.xml", "ncnn": "model.ncnn.param", "litert": "model.tflite"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    parts = dataclasses.replace(ESSENTIAL, formats=RUNNING)
    place = tmp_path_factory.mktemp("exports") / "net"
    return export_network(SMALL, network_of(SMALL), place, card=CARD, threads=1, parts=parts)


def test_each_form_is_compared_weighed_and_timed(exported: Exported) -> None:
    forms = {form.name: form for form in exported.parity.forms}
    for name in FLOAT.values():
        form = forms[name]
        assert form.max_relative_difference is not None
        assert 0 < form.max_relative_difference < 1e-3
        assert form.size is not None
        assert form.size > 100_000
        assert form.latency is not None
        assert form.latency.engine.split()[0] in ("OpenVINO", "ncnn", "LiteRT")
    card = (exported.directory / "README.md").read_text()
    assert "| `model.xml`, `model.bin` | OpenVINO" in card
    assert "- `model.int8.tflite`: not asked for" in card


def test_the_example_finds_the_same_keypoints_in_each_runtime(exported: Exported, tmp_path: Path) -> None:
    picture = tmp_path / "photograph.png"
    cv2.imwrite(str(picture), np.random.default_rng(0).integers(0, 256, (120, 90, 3), np.uint8))
    found = {}
    for runtime in ("onnx", *RUNNING):
        words = [sys.executable, str(exported.example), str(picture), "--runtime", runtime, "--threads", "1"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        points = json.loads(done.stdout)[0]["keypoints"]
        found[runtime] = np.array([[point["x"], point["y"], point["score"]] for point in points])
    for runtime in RUNNING:
        np.testing.assert_allclose(found[runtime], found["onnx"], rtol=1e-3, atol=1e-2, err_msg=runtime)


def test_a_runtime_without_its_file_is_one_sentence(exported: Exported, tmp_path: Path) -> None:
    alone = tmp_path / "infer.py"
    alone.write_text(exported.example.read_text())
    words = [sys.executable, str(alone), "none.png", "--runtime", "litert"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--runtime litert needs" in done.stderr
    assert "which the export was not asked for: --format litert" in done.stderr


def test_a_converter_that_fails_is_named_and_what_nothing_here_runs_has_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from analysis.runtimes import coreml, litert

    def broken(*_: object) -> None:
        raise RuntimeError("no such operator\nand more")

    def made(_: object, folder: Path, stem: str) -> None:
        (folder / f"{stem}.mlpackage").mkdir()

    runtime: Runtime = dataclasses.replace(litert.RUNTIME, convert=broken)
    # Its converter need not be installed.
    runtimes = {"litert": runtime, "coreml": dataclasses.replace(coreml.RUNTIME, convert=made)}
    monkeypatch.setattr("analysis.export.formats.runtime_named", runtimes.__getitem__)
    parts = dataclasses.replace(ESSENTIAL, formats=("litert", "coreml"))
    done = export_network(SMALL, network_of(SMALL), tmp_path / "net", card=CARD, parts=parts)
    assert done.parity.left_out["model.tflite"] == f"the converter to {runtime.version} failed: no such operator"
    assert not (done.directory / "model.tflite").exists()
    assert done.parity.untested == ["model.mlpackage"]
    row = "| `model.mlpackage` | Core ML for one image; never run by this export |"
    assert row in (done.directory / "README.md").read_text()


def test_what_keeps_int8_from_being_calibrated_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from analysis.runtimes import litert

    def made(_: object, folder: Path, stem: str) -> None:
        (folder / f"{stem}.tflite").write_bytes(b"made")

    def quantised(_: object, folder: Path, stem: str, images: Iterator[np.ndarray]) -> None:
        next(images)

    def images() -> Iterator[np.ndarray]:
        raise InvalidInput("image a.jpg cannot be read")
        yield

    runtime: Runtime = dataclasses.replace(litert.RUNTIME, convert=made, quantise=quantised, open=None, why_no_int8="")
    monkeypatch.setattr("analysis.export.formats.runtime_named", lambda name: runtime)
    formats = Formats(tmp_path)
    formats.write(["litert"], None, images, "")  # type: ignore[arg-type]
    assert formats.left_out == {"model.int8.tflite": "image a.jpg cannot be read"}
    assert formats.untested == ["model.tflite"]
