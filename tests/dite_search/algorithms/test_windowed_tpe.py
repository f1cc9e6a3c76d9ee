"""TPE that looks at the best trials and the latest ones."""

from __future__ import annotations

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import TPESampler
from optuna.trial import TrialState, create_trial

from dite_search.algorithms.windowed_tpe import BEST_TRIALS, LATEST_TRIALS, WindowedTPESampler, best_trials

pytestmark = pytest.mark.filterwarnings("ignore")
PLACE = FloatDistribution(0.0, 1.0)


def study_of(count, sampler=None):
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for number in range(count):
        place = number * 0.618 % 1.0
        study.add_trial(create_trial(params={"x": place}, distributions={"x": PLACE}, values=[place**2, place]))
    return study


def suggested(sampler, count):
    trial = study_of(count, sampler).ask({"x": PLACE})
    return trial.params["x"]


def test_a_small_study_is_seen_whole():
    options = {"multivariate": True, "seed": 3}
    assert suggested(WindowedTPESampler(**options), 60) == suggested(TPESampler(**options), 60)


def test_a_large_study_is_seen_by_its_best_and_latest_and_running_trials():
    sampler = WindowedTPESampler(seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    values = [[0.9, 1.0]] + [[0.1, 2.0]] * (LATEST_TRIALS + BEST_TRIALS + 40)
    for each in values:
        study.add_trial(create_trial(params={"x": 0.5}, distributions={"x": PLACE}, values=each))
    running = study.ask()
    study._thread_local.cached_all_trials = None
    seen = [trial.number for trial in sampler.window(study)]
    assert seen[0] == 0
    assert seen[-1] == running.number
    assert set(range(len(values) - LATEST_TRIALS, len(values))) <= set(seen)
    assert len(seen) <= LATEST_TRIALS + BEST_TRIALS + 1


def test_the_best_are_those_of_the_first_ranks_within_the_limits():
    study = study_of(50)
    over = create_trial(
        params={"x": 0.5},
        distributions={"x": PLACE},
        values=[5.0, 0.0],
        system_attrs={"constraints:params": 0.5},
    )
    worse = create_trial(params={"x": 0.5}, distributions={"x": PLACE}, values=[0.0, 3.0])
    stopped = create_trial(state=TrialState.PRUNED, params={"x": 0.5}, distributions={"x": PLACE})
    for trial in (over, worse, stopped):
        study.add_trial(trial)
    trials = study.get_trials(deepcopy=False)
    assert [trial.number for trial in best_trials(study, trials, 50)] == list(range(50))
    assert [trial.number for trial in best_trials(study, trials, 60)] == [*range(50), 51]
    assert len(best_trials(study, trials, 20)) == 20
