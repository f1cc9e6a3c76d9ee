"""`CostAwareSampler`: an Optuna sampler for an accuracy that has to be learned and costs that are known before a trial."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from dite_search.algorithms.cost_aware.acquisition import Price
from dite_search.algorithms.cost_aware.candidates import Candidates
from dite_search.algorithms.cost_aware.expected_improvement import MAX_LEVELS
from dite_search.algorithms.cost_aware.gated_prior import GateState
from dite_search.algorithms.cost_aware.history import HistorySchema
from dite_search.algorithms.cost_aware.suggester import Prior, Suggester
from dite_search.algorithms.cost_aware.surrogate import Curve
from search_spaces.common.errors import InvalidInput, check_names, unknown_name


class CostAwareSampler(BaseSampler):
    """Suggests the candidate from which the largest gain in hypervolume is to be expected.

    Only the accuracy is modelled (`surrogate`): the costs of a candidate are exact and free. The first suggestions are
    spread over costs and features. After them the candidates of a pool are compared by their expected hypervolume
    improvement (`improvement`). Trials that are still running are taken to end as predicted. A point that the study holds is
    not suggested again while there are others, nor ever one that is not allowed. Without costs among the objectives this is
    plain expected improvement.

    Suggestions follow from ``seed``, the study and the number of the trial: a search that is resumed goes on alike. One
    sampler serves one study at a time, from any number of threads.

    Args:
        candidates: The points to choose from, with their costs.
        objectives: The names of the study's values, in their order.
        directions: ``maximize`` or ``minimize`` for each of them. A cost above 0 that is maximised is modelled as its
            reciprocal.
        accuracy: The objective that is learned; all others are costs that the candidates know.
        epochs: The length of a full training, so that running and pruned trials teach something too.
        startup_trials: The number of first suggestions.
        pool_size: The number of candidates in the pool.
        seed: The seed of all chance.
        cost_exponent: The expected gain is divided by this power of the cost of a training. 0 counts trainings, and 1
            spends a fixed amount of compute.
        price: The objective that the cost of a training is proportional to (default: the first cost).
        curve: Returns a trial's accuracy at each epoch (default: its intermediate values).
        repeatable: Whether a failed trial may be tried again (default: none).
        continues: Whether a pruned trial goes on when its point is suggested again (default: none).
        prior: Returns figures of points that may foretell their accuracy, larger where better. The model reads them only
            while they foretell the results so far better than the model does without.
        note: Takes a sentence when the model begins to read the prior, or stops reading it.

    Raises:
        InvalidInput: the objectives do not hold the accuracy, or a number is out of its range.
    """

    def __init__(
        self,
        candidates: Candidates,
        *,
        objectives: Sequence[str],
        directions: Sequence[str],
        accuracy: str,
        epochs: int | None = None,
        startup_trials: int = 10,
        pool_size: int = 2000,
        seed: int | None = None,
        cost_exponent: float = 0.0,
        price: str | None = None,
        curve: Callable[[FrozenTrial], Curve] | None = None,
        repeatable: Callable[[FrozenTrial], bool] | None = None,
        continues: Callable[[FrozenTrial], bool] | None = None,
        prior: Prior | None = None,
        note: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        _check(objectives, directions, accuracy)
        for name, value in (("startup_trials", startup_trials), ("pool_size", pool_size)):
            if value < 2:
                raise InvalidInput(f"{name} must be at least 2, got {value}")
        self._candidates, self._startup, self._pool_size = candidates, startup_trials, pool_size
        self._schema = HistorySchema(
            score=list(objectives).index(accuracy),
            sign=1.0 if directions[list(objectives).index(accuracy)] == "maximize" else -1.0,
            costs={name: side for name, side in zip(objectives, directions, strict=True) if name != accuracy},
            epochs=epochs,
            curve=curve or (lambda trial: trial.intermediate_values),
            repeatable=repeatable or (lambda trial: False),
            continues=continues or (lambda trial: False),
        )
        if not 0.0 <= cost_exponent <= 1.0:
            raise InvalidInput(f"cost_exponent must be from 0 to 1, got {cost_exponent}")
        costs = list(self._schema.costs)
        if price is not None and price not in costs:
            raise unknown_name("price", price, costs)
        self._price = Price(exponent=cost_exponent if costs else 0.0, column=costs.index(price) if price else 0)
        self._seed = _entropy() if seed is None else seed
        self._prior, self._note, self._gate = prior, note, False
        self._lock, self._threads = threading.Lock(), ThreadpoolController()
        self._study: tuple[str, Suggester] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """All parameters of the candidates are chosen together."""
        return dict(self._candidates.distributions)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """The next point; values that were fixed when the trial was enqueued are kept."""
        fixed = {name: value for name, value in trial.system_attrs.get("fixed_params", {}).items() if name in search_space}
        with self._lock:
            if self._study is None or self._study[0] != study.study_name:
                self._study = (study.study_name, self._suggester())
            # Its matrices are small, and the processors busy with trainings: one thread is the fastest, and adds up alike.
            with self._threads.limit(limits=1):
                return dict(self._study[1].suggest(study.get_trials(deepcopy=False), trial.number, fixed))

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """A parameter that the candidates do not have: by chance."""
        seed = zlib.crc32(f"{self._seed} {trial.number} {param_name}".encode())
        return RandomSampler(seed=seed).sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """Another seed, as Optuna asks for when it copies a sampler to several workers."""
        with self._lock:
            self._seed, self._study = _entropy(), None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_lock": None, "_threads": None, "_study": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock, self._threads = threading.Lock(), ThreadpoolController()

    def _suggester(self) -> Suggester:
        return Suggester(
            self._candidates,
            self._schema,
            startup_trials=self._startup,
            pool_size=self._pool_size,
            seed=self._seed,
            price=self._price,
            prior=self._prior,
            told=self._told,
        )

    def _told(self, state: GateState) -> None:
        """Say that the model begins to read the prior, or stops."""
        if state.is_open != self._gate:
            self._gate = state.is_open
            self._note(str(state))


def _check(objectives: Sequence[str], directions: Sequence[str], accuracy: str) -> None:
    """Refuse objectives that are not one accuracy and costs."""
    names = ", ".join(objectives) or "none"
    if len(directions) != len(objectives):
        raise InvalidInput(f"directions must be one for each of the objectives {names}, got {len(directions)}")
    check_names("direction", directions, ("maximize", "minimize"))
    if list(objectives).count(accuracy) != 1:
        raise InvalidInput(f"objectives must hold exactly one accuracy, {accuracy}, got {names}")
    if len(objectives) - 1 > max(MAX_LEVELS):
        raise InvalidInput(f"objectives must hold at most {max(MAX_LEVELS)} costs, got {len(objectives) - 1}")


def _entropy() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])
