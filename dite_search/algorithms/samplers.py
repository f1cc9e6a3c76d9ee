"""The sampler that a search file names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial

from optuna.samplers import (
    BaseSampler,
    GPSampler,
    NSGAIIISampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
)
from optuna.trial import FrozenTrial

from dite_search.algorithms.admission import Admission
from dite_search.algorithms.cost_aware.candidates import Candidates, SpaceCandidates
from dite_search.algorithms.cost_aware.sampler import CostAwareSampler
from dite_search.algorithms.published_prior import published_prior
from dite_search.algorithms.windowed_tpe import WindowedTPESampler
from dite_search.config.problem import SearchProblem
from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import COST_AWARE, OPTUNAHUB
from dite_search.study.attributes import ORIGIN
from dite_search.study.reader import curve_of, is_blameless
from dite_search.supernet.use import prior_of
from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.common.objectives import costs_and_scores
from search_spaces.families.architecture import Architecture


def sampler_of(
    config: SearchProblem,
    gate: Admission,
    candidates: Candidates | None = None,
    note: Callable[[str], None] = lambda sentence: None,
) -> BaseSampler:
    """The sampler that a search names, seeded by the search; it compares ``candidates``, or those of the search's space.

    ``note`` takes a sentence when the sampler begins, or ceases, to read a prior.

    A ``grid`` search has all its points enqueued from the start, so that its sampler has nothing left to choose. Optuna's
    own grid sampler ends by stopping a loop, which a study that is asked and told has not.
    """
    settings, seed = config.sampler, config.seed
    if settings.name.startswith(OPTUNAHUB):
        return _from_hub(settings.name.removeprefix(OPTUNAHUB), seed)
    makers: dict[str, Callable[[], BaseSampler]] = {
        COST_AWARE: lambda: _cost_aware(config, gate, candidates or _space_candidates(config, gate), note),
        "tpe": lambda: WindowedTPESampler(
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


def _space_candidates(config: SearchProblem, gate: Admission) -> SpaceCandidates:
    assert isinstance(config, SearchConfig), "a table brings its own candidates"
    published, proxies = config.warm_start.published, config.sampler.proxies
    costs, _ = costs_and_scores(config.objectives)
    return SpaceCandidates(
        config.search_space,
        cost_objectives=costs,
        candidate=gate.candidate,
        allowed=gate.allows,
        costs=gate.costs,
        extra=published_prior(published) if published else None,
        expensive=partial(_proxies, names=proxies, seed=config.seed) if proxies else None,
    )


def _cost_aware(config: SearchProblem, gate: Admission, candidates: Candidates, note: Callable[[str], None]) -> BaseSampler:
    return CostAwareSampler(
        candidates,
        objectives=config.objectives,
        directions=config.directions,
        accuracy=config.accuracy,
        epochs=config.train_config.epochs,
        startup_trials=config.sampler.startup_trials,
        pool_size=config.sampler.pool,
        cost_exponent=config.sampler.cost_exponent,
        seed=config.seed,
        curve=partial(_accuracies, name=config.accuracy),
        continues=lambda trial: ORIGIN not in trial.user_attrs,
        repeatable=is_blameless,
        prior=prior_of(config, gate.candidate) if isinstance(config, SearchConfig) else None,
        note=note,
    )


def _accuracies(trial: FrozenTrial, *, name: str) -> dict[int, float]:
    """The accuracy after each epoch of a trial that was validated."""
    return {int(metrics["epoch"]): metrics[name] for metrics in curve_of(trial) if name in metrics}


def _proxies(arch: Architecture, *, names: Sequence[str], seed: int) -> list[float]:
    # torch is only imported where a proxy is asked for.
    from trainers.evaluation.zero_cost_proxies import measure

    return list(measure(arch, names, seed=seed).values())


def _from_hub(package: str, seed: int) -> BaseSampler:
    """The sampler of an optunahub package, whose module holds one class of samplers.

    Raises:
        InvalidInput: optunahub is not installed, or has no such package with a sampler in it.
    """
    try:
        import optunahub
    except ImportError:
        raise InvalidInput(f"sampler {OPTUNAHUB}{package} needs the package optunahub: pip install optunahub") from None
    try:
        module = optunahub.load_module(package)
    except Exception as error:
        # The registry is fetched from the network: dozens of kinds of errors have this one meaning.
        raise InvalidInput(f"sampler {OPTUNAHUB}{package} cannot be loaded: {first_line(error)}") from None
    classes = [
        found
        for found in vars(module).values()
        if inspect.isclass(found) and issubclass(found, BaseSampler) and found.__module__.startswith(module.__name__)
    ]
    if len(classes) != 1:
        names = ", ".join(found.__name__ for found in classes) or "none"
        raise InvalidInput(f"sampler {OPTUNAHUB}{package} must be a package with one sampler, got {names}")
    takes_seed = "seed" in inspect.signature(classes[0]).parameters
    make: Callable[..., BaseSampler] = classes[0]
    return make(seed=seed) if takes_seed else make()
