"""The scheduler on trials that are only names, and in a real Ray Tune run of curves given as data."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from operator import itemgetter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import cloudpickle, tune
from ray.tune.schedulers import TrialScheduler

from dite_search.driver.ray_session import start_ray
from dite_search.driver.scheduler import ParetoScheduler, scheduler_of
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of

MMACS = (100.0, 200.0, 50.0, 300.0, 250.0, 120.0)


def costs(config: Mapping[str, Any]) -> dict[str, float]:
    return {"mmacs": MMACS[config["number"]]}


def scheduler(**changes: Any) -> ParetoScheduler:
    """Decisions at epochs 1 and 3 of 9, where a third goes on."""
    fields: dict[str, Any] = {
        "objectives": ("ap_gt", "mmacs"),
        "epochs": 9,
        "validate_every": 1,
        "grace_period": 1,
        "reduction_factor": 3.0,
        "costs": costs,
    }
    return ParetoScheduler(**fields | changes)


def report(scheduler: ParetoScheduler, number: int, epoch: int | None, **figures: Any) -> bool:
    """Whether the trial goes on."""
    trial: Any = SimpleNamespace(trial_id=f"t{number}", config={"number": number})
    result = figures if epoch is None else {"epoch": epoch, "loss": 0.1, **figures}
    decision = scheduler.on_trial_result(None, trial, result)
    assert decision in (TrialScheduler.CONTINUE, TrialScheduler.STOP)
    return decision == TrialScheduler.CONTINUE


def test_a_dominated_trial_stops_at_its_rung_and_says_where() -> None:
    subject = scheduler()
    assert report(subject, 0, 1, ap_gt=0.3)
    assert report(subject, 3, 1, ap_gt=0.4), "dearer, and better"
    assert not report(subject, 1, 1, ap_gt=0.2), "dearer and worse than trial 0"
    assert report(subject, 2, 1, ap_gt=0.1), "worse than all, and cheapest"
    assert report(subject, 0, 2, ap_gt=0.0), "epoch 2 is no rung"
    assert report(subject, 0, 3, ap_gt=0.5)
    assert not report(subject, 3, 3, ap_gt=0.5), "no better than trial 0 any more, and dearer"
    assert subject.stopped == {"t1": 1, "t3": 3}
    assert subject.debug_string() == ("Pareto-aware successive halving: trials at rungs: epoch 1: 4, epoch 3: 2; 2 stopped")


def test_while_nobody_has_learned_anything_the_costs_alone_stop_nobody() -> None:
    subject = scheduler()
    assert report(subject, 0, 1, ap_gt=0.002)
    assert report(subject, 1, 1, ap_gt=0.001), "dearer and worse, but neither has found anybody"
    assert report(subject, 3, 1, ap_gt=0.2), "the first to learn"
    assert not report(subject, 4, 1, ap_gt=0.001), "now there is something to fall behind"


def test_a_rung_that_spares_a_trial_because_nobody_beats_chance_says_so_once() -> None:
    judge, told = scheduler(), list[str]()
    judge.note = told.append
    judge = cloudpickle.loads(cloudpickle.dumps(judge))
    judge.note = told.append
    for number, score in enumerate((0.005, 0.004, 0.003, 0.002)):
        assert report(judge, number, 1, ap_gt=score)
    assert told == [
        "no trial is stopped at epoch 1 yet: none has reached ap_gt of at least 0.01 there, without which a score says no"
        " more than chance"
    ]


@pytest.mark.parametrize(
    ("directions", "learned", "scores", "stops"),
    [
        (("minimize", "minimize"), "loss", (9.0, 9.5, 9.6, 9.7), True),
        (("minimize", "minimize"), "nme", (1.1, 1.2, 1.3, 1.4), False),
        (("minimize", "minimize"), "nme", (0.9, 1.2, 1.3, 1.4), True),
        (("maximize", "minimize"), "pck", (0.015, 0.014, 0.013, 0.012), False),
        (("maximize", "minimize"), "accuracy", (0.004, 0.003, 0.002, 0.001), True),
    ],
)
def test_the_least_score_follows_the_metric(directions, learned, scores, stops) -> None:  # type: ignore[no-untyped-def]
    judge = scheduler(objectives=(learned, "mmacs"), directions=directions, learned=learned)
    went_on = [report(judge, number, 1, **{learned: score}) for number, score in enumerate(scores)]
    assert went_on[-1] is not stops


def test_costs_are_those_of_the_suggestion_whatever_the_trial_reports() -> None:
    subject = scheduler()
    report(subject, 0, 1, ap_gt=0.3)
    assert not report(subject, 1, 1, ap_gt=0.2, mmacs=1.0)


@pytest.mark.parametrize("figures", [{}, {"ap_gt": math.nan}, {"ap_gt": None}, {"ap_gt": "0.1"}])
def test_a_rung_without_a_score_decides_and_records_nothing(figures: dict[str, Any]) -> None:
    subject = scheduler()
    report(subject, 0, 1, ap_gt=0.3)
    assert report(subject, 1, 1, **figures)
    assert "epoch 1: 1, epoch 3: 0; 0 stopped; 1 results at rungs without every objective" in subject.debug_string()
    assert not report(subject, 1, 1, ap_gt=0.2), "with its score it is judged after all"


def test_a_trial_that_gives_a_reason_ends_by_itself() -> None:
    subject = scheduler()
    report(subject, 0, 1, ap_gt=0.3)
    assert report(subject, 1, 1, ap_gt=0.2, reason="NonFiniteLossError: loss is not finite")
    assert report(subject, 1, None, reason="NonFiniteLossError: loss is not finite")
    assert "epoch 1: 1," in subject.debug_string()


def test_a_measured_latency_comes_with_a_rung_or_once_before() -> None:
    subject = scheduler(objectives=("ap_gt", "mmacs", "latency_ms"))
    assert report(subject, 0, 1, ap_gt=0.3, latency_ms=5.0)
    assert report(subject, 1, None, latency_ms=4.0)
    assert report(subject, 1, 1, ap_gt=0.2), "faster than trial 0"
    assert report(subject, 3, None, latency_ms=6.0)
    assert not report(subject, 3, 1, ap_gt=0.2)
    assert report(subject, 4, 1, ap_gt=0.2), "without a latency it cannot be compared"
    assert subject.unjudged == 1


def test_a_trial_whose_suggestion_has_no_number_goes_by_its_id() -> None:
    subject = scheduler(costs=lambda config: {"mmacs": config["mmacs"]})
    trials: list[Any] = [SimpleNamespace(trial_id=name, config={"mmacs": 1.0}) for name in ("a", "b")]
    found = [
        subject.on_trial_result(None, trial, {"epoch": 1, "ap_gt": ap}) for trial, ap in zip(trials, (0.5, 0.4), strict=True)
    ]
    assert found == ["CONTINUE", "STOP"]
    assert subject.stopped == {"b": 1}


def test_a_trial_that_continues_a_stopped_one_has_its_place_and_is_judged_from_the_next_rung_on() -> None:
    config = {"number": 5, "continues": {"first": 1, "last": 1, "epoch": 1}}
    trial: Any = SimpleNamespace(trial_id="t5", config=config)
    decisions = []
    subject = scheduler(costs=lambda config: {"mmacs": MMACS[1]})
    report(subject, 0, 1, ap_gt=0.3), report(subject, 1, 1, ap_gt=0.2), report(subject, 0, 3, ap_gt=0.5)
    for epoch, accuracy in ((1, 0.2), (2, 0.4), (3, 0.45)):
        decisions.append(subject.on_trial_result(None, trial, {"epoch": epoch, "ap_gt": accuracy}))
    assert decisions == ["CONTINUE", "CONTINUE", "STOP"]
    assert "epoch 1: 2, epoch 3: 2" in subject.debug_string()


def test_a_repeat_is_not_judged() -> None:
    subject = scheduler()
    report(subject, 0, 1, ap_gt=0.3)
    trial: Any = SimpleNamespace(trial_id="t1", config={"number": 1, "repeat": 1})
    assert subject.on_trial_result(None, trial, {"epoch": 1, "ap_gt": 0.1}) == "CONTINUE"
    assert "epoch 1: 1," in subject.debug_string()


def test_records_of_a_search_that_goes_on_count_as_if_they_were_reported() -> None:
    subject, undisturbed = scheduler(), scheduler()
    history = [(0, 1, 0.3), (0, 2, 0.35), (0, 3, 0.5), (1, 1, 0.2), (2, 1, 0.1)]
    for number, epoch, ap in history:
        report(undisturbed, number, epoch, ap_gt=ap)
    records = [(number, epoch, {"loss": 1.0, "ap_gt": ap, "mmacs": MMACS[number]}) for number, epoch, ap in history]
    subject.add_records(iter([*records[::-1], (5, 1, {"loss": 1.0}), (5, 3, {"ap_gt": math.inf, "mmacs": 1.0})]))
    assert "epoch 1: 3, epoch 3: 1; 0 stopped" in subject.debug_string()
    for number, epoch, ap in ((0, 3, 0.5), (4, 1, 0.25), (2, 1, 0.1), (3, 1, 0.31), (3, 3, 0.4), (2, 3, 0.1)):
        assert report(subject, number, epoch, ap_gt=ap) == report(undisturbed, number, epoch, ap_gt=ap)
    assert subject.stopped == {"t4": 1, "t3": 3}


def test_it_survives_pickling_with_its_records() -> None:
    subject = scheduler()
    report(subject, 0, 1, ap_gt=0.3)
    copy = cloudpickle.loads(cloudpickle.dumps(subject))
    assert not report(copy, 1, 1, ap_gt=0.2)
    assert copy.stopped == {"t1": 1}
    assert subject.stopped == {}


def test_it_names_its_own_objectives() -> None:
    assert scheduler().set_search_properties(None, None, total=3)
    assert not scheduler().set_search_properties("ap_gt", "max")
    with pytest.raises(InvalidInput, match="unknown objective 'mmac': did you mean 'mmacs'"):
        scheduler(objectives=("ap_gt", "mmac"))
    with pytest.raises(InvalidInput, match="grace_period must be at most 8"):
        scheduler(grace_period=9)


def test_the_scheduler_of_a_search_takes_the_costs_that_a_suggestion_carries(make_search) -> None:  # type: ignore[no-untyped-def]
    training = {"epochs": 10, "batch_size": 16, "warmup_iterations": 2, "validate_every": 2}
    config = make_search(training=training, scheduler={"grace_period": 3, "reduction_factor": 2})
    subject = scheduler_of(config)
    assert subject is not None
    assert "epoch 4: 0, epoch 6: 0;" in subject.debug_string()
    costs = sorted((cost_of(arch).objectives for arch in config.search_space.enumerate()), key=itemgetter("mmacs"))
    cheap, dear = ({"number": number, "costs": found} for number, found in enumerate((costs[0], costs[-1])))
    trials: list[Any] = [SimpleNamespace(trial_id=f"t{s['number']}", config=s) for s in (cheap, dear)]
    subject = cloudpickle.loads(cloudpickle.dumps(subject))
    assert [subject.on_trial_result(None, trial, {"epoch": 4, "ap_gt": 0.1}) for trial in trials] == ["CONTINUE", "STOP"]
    assert scheduler_of(make_search(scheduler={"name": "none"})) is None


# The AP of each trial after epochs 1 to 9 and its cost; decisions fall at epochs 1 and 3, and trials run one by one.
CURVES = (
    (0.60, 0.65, 0.70, 0.72, 0.74, 0.75, 0.76, 0.77, 0.80),  # 100: the first, never dominated
    (0.30, 0.50, 0.80, 0.85, 0.86, 0.87, 0.88, 0.89, 0.90),  # 200: behind trial 0 at epoch 1, which is all that counts
    (0.20, 0.22, 0.25, 0.27, 0.28, 0.29, 0.30, 0.31, 0.32),  # 50: the cheapest, on every front
    (0.50, 0.60, 0.65, 0.66, 0.67, 0.68, 0.69, 0.70, 0.70),  # 300: behind trial 0
    (0.65, 0.66, 0.66, 0.90, 0.91, 0.92, 0.93, 0.94, 0.95),  # 250: best at epoch 1, behind trial 0 at epoch 3
    (0.55, 0.56, 0.57, 0.58, 0.59, 0.60, 0.61, 0.62, 0.63),  # 120: behind trial 0
)
STOPPED_AT = {1: 1, 3: 1, 4: 3, 5: 1}
DIES_AFTER = {0: 3, 4: 1}
"""Epochs, both rungs, after whose report the process of a trial ends, the first time."""


def training_in(directory: Path) -> Any:
    """A trainable that follows its curve, keeps a checkpoint, and begins anew by reporting its last epoch again."""

    def train(config: Mapping[str, Any]) -> None:
        number, checkpoint = config["number"], directory / f"{config['number']}.json"
        last = json.loads(checkpoint.read_text()) if checkpoint.exists() else 0
        for epoch in range(max(last, 1), len(CURVES[number]) + 1):
            checkpoint.write_text(json.dumps(epoch))
            with (directory / f"{number}.log").open("a") as log:
                log.write(f"{epoch}\n")
            tune.report({"epoch": epoch, "loss": 1.0, "ap_gt": CURVES[number][epoch - 1]})
            if DIES_AFTER.get(number) == epoch and not last:
                os._exit(1)

    return train


@pytest.mark.slow
@pytest.mark.xdist_group("ray")
def test_ray_tune_stops_what_is_dominated_and_a_process_that_dies_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tune then looks for the scheduler's metric in every result, and must find none to look for.
    monkeypatch.setenv("TUNE_DISABLE_STRICT_METRIC_CHECKING", "0")
    start_ray()
    subject = scheduler()
    results = tune.Tuner(
        tune.with_resources(training_in(tmp_path), {"CPU": 1}),
        param_space={"number": tune.grid_search(list(range(len(CURVES))))},
        tune_config=tune.TuneConfig(scheduler=subject, max_concurrent_trials=1, reuse_actors=True),
        run_config=tune.RunConfig(
            name="ray", storage_path=str(tmp_path), failure_config=tune.FailureConfig(max_failures=1), verbose=0
        ),
    ).fit()
    assert not results.errors
    ended = {result.config["number"]: result.metrics["epoch"] for result in (results[i] for i in range(len(results)))}
    assert ended == {number: STOPPED_AT.get(number, 9) for number in range(len(CURVES))}
    assert sorted(subject.stopped.values()) == sorted(STOPPED_AT.values())
    for number, epoch in DIES_AFTER.items():
        epochs = [int(line) for line in (tmp_path / f"{number}.log").read_text().split()]
        assert epochs.count(epoch) == 2, "the epoch after which the process died was reported twice"
    assert "epoch 1: 6, epoch 3: 3; 4 stopped" in subject.debug_string()
