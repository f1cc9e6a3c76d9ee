"""The translation of a search space and a sampler's settings to Optuna."""

from __future__ import annotations

from collections.abc import Callable

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)

from dite_search.config import SamplerSection
from search_spaces.parameters import Range
from search_spaces.space import SearchSpace


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Each parameter of the space as Optuna sees it: choices are categories, ranges are floats."""
    found: dict[str, BaseDistribution] = {}
    for name, parameter in space.parameters.items():
        if isinstance(parameter, Range):
            found[name] = FloatDistribution(parameter.low, parameter.high, log=parameter.log)
        else:
            found[name] = CategoricalDistribution(parameter.values)
    return found


def make_sampler(settings: SamplerSection, seed: int) -> BaseSampler:
    """The sampler that a search file names.

    A ``grid`` search has all its points enqueued from the start, so that its sampler has nothing left to choose: Optuna's
    own grid sampler ends by stopping a loop which a study that is asked and told has not.
    """
    makers: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: TPESampler(
            n_startup_trials=settings.startup_trials, multivariate=True, constant_liar=True, seed=seed
        ),
        "nsga2": lambda: NSGAIISampler(population_size=settings.population, seed=seed),
        "nsga3": lambda: NSGAIIISampler(population_size=settings.population, seed=seed),
        "gp": lambda: GPSampler(n_startup_trials=settings.startup_trials, seed=seed),
        "qmc": lambda: QMCSampler(seed=seed, scramble=True),
        "random": lambda: RandomSampler(seed=seed),
        "grid": lambda: RandomSampler(seed=seed),
    }
    return makers[settings.name]()
