"""The benchmark of a day with a GPU: every part runs on a processor, and what cannot run is a row."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import timing, traffic
from benchmarks.gpu.parts import memory, processes, split, supernet, throughput, translation
from benchmarks.gpu.parts.goldens import measure as measure_goldens
from benchmarks.gpu.parts.machine import describe
from benchmarks.gpu.plan import HEADLINE_BATCH, Plan, plan_for
from benchmarks.gpu.rows import Row, at_least, at_most, document, same, table
from benchmarks.gpu.timing import ratio_of, seconds_in_turn
from tests.conftest import ROOT

CPU = torch.device("cpu")
PLAN = dataclasses.replace(
    plan_for(CPU, 1.0), networks=("lite_hrnet_18",), batches=(2,), headline=2, precisions=("float32",), rounds=1
)
"""The small form, made smaller."""
MISSING = ("cv2", "scipy", "pycocotools", "fvcore", "pandas", "ray", "optuna", "mlflow", "jpeglib", "s3fs", "PIL", "onnx")
"""Packages of other parts of the project."""
NEVER, AT_ONCE = float("inf"), 0.0


@pytest.fixture(autouse=True)
def each_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what makes figures steady: no test here reads them."""
    monkeypatch.setattr(timing, "WARM_UPS", 0)
    monkeypatch.setattr(supernet, "POOL_POINTS", 40)


def test_the_whole_plan_is_that_of_a_gpu() -> None:
    plan = plan_for(torch.device("cuda"), 8)
    assert plan.on_gpu
    assert plan.networks == ("dite_hrnet_18", "dite_hrnet_30", "lite_hrnet_18", "hrnet_w32")
    assert plan.batches == (32, HEADLINE_BATCH, 256)
    assert (plan.input_size, plan.epochs) == ((256, 192), 20)
    assert sum(command.PARTS.values()) == pytest.approx(1.0)


def test_one_table_for_people_and_one_document_for_programs() -> None:
    rows = [
        Row(part="machine", what="copy bandwidth", value=3350.4, unit="GB/s"),
        Row(part="goldens", what="heatmaps", value=0.000123, note="at most 0.0001: MISSED"),
        Row(part="memory", what="batch 256", value=None, note="memory ran out"),
    ]
    lines = table(rows).splitlines()
    assert [[cell.strip() for cell in line.strip("|").split("|")] for line in lines] == [
        ["part", "what", "figure", "note"],
        ["---", "---", "---", "---"],
        ["machine", "copy bandwidth", "3,350 GB/s", ""],
        ["goldens", "heatmaps", "0.000123", "at most 0.0001: MISSED"],
        ["memory", "batch 256", "–", "memory ran out"],
    ]
    found = json.loads(json.dumps(document(describe(CPU), rows)))
    assert found["machine"]["device"] == "cpu"
    assert found["rows"][2] == {"part": "memory", "what": "batch 256", "value": None, "unit": "", "note": "memory ran out"}


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (at_least(3.0, 3.0), "at least 3: met"),
        (at_least(3.0, 2.9), "at least 3: MISSED"),
        (at_most(1e-4, 1e-4), "at most 0.0001: met"),
        (at_most(1e-4, float("nan")), "at most 0.0001: MISSED"),
        (same(1.5, 1.5), "the same: met"),
        (same(1.5, 1.25), "the same: MISSED"),
    ],
)
def test_a_note_tells_whether_a_goal_is_met(note: str, expected: str) -> None:
    assert note == expected


def test_a_missing_package_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trainers.training.loop", None)
    (row,) = command.rows_of("people", PLAN, until=NEVER)
    assert row.value is None
    assert row.note.startswith("a package is missing: ")
    assert "trainers.training.loop" in row.note


def test_networks_are_measured_where_only_torch_and_what_a_space_needs_are_installed() -> None:
    code = f"""
import sys
for name in {MISSING!r}:
    sys.modules[name] = None
from benchmarks.gpu.__main__ import PARTS, rows_of
from benchmarks.gpu.plan import plan_for
from benchmarks.gpu.parts import goldens, latency, machine, memory, processes, split, supernet, throughput, translation
import torch
print(rows_of("people", plan_for(torch.device("cpu"), 1.0), until=0.0)[0].note)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("a package is missing: ")


def test_a_part_that_fails_is_a_row_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(plan: Plan, until: float) -> list[Row]:
        raise RuntimeError("no kernel image\nis available")

    monkeypatch.setattr("benchmarks.gpu.parts.split.measure", fail)
    monkeypatch.setattr(
        "benchmarks.gpu.parts.memory.measure", lambda plan, until: [Row(part="memory", what="all", value=1.0)]
    )
    rows = command.run(PLAN, ["split", "memory"])
    assert [(row.part, row.note) for row in rows[:2]] == [("split", "RuntimeError: no kernel image"), ("memory", "")]
    assert rows[-1].what == "time of the whole benchmark"


def test_time_that_is_up_leaves_a_row_for_what_was_not_measured() -> None:
    plan = dataclasses.replace(PLAN, batches=(2, 4))
    rows = throughput.measure(plan, AT_ONCE)
    assert [row.what for row in rows if row.value is None] == ["lite_hrnet_18, batch 4"]
    assert rows[-1].note == "time was up"
    (measured,) = (row for row in rows if row.what.endswith("float32"))
    assert "times published" in measured.note


def test_memory_that_runs_out_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(throughput, "seconds_in_turn", full)
    (row,) = throughput.measure(PLAN, NEVER)
    assert (row.value, row.note) == (None, "memory ran out")
    monkeypatch.setattr(memory, "own_step", full)
    (row,) = memory.measure(PLAN, NEVER)
    assert (row.value, row.note) == (None, "memory ran out")


def test_the_device_agrees_with_double_precision() -> None:
    rows = measure_goldens(PLAN, NEVER)
    assert [row.what for row in rows] == ["lite_hrnet_18, heatmaps, float32", "lite_hrnet_18, gradients, float32"]
    assert all(row.note.endswith(": met") for row in rows)


def test_recorded_outputs_that_cannot_be_read_leave_the_other_goldens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "trainers.networks.load", None)
    *rows, record = measure_goldens(dataclasses.replace(PLAN, reference=tmp_path), NEVER)
    assert len(rows) == 2
    assert record.value is None
    assert record.note.startswith("a package is missing: ")


def test_a_wrong_result_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    right = torch.nn.functional.interpolate
    monkeypatch.setattr(
        torch.nn.functional,
        "interpolate",
        lambda x, **words: right(x, **words) * (1.01 if x.dtype == torch.float32 else 1.0),
    )
    heatmaps, _ = measure_goldens(PLAN, NEVER)
    assert heatmaps.note == "at most 0.0001: MISSED"


def test_the_parts_of_a_step_and_its_bytes() -> None:
    rows = {row.what: row for row in split.measure(PLAN, NEVER)}
    assert list(rows)[:4] == ["copy to the device", "forward", "backward", "optimiser"]
    assert all(row.value is not None and row.value > 0 for row in rows.values())


def test_a_step_of_shared_weights_beside_networks_of_their_own() -> None:
    rows = supernet.measure(PLAN, NEVER)
    assert [row.what for row in rows] == [
        "tiny_128, batch 2, 4 networks a step",
        "the step against the largest network alone",
        "the step against the first four networks alone",
    ]
    assert all(row.value is not None and row.value > 0 for row in rows)
    (late,) = supernet.measure(PLAN, AT_ONCE)
    assert (late.value, late.note) == (None, "time was up")


def test_bytes_are_counted_and_views_are_not() -> None:
    left, right = torch.ones(4, 8), torch.ones(8, 2)
    work = traffic.work_of(lambda: (left @ right).t()[0])
    assert work.operators == 1
    assert work.bytes == 4 * (4 * 8 + 8 * 2 + 4 * 2)


def test_steps_take_turns() -> None:
    order: list[str] = []
    seconds = seconds_in_turn({name: lambda name=name: order.append(name) for name in "ab"}, CPU, rounds=2)
    assert order[-4:] == ["a", "b", "a", "b"]
    assert {name: len(found) for name, found in seconds.items()} == {"a": 2, "b": 2}
    assert ratio_of([2.0, 6.0, 3.0], [1.0, 2.0, 3.0]) == (2.0, 1.0, 3.0)


# At a commit tests.trainers.processes trains with two processes.
@pytest.mark.nightly
def test_two_processes_agree() -> None:
    rows = processes.measure(PLAN, NEVER)
    assert [row.what for row in rows] == ["gloo, batch 2", "difference of the weights after the steps"], rows
    assert rows[1].note == "the same: met"


def test_the_command_refuses_a_gpu_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cuda:1"])
    with pytest.raises(SystemExit, match="2"):
        command.main()
    assert f"--device cuda:1 must be there, but torch {torch.__version__} sees no GPU" in capsys.readouterr().err


def test_a_gpu_has_goals(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dataclasses.replace(PLAN, device=torch.device("cuda"))
    monkeypatch.setattr(throughput, "_steps", lambda *_: {})
    for published, verdict in (([4.0, 3.2], "met"), ([2.5, 2.9], "MISSED")):
        seconds = {"published": published, "float32": [1.0, 1.0], "bfloat16": [2.0, 2.0]}
        monkeypatch.setattr(throughput, "seconds_in_turn", lambda *_, seconds=seconds, **__: dict(seconds))
        goal = throughput.measure(plan, NEVER)[-1]
        assert (goal.what, goal.note) == ("goal: lite_hrnet_18, batch 2", f"at least 3: {verdict}")


def test_the_largest_batch_is_looked_for_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dataclasses.replace(PLAN, device=torch.device("cuda"), batches=(32, 256))
    monkeypatch.setattr(memory, "step_memory", lambda plan, samples: None if samples > 1500 else samples / 100)
    assert [(row.what, row.value) for row in memory.measure(plan, NEVER)] == [
        ("lite_hrnet_18, batch 32", 0.32),
        ("lite_hrnet_18, batch 256", 2.56),
        ("lite_hrnet_18, largest batch", 1024),
    ]


def test_graphs_are_measured_on_a_gpu_and_translations_where_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dataclasses.replace(PLAN, device=torch.device("cuda"))
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(throughput, "literal_step", lambda *_: None)
    monkeypatch.setattr(throughput, "drawn_batch", lambda *_: {})
    monkeypatch.setattr(throughput, "own_step", lambda *_, **fields: asked.append(fields))
    assert list(throughput._steps(plan, "lite_hrnet_18", 2)) == ["published", "float32", "float32, graphs"]
    assert asked == [{"precision": "float32"}, {"precision": "float32", "accelerate": "graphs"}]
    (late,) = translation.measure(plan, AT_ONCE)
    (row,) = translation.measure(PLAN, NEVER)
    assert (late.note, row.note) == ("less than 90 s were left", "a processor takes many minutes for it")


def test_nccl_is_not_tried_on_one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    (row,) = processes.measure(dataclasses.replace(PLAN, device=torch.device("cuda")), NEVER)
    assert (row.what, row.value, row.note) == ("NCCL", None, "there is 1 GPU")


@pytest.mark.slow
def test_the_whole_command_in_its_small_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gpu.json"
    parts = ["machine", "latency", "memory", "people"]
    monkeypatch.setattr(command, "plan_for", lambda *_: dataclasses.replace(PLAN, images=4, epochs=1))
    monkeypatch.setattr(sys, "argv", ["gpu", "--device", "cpu", "--json", str(file), "--parts", *parts])
    command.main()
    rows = json.loads(file.read_text())["rows"]
    assert {row["part"] for row in rows} == {"machine", "latency", "memory", "drawn people", "all"}
    assert all(row["value"] is not None for row in rows), rows
