"""The ONNX forms of the Dite-HRNet and Lite-HRNet family."""

from __future__ import annotations

from analysis.onnx.dite_hrnet.latency_parts import part_model, parts_of, place_of, reference_model
from analysis.onnx.dite_hrnet.network import write_network
from analysis.onnx.family import LatencyParts, OnnxForms

FORMS = OnnxForms(
    write=write_network,
    latency=LatencyParts(parts_of=parts_of, model=part_model, place_of=place_of),
    reference=reference_model,
)
