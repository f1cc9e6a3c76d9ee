"""BoTorch's qLogNEHVI as a competitor: noisy expected hypervolume improvement over the candidates of this search.

It is the strongest peer that well-kept parts make. Its Gaussian process learns the score from the same features, exact
costs among them. Its second objective is the exact cost itself, of which nothing has to be learned, by its logarithm where
costs differ tenfold. The first trials are
spread as this search spreads its own, and the pools of candidates are drawn alike. A network is not suggested twice, and
trainings that run are known to the acquisition (Daulton et al. 2021, arXiv:2105.08195; Ament et al. 2023, arXiv:2310.20708).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.exceptions import InputDataWarning, NumericsWarning
from botorch.fit import fit_gpytorch_mll
from botorch.models import ModelList, SingleTaskGP
from botorch.models.deterministic import GenericDeterministicModel
from botorch.models.transforms import Normalize, Standardize
from botorch.sampling.get_sampler import get_sampler
from gpytorch.mlls import ExactMarginalLogLikelihood
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from analysis.pareto.front import score_floor
from dite_search.algorithms.cost_aware.candidate_pool import Pool, Pools
from dite_search.algorithms.cost_aware.candidates import Candidates, Point
from dite_search.algorithms.cost_aware.history import HistorySchema, Observation, TrialHistory
from dite_search.algorithms.cost_aware.initial_design import most_different
from search_spaces.space.encoding import LOGARITHMIC_RATIO

STARTUP = 10
POOL = 2000
DRAWS = 64
"""Samples of the posterior that the acquisition is averaged over."""
CHUNK = 250
"""Candidates that are weighed at once."""


class QnehviSampler(BaseSampler):
    """qLogNEHVI over candidates: one score to be learned, and one exact cost that is minimised.

    ``maximize`` tells which way the score is better; ``score`` is its place among a trial's values.
    """

    def __init__(self, candidates: Candidates, *, cost: str, score: int, maximize: bool, seed: int) -> None:
        schema = HistorySchema(
            score=score,
            sign=1.0 if maximize else -1.0,
            costs={cost: "minimize"},
            epochs=None,
            curve=lambda trial: {},
            repeatable=lambda trial: False,
            continues=lambda trial: False,
        )
        self._candidates, self._seed = candidates, seed
        self._history = TrialHistory(candidates, schema)
        self._pools = Pools(candidates, schema, size=POOL, seed=seed)
        self._given: dict[int, Point] = {}
        self._model: SingleTaskGP | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters are chosen together."""
        return dict(self._candidates.distributions)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """The next point."""
        self._history.update(study.get_trials(deepcopy=False), own=trial.number, given=self._given)
        running = {one.number for one in self._history.pending}
        point = self._next(trial.number)
        self._given = {n: given for n, given in self._given.items() if n in running} | {trial.number: point}
        return point

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Nothing: the candidates have every parameter."""
        raise AssertionError(f"no candidate has a value for {param_name}")

    def _next(self, number: int) -> Point:
        history, used = self._history, self._history.uses()
        drawn = self._pools.draw(number, [(one.key, one.point) for one in history.front], {})
        pool = drawn.without(used)
        if not len(pool):
            pool = self._pools.rest(used, {})
        if not len(pool):
            return drawn.points[0]
        known = [*history.finished, *history.pending]
        if len(known) < STARTUP or history.complete < STARTUP // 2:
            return self._spread(pool, known, number)
        return pool.points[self._best(pool, number)]

    def _spread(self, pool: Pool, known: Sequence[Observation], number: int) -> Point:
        width = pool.features.shape[1]
        place = most_different(
            pool.features,
            pool.costs,
            seen_features=np.array([self._candidates.features(one.point) for one in known]).reshape(len(known), width),
            seen_costs=np.array([one.costs for one in known]).reshape(len(known), 1),
            strata=STARTUP,
            generator=np.random.default_rng([self._seed, 6, number]),
        )
        return pool.points[place]

    def _best(self, pool: Pool, number: int) -> int:
        """Return the place of the candidate with the largest acquisition."""
        ended, pending = self._history.finished, self._history.pending
        unit = Unit.of([*pool.costs[:, 0], *(one.costs[0] for one in ended if one.costs)])
        known, scores = self._inputs(ended, unit), torch.tensor([[one.score] for one in ended], dtype=torch.double)
        candidates = torch.tensor(np.column_stack([pool.features, unit.measure(pool.costs)]))
        torch.manual_seed(self._seed * 100_003 + number)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InputDataWarning)
            warnings.simplefilter("ignore", NumericsWarning)
            self._model = _fitted(known, scores, self._model)
            model = ModelList(self._model, GenericDeterministicModel(lambda inputs: -inputs[..., -1:]))
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                model=model,
                ref_point=[score_floor(scores), -1.1],
                X_baseline=known,
                X_pending=self._inputs(pending, unit) if pending else None,
                sampler=get_sampler(model.posterior(known[:1]), torch.Size([DRAWS]), seed=number),
                prune_baseline=True,
                cache_root=False,
            )
            with torch.no_grad():
                values = torch.cat([acquisition(part.unsqueeze(-2)) for part in candidates.split(CHUNK)])
        return int(values.argmax())

    def _inputs(self, observations: Sequence[Observation], unit: Unit) -> torch.Tensor:
        """Return features with the cost itself as the last column, (n, d + 1)."""
        rows = [
            [*self._candidates.features(one.point), float(unit.measure(np.array(one.costs))[0])]
            for one in observations
            if one.costs
        ]
        return torch.tensor(rows, dtype=torch.double)


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The unit of costs, in which the greatest is 1: by their logarithms where they differ tenfold, as limits are spaced."""

    low: float
    high: float

    @classmethod
    def of(cls, costs: Sequence[float]) -> Unit:
        return cls(low=min(costs), high=max(costs))

    def measure(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return costs in this unit; the least is 0 by logarithms."""
        if 0 < LOGARITHMIC_RATIO * self.low <= self.high:
            found: NDArray[np.float64] = np.log(costs / self.low) / np.log(self.high / self.low)
            return found
        return costs / self.high


def _fitted(inputs: torch.Tensor, scores: torch.Tensor, before: SingleTaskGP | None) -> SingleTaskGP:
    """Return the model of scores, whose fit starts where that of the suggestion before ended.

    From BoTorch's own start every fit takes hundreds of steps, which are nine tenths of a search.
    """
    model = SingleTaskGP(
        inputs, scores, input_transform=Normalize(inputs.shape[-1]), outcome_transform=Standardize(scores.shape[-1])
    )
    if before is not None:
        model.covar_module.load_state_dict(before.covar_module.state_dict())
        model.mean_module.load_state_dict(before.mean_module.state_dict())
        model.likelihood.load_state_dict(before.likelihood.state_dict())
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model
