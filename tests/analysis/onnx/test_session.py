"""ONNX models are opened, or refused with their name."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.onnx.session import open_session
from search_spaces.common.errors import InvalidInput


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"ONNX model .*none\.onnx does not exist or is not a file"):
        open_session(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no model")
    with pytest.raises(InvalidInput, match=r"ONNX model .*broken\.onnx cannot be opened: "):
        open_session(broken)
    with pytest.raises(InvalidInput, match="ONNX model given as bytes cannot be opened: "):
        open_session(b"no model")


def test_threads_are_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="threads must be 1 or more, got 0"):
        open_session(tmp_path / "none.onnx", threads=0)
