"""The files of a user's onnxruntime-web that a page needs: its script, and its WebAssembly with the script that loads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from search_spaces.common.errors import InvalidInput

SCRIPT, GLUE, BINARY = "ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"
WEB_RUNTIME_FILES = (SCRIPT, GLUE, BINARY)
DIST = "dist"
"""The folder of the files within the package."""
HOW = "`npm pack onnxruntime-web` and `tar xf onnxruntime-web-*.tgz` bring package/dist"
WASM_MAGIC = b"\0asm"
SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.MULTILINE)
VERSION = re.compile(r"ONNX Runtime Web v(\d[\w.+-]*)")


@dataclass(frozen=True, kw_only=True)
class WebRuntime:
    """The content of the files of onnxruntime-web.

    Args:
        script: The script that defines ``ort``, fit to stand within a page.
        glue: The module that loads the WebAssembly.
        binary: The WebAssembly.
        version: The version, or "of unknown version" where the script does not say it.
    """

    script: str
    glue: bytes
    binary: bytes
    version: str


def read_web_runtime(folder: Path) -> WebRuntime:
    """Return onnxruntime-web from its folder ``dist``, or from the package's folder above it.

    Raises:
        InvalidInput: a file is missing, cannot be read, or is not what its name says.
    """
    found = next((place for place in (folder, folder / DIST) if (place / SCRIPT).is_file()), folder)
    missing = [name for name in WEB_RUNTIME_FILES if not (found / name).is_file()]
    if missing:
        raise InvalidInput(f"--html {folder} must hold {missing[0]} of onnxruntime-web, but does not: {HOW}")
    try:
        script, glue = (SOURCE_MAP.sub("", (found / name).read_text(encoding="utf-8")).strip() for name in (SCRIPT, GLUE))
        binary = (found / BINARY).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"--html {folder} cannot be read: {error}") from None
    if not binary.startswith(WASM_MAGIC):
        raise InvalidInput(f"{found / BINARY} must be WebAssembly of onnxruntime-web, but is not: {HOW}")
    version = VERSION.search(script)
    return WebRuntime(
        script=script.replace("</script", "<\\/script"),
        glue=glue.encode(),
        binary=binary,
        version=version[1] if version else "of unknown version",
    )
