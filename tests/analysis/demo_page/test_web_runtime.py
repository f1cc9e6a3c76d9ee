"""The files of onnxruntime-web: found in its folder, and told in one sentence where they are not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis.demo_page.web_runtime import BINARY, GLUE, HOW, SCRIPT, WASM_MAGIC, WEB_RUNTIME_FILES, read_web_runtime
from search_spaces.common.errors import InvalidInput
from tests.analysis.demo_page.conftest import VERSION


def test_its_folder_and_the_folder_of_the_package_are_the_same(dist: Path) -> None:
    found = read_web_runtime(dist)
    assert read_web_runtime(dist.parent) == found
    assert (found.version, found.glue.strip()) == (VERSION, b"export default 1;")
    assert found.script.endswith('var ort = "<\\/script>";'), "neither ends the page's script nor asks for a map"
    assert found.binary.startswith(WASM_MAGIC)
    (dist / SCRIPT).write_text("var ort = 1;")
    assert read_web_runtime(dist).version == "of unknown version"


@pytest.mark.parametrize("name", WEB_RUNTIME_FILES)
def test_a_missing_file_is_named_with_the_command(name: str, dist: Path) -> None:
    (dist / name).unlink()
    place = dist.parent if name != SCRIPT else dist
    sentence = f"--html {place} must hold {name} of onnxruntime-web, but does not: {HOW}"
    with pytest.raises(InvalidInput, match=f"^{re.escape(sentence)}$"):
        read_web_runtime(place)


def test_files_of_other_content_are_refused(dist: Path) -> None:
    (dist / BINARY).write_text("version https://git-lfs")
    with pytest.raises(InvalidInput, match=r"ort-wasm-simd-threaded\.wasm must be WebAssembly of onnxruntime-web"):
        read_web_runtime(dist)
    (dist / GLUE).write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r"--html .* cannot be read: .*utf-8"):
        read_web_runtime(dist)
