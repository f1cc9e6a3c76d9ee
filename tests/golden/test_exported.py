"""The published networks, exported: their recorded outputs come out of the ONNX graph too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from analysis.onnx.export import INPUT, OUTPUT, onnx_bytes, relative_difference
from analysis.onnx.session import open_session
from trainers.networks.load import load_published


@pytest.mark.slow
@pytest.mark.parametrize(("name", "bound"), [("ditehrnet_18", 5e-3), ("litehrnet_18", 1e-5)])
@pytest.mark.parametrize("batch", [1, 2])
def test_the_exported_network_gives_the_recorded_output(reference: Path, name: str, bound: float, batch: int) -> None:
    """That Dite-HRNet checkpoint amplifies rounding: its record itself is 6e-4 from exact arithmetic.

    As written, the graph is as close; what ONNX Runtime makes of it when it optimises is 2e-3 away (a traced graph: 4e-3).
    """
    path = reference / f"{name}_coco_256x192.pth"
    recorded = np.load(reference / f"{name}_coco_256x192_io.npz")
    arch, network = load_published(path)
    session = open_session(onnx_bytes(arch, network))
    images = recorded["input"].astype(np.float32)
    parts = [session.run([OUTPUT], {INPUT: images[i : i + batch]})[0] for i in range(0, len(images), batch)]
    difference = relative_difference(np.concatenate(parts), recorded["output"])
    assert difference <= bound
