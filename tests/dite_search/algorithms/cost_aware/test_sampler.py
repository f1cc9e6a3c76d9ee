"""The promises of the cost-aware sampler about every suggestion, whatever the study holds."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from analysis.pareto.front import hypervolume
from dite_search.algorithms.cost_aware.candidates import DistributionCandidates, SpaceCandidates, distributions_of
from dite_search.algorithms.cost_aware.sampler import CostAwareSampler
from search_spaces.common.errors import InvalidInput
from search_spaces.registry import cost_of
from search_spaces.space.space_file import named_space
from tests.profiles import examples

SPACE = named_space("tiny_128")
LIMIT = 3.0
COSTS = {str(point): cost_of(SPACE.build(point)).mmacs for point in SPACE.points()}
DIRECTIONS = ("maximize", "minimize")


def sampler(*, seed: int, limit: float = LIMIT, **changes) -> CostAwareSampler:
    candidates = SpaceCandidates(SPACE, allowed=lambda candidate: candidate.cost.mmacs <= limit)
    return CostAwareSampler(
        candidates, objectives=("ap_gt", "mmacs"), directions=DIRECTIONS, accuracy="ap_gt", seed=seed, **changes
    )


def study_with(sampler: CostAwareSampler) -> optuna.Study:
    return optuna.create_study(directions=list(DIRECTIONS), sampler=sampler)


def score(point) -> float:
    """A smooth accuracy that rises with cost and prefers a wide first branch."""
    return 0.1 * np.log(COSTS[str(point)]) + 0.05 * np.log2(point["width_branch1"]) + 0.02 * point["modules_stage3"]


def ask(study: optuna.Study) -> optuna.Trial:
    return study.ask(fixed_distributions=distributions_of(SPACE))


def run(seed: int, fates: list[str]) -> list[dict]:
    """One suggestion for each fate: told complete, failed, pruned, over the budget, or left running."""
    study, points = study_with(sampler(seed=seed, startup_trials=3)), []
    for fate in fates:
        trial = ask(study)
        points.append(dict(trial.params))
        if fate == "complete":
            study.tell(trial, [score(trial.params), COSTS[str(dict(trial.params))]])
        elif fate == "infeasible":
            trial.set_constraint("latency_ms", 0.5)
            study.tell(trial, state=TrialState.PRUNED)
        elif fate != "running":
            study.tell(trial, state=TrialState.FAIL if fate == "failed" else TrialState.PRUNED)
    return points


FATES = st.lists(
    st.sampled_from(("complete", "complete", "failed", "pruned", "infeasible", "running")), min_size=1, max_size=12
)


@examples(15)
@given(seed=st.integers(0, 2**31), fates=FATES)
def test_suggestions_are_in_the_space_within_the_budget_and_none_comes_twice(seed, fates):
    points = run(seed, fates)
    assert all(SPACE.is_valid(point) and COSTS[str(point)] <= LIMIT for point in points)
    assert len({str(point) for point in points}) == len(points)


@examples(8)
@given(seed=st.integers(0, 2**31), fates=FATES)
def test_the_same_seed_suggests_the_same(seed, fates):
    assert run(seed, fates) == run(seed, fates)


def test_a_sampler_made_anew_goes_on_alike():
    first = study_with(sampler(seed=3, startup_trials=3))
    for _ in range(6):
        trial = ask(first)
        first.tell(trial, [score(trial.params), COSTS[str(dict(trial.params))]])
    second = study_with(sampler(seed=3, startup_trials=3))
    second.add_trials(first.trials)
    assert ask(second).params == ask(first).params


def test_a_used_up_space_is_suggested_from_again():
    study = study_with(sampler(seed=0, limit=1.7, startup_trials=2))
    allowed = [point for point in COSTS if COSTS[point] <= 1.7]
    seen = []
    for _ in range(len(allowed) + 2):
        trial = ask(study)
        seen.append(str(dict(trial.params)))
        study.tell(trial, [score(trial.params), COSTS[seen[-1]]])
    assert set(seen) == set(allowed)


def test_it_finds_the_front_in_fewer_trials_than_chance():
    values = np.array([[score(point), COSTS[str(point)]] for point in SPACE.points()])
    corner = (0.0, 1.1 * values[:, 1].max())
    whole = hypervolume(values, corner, DIRECTIONS)

    def trials_to(sampler) -> int:
        study, seen = study_with(sampler), []
        while not seen or hypervolume(seen, corner, DIRECTIONS) < 0.99 * whole:
            trial = ask(study)
            seen.append([score(trial.params), COSTS[str({name: trial.params[name] for name in SPACE.parameters})]])
            study.tell(trial, seen[-1])
        return len(seen)

    ours = np.mean([trials_to(sampler(seed=seed, limit=99.0)) for seed in range(3)])
    chance = np.mean([trials_to(optuna.samplers.RandomSampler(seed=seed)) for seed in range(3)])
    assert ours < 0.6 * chance


def test_it_serves_any_optuna_study():
    space = {
        "width": IntDistribution(8, 64, step=8),
        "depth": CategoricalDistribution([1, 2, 4]),
        "rate": FloatDistribution(1e-4, 1e-1, log=True),
    }
    candidates = DistributionCandidates(
        space, costs=lambda p: {"macs": p["width"] ** 2 * p["depth"]} if p["width"] * p["depth"] <= 96 else None
    )
    ours = CostAwareSampler(
        candidates, objectives=("accuracy", "macs"), directions=DIRECTIONS, accuracy="accuracy", startup_trials=4, seed=0
    )
    study = study_with(ours)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        point = {name: trial._suggest(name, distribution) for name, distribution in space.items()}
        assert point["width"] * point["depth"] <= 96
        return 1 - 1 / (point["width"] * point["depth"]) - abs(np.log10(point["rate"]) + 2), point["width"] ** 2 * point[
            "depth"
        ]

    study.optimize(objective, n_trials=12)
    assert len(study.best_trials) >= 2
    assert all(space[name].low <= t.params[name] <= space[name].high for t in study.trials for name in ("width", "rate"))


def test_a_cost_that_is_better_high_is_searched_as_its_reciprocal():
    space = {"width": IntDistribution(8, 64, step=8), "depth": IntDistribution(1, 4)}

    def suggested(direction: str, power: int) -> list[dict[str, int]]:
        def cost(point: dict[str, int]) -> float:
            return float(point["width"] * point["depth"]) ** power

        ours = CostAwareSampler(
            DistributionCandidates(space, costs=lambda point: {"speed": cost(point)}),
            objectives=("accuracy", "speed"),
            directions=("maximize", direction),
            accuracy="accuracy",
            startup_trials=4,
            seed=0,
        )
        study = optuna.create_study(directions=["maximize", direction], sampler=ours)
        for _ in range(12):
            trial = study.ask(fixed_distributions=space)
            study.tell(trial, [1 - 1 / trial.params["width"] - 0.1 / trial.params["depth"], cost(trial.params)])
        return [trial.params for trial in study.trials]

    assert suggested("maximize", -1) == suggested("minimize", 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": "ap_det"}, "objectives must hold exactly one accuracy, ap_det, got ap_gt, mmacs"),
        ({"directions": ("maximize", "most")}, "unknown direction 'most'"),
        ({"startup_trials": 1}, "startup_trials must be at least 2, got 1"),
    ],
)
def test_what_it_cannot_search_for_is_refused(changes, message):
    fields = {"objectives": ("ap_gt", "mmacs"), "directions": DIRECTIONS, "accuracy": "ap_gt"}
    with pytest.raises(InvalidInput, match=message):
        CostAwareSampler(SpaceCandidates(SPACE), **fields | changes)
