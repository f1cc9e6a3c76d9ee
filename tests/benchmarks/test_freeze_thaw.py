"""Freeze-thaw over a recorded table: what it foretells, what it trains, and what it is compared by."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.search_cost.freeze_thaw import __main__ as command
from benchmarks.search_cost.freeze_thaw.__main__ import line_of
from benchmarks.search_cost.freeze_thaw.forecasts import without_own
from benchmarks.search_cost.freeze_thaw.search import STARTUP, FreezeThaw
from benchmarks.search_cost.recordings import Source, yardstick_of
from dite_search.algorithms.cost_aware.surrogate import Observations, Posterior, fit_kernel
from dite_search.study.attributes import EPOCH_KEY
from tests.benchmarks.test_priced import ThreadPool

EPOCHS = 12


def observations(extra: list[float]) -> Observations:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(len(extra), 3))
    return Observations(features=features, scores=features @ [0.3, -0.2, 0.1] + 0.5, extra=np.array(extra))


def test_a_forecast_takes_its_own_curve_once() -> None:
    """The closed form against a model that is made anew without each training."""
    data = observations([0.0, 0.01, 0.2, 0.0, 0.05, 0.0, 3.0])
    kernel = fit_kernel(data)
    found = without_own(kernel, data)
    for row, (score, extra) in enumerate(zip(data.scores, data.extra, strict=True)):
        others = np.arange(len(data.scores)) != row
        rest = Posterior(
            kernel, Observations(features=data.features[others], scores=data.scores[others], extra=data.extra[others])
        )
        covariance = rest.covariance(data.features[[row]])
        mean, variance = rest.mean(covariance)[0], rest.deviation(covariance)[0] ** 2 + rest.noise**2
        weight = variance / (variance + extra)
        assert found.means[row] == pytest.approx(mean + weight * (score - mean), rel=1e-5)
        assert found.deviations[row] == pytest.approx(np.sqrt(variance * (1 - weight)), rel=1e-4, abs=1e-9)


@pytest.mark.parametrize("losses", [False, True])
def test_a_search_pauses_and_goes_on_within_its_epochs(losses: bool) -> None:
    yardstick = yardstick_of(Source(place="tiny_128"))
    search = FreezeThaw(yardstick, seed=1, workers=4, losses=losses)
    ended = search.run(20 * EPOCHS)
    begun = search.begun.values()
    done = [max((int(each[EPOCH_KEY]) for each in training.values), default=0) for training in begun]
    assert sum(done) <= 20 * EPOCHS < sum(done) + EPOCHS
    assert done.count(EPOCHS) == len(ended) >= STARTUP
    assert sum(0 < epochs < EPOCHS for epochs in done) > 4, "more are paused than workers hold"
    assert len({one.network for one in ended}) == len(ended)
    assert [one.epochs for one in ended] == sorted(one.epochs for one in ended)
    assert FreezeThaw(yardstick, seed=1, workers=4, losses=losses).run(20 * EPOCHS) == ended


def test_methods_are_compared_with_rungs() -> None:
    rungs, other = [(0.2, 0.1)] * 2, [(0.1, 0.3)] * 2
    assert line_of("rungs", rungs, rungs) == "rungs    2 seeds: at 25 0.20000; at 50 0.10000"
    assert line_of("losses", other, rungs) == (
        "losses   2 seeds: at 25 0.10000 (-0.10000, -0.10000 to -0.10000); at 50 0.30000 (+0.20000, +0.20000 to +0.20000)"
    )


@pytest.mark.slow
def test_the_command_prints_a_line_for_each_method(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "TRAININGS", (10, 15))
    monkeypatch.setattr(command, "ProcessPoolExecutor", ThreadPool)
    monkeypatch.setattr(sys, "argv", ["freeze_thaw", "--seeds", "2", "--jobs", "1", "--share", "1"])
    command.main()
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["rungs", "scores", "losses"]
