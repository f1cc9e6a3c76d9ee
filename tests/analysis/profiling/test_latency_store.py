"""Measured once per label and conditions, whoever asks."""

from __future__ import annotations

import dataclasses
import multiprocessing
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.profiling.latency import Latency
from analysis.profiling.latency_store import MAX_LABEL, Conditions, LatencyStore, default_label, file_name, latency_of
from search_spaces.common.errors import InvalidInput

CONDITIONS = Conditions(device="my phone/soc", threads=2, warmup=1, runs=3, form=1)


def never() -> dict[str, Any]:
    raise AssertionError("measured twice")


def measure_slowly(folder: str, calls: str) -> None:
    """Runs in a process of its own."""

    def measure() -> dict[str, Any]:
        with Path(calls).open("a") as file:
            file.write("measured\n")
        time.sleep(0.5)
        return {"median_ms": 1.0}

    LatencyStore(Path(folder), CONDITIONS).find_or_measure("network", "abc", measure)


def test_a_record_is_found_again_under_the_same_conditions_only(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path, CONDITIONS)
    assert store.find("network", "abc") is None
    assert store.find_or_measure("network", "abc", lambda: {"median_ms": 2.5}) == ({"median_ms": 2.5}, True)
    assert LatencyStore(tmp_path, CONDITIONS).find_or_measure("network", "abc", never) == ({"median_ms": 2.5}, False)
    assert store.find("part", "abc") is None
    for changes in ({"threads": 1}, {"runs": 4}, {"warmup": 0}, {"onnxruntime": "9.9"}, {"form": 2}, {"device": "other"}):
        assert LatencyStore(tmp_path, dataclasses.replace(CONDITIONS, **changes)).find("network", "abc") is None
    assert store.path.parent == tmp_path / ".latency"


def test_a_measurement_that_fails_leaves_nothing_and_is_made_anew(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path, CONDITIONS)

    def broken() -> dict[str, Any]:
        raise RuntimeError("no such operator")

    with pytest.raises(RuntimeError, match="no such operator"):
        store.find_or_measure("network", "abc", broken)
    assert store.all("network") == {}
    assert store.find_or_measure("network", "abc", lambda: {"median_ms": 1.0})[1]


def test_processes_that_ask_at_once_measure_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=measure_slowly, args=(str(tmp_path), str(calls))) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert calls.read_text() == "measured\n"


def test_records_keep_their_order_and_a_new_one_replaces(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path, CONDITIONS)
    for name in ("b", "a"):
        store.put("fit", name, {"space": name})
    store.put("fit", "b", {"space": "again"})
    assert list(store.all("fit").items()) == [("a", {"space": "a"}), ("b", {"space": "again"})]


def test_a_file_of_another_schema_or_none_at_all_is_refused(tmp_path: Path) -> None:
    store = LatencyStore(tmp_path, CONDITIONS)
    store.put("fit", "b", {})
    with sqlite3.connect(store.path) as database:
        database.execute("PRAGMA user_version = 7")
    with pytest.raises(InvalidInput, match=r"latency file .*sqlite must have schema 1, got 7: move it away"):
        store.find("fit", "b")
    store.path.write_text("not a database, " * 100)
    with pytest.raises(InvalidInput, match=r"latency file .*sqlite cannot be used: file is not a database"):
        store.find("fit", "b")


@given(st.text(min_size=1, max_size=MAX_LABEL))
def test_any_label_has_a_plain_file_name_of_its_own(label: str) -> None:
    name = file_name(label)
    assert name.isascii()
    assert "/" not in name
    assert name not in ("", ".", "..")
    assert len(name) <= MAX_LABEL
    assert name == label or name != file_name(label + "x")


def test_conditions_are_spelt_out_and_checked() -> None:
    assert "on my phone/soc: threads 2, batch 1, warm-up 1, runs 3" in str(CONDITIONS)
    assert default_label(1).endswith(", 1 thread")
    assert default_label(4).endswith(", 4 threads")
    for changes, message in (
        ({"device": " "}, "device label must have 1 to 100 characters, got ' '"),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"runs": 0}, "latency needs runs of 1 or more and warmup of 0 or more, got 0 and 1"),
    ):
        with pytest.raises(InvalidInput, match=message):
            dataclasses.replace(CONDITIONS, **changes)


def test_a_latency_comes_back_from_its_record() -> None:
    latency = Latency(median_ms=3.0, p10_ms=2.5, p90_ms=4.0, threads=2, runs=9, device="CPU of a test", other_cores=0.5)
    assert latency_of(latency.to_dict() | {"reference_ms": 1.0}) == latency
    assert str(latency).startswith("median 3.00 ms, 10th to 90th percentile 2.50 to 4.00 ms (ONNX Runtime ")
    assert str(latency).endswith("CPU of a test, threads 2, warm-up 5, runs 9, other programs on 0.5 cores)")
