"""The ONNX forms of the families."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from analysis.onnx import writers
from analysis.onnx.writers import TRACED, forms_of, latency_parts_of, reference_model, required_latency_parts
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import FAMILIES, preset


def test_a_family_without_a_writer_is_traced() -> None:
    assert forms_of("another") is TRACED
    assert TRACED.write is None
    assert set(writers.MODULES) <= set(FAMILIES)
    assert all(forms_of(name).write is not None for name in writers.MODULES)


def test_parts_that_a_latency_is_predicted_from(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = preset("dite_hrnet_18")
    assert latency_parts_of(arch) is required_latency_parts(arch)
    monkeypatch.setattr(writers, "forms_of", lambda family: TRACED)
    monkeypatch.setattr(writers, "family_of", lambda arch: SimpleNamespace(label="plain stack"))
    with pytest.raises(InvalidInput, match="of the plain stack family cannot be predicted, only measured"):
        required_latency_parts(arch)


def test_the_reference_is_a_model() -> None:
    assert len(reference_model()) > 0
