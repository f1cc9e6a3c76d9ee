"""An exported network with its example, and what stands for onnxruntime-web where nothing is run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from analysis.demo_page.web_runtime import BINARY, GLUE, SCRIPT, WASM_MAGIC
from analysis.export import Exported, ModelCard, export_network
from tests.analysis.export.networks import SMALL, network_of

ARCH = dataclasses.replace(SMALL, input_size=(96, 64))
CARD = ModelCard(name="a <network>", origin="Made by a test.", protocol={"format": "coco"})
VERSION = "1.99.0"


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export_network(ARCH, network_of(ARCH), tmp_path_factory.mktemp("exports") / "net", card=CARD)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Files of the right names and beginnings, in a folder as the package has it."""
    folder = tmp_path / "package" / "dist"
    folder.mkdir(parents=True)
    script = f'/*! ONNX Runtime Web v{VERSION} */\nvar ort = "</script>";\n//# sourceMappingURL=ort.wasm.min.js.map\n'
    (folder / SCRIPT).write_text(script)
    (folder / GLUE).write_text("export default 1;\n//# sourceMappingURL=x.map\n")
    (folder / BINARY).write_bytes(WASM_MAGIC + b"\1\0\0\0")
    return folder
