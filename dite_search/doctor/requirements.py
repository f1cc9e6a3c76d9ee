"""The requirements of a search on its file, data and earlier studies; search and doctor check them by the same functions."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from rich.console import Console

from analysis.study.learning import TrainingAmount
from dite_search.algorithms.admission import Admission, gate_of
from dite_search.algorithms.samplers import sampler_of
from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import CheckedData, check_data, data_of, say_notes
from dite_search.config.sections import OPTUNAHUB, sampler_words
from dite_search.spending.limits import Limits, amount_words
from dite_search.spending.purchase import bought_words
from dite_search.spending.state import pace_of
from dite_search.study.directory import check_checkpoints, check_name
from dite_search.study.reader import read_study
from dite_search.study.warm_start import EarlierTrials, earlier_trials
from dite_search.supernet.needs import supernet_words
from dite_search.supernet.use import check_named_scores, prior_of, used_scores
from dite_search.terminal.progress import waiting
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import MEASURED, named
from search_spaces.space.budget import Budget
from search_spaces.space.candidate import CandidateCache
from search_spaces.supernet_config import PRIOR
from trainers.data.config import DataConfig
from trainers.data.identity import data_identity

TRIED_POINTS = 5
"""Networks, drawn by chance, for which objectives of the user's own are counted before a search begins."""
DATA = "data"
"""The name of the requirement whose data others read."""


class Ready:
    """The data and earlier trials that are read while the requirements of a search are checked.

    Args:
        config: The search.
        read: Returns its data set, drawn before where it has to be.
    """

    def __init__(self, config: SearchConfig, read: Callable[[SearchConfig], DataConfig]) -> None:
        self.config, self._read = config, read
        self.checked = CheckedData()
        self.known: EarlierTrials = []

    @cached_property
    def data(self) -> DataConfig:
        """The data set."""
        return self._read(self.config)

    @cached_property
    def candidates(self) -> CandidateCache:
        """The networks of the space that were built, with their costs; the search goes on with them."""
        return CandidateCache(self.config.search_space)

    @cached_property
    def gate(self) -> Admission:
        """The gate, which knows the costs of every network."""
        return gate_of(self.config, candidates=self.candidates)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One thing that a search needs.

    Args:
        name: Its name in a list of checks.
        check: Raises InvalidInput where it is not met; returns a sentence about it otherwise.
        remedy: What to change where it is not met.
        reads_data: Whether it can be looked at only where the data can be read.
    """

    name: str
    check: Callable[[Ready], str]
    remedy: str
    reads_data: bool = False


def requirements(config: SearchConfig, *, new: bool) -> list[Requirement]:
    """Return what a search needs, in the order in which it is looked at; ``new`` unless its study exists."""
    data = Requirement(name=DATA, check=_data, remedy="the files that the sentence names, or data of the search file")
    found = [data]
    if new:
        found = [Requirement(name="name", check=_name, remedy="name: one that no study has"), data]
        if config.budget:
            remedy = "budget: limits that some network of the space meets"
            found.append(Requirement(name="budget", check=_budget, remedy=remedy))
        if config.train_config.fine_tuning:
            remedy = "training.start_from, freeze and distill: weights and parts that fit the networks of the space"
            found.append(Requirement(name="weights", check=_weights, remedy=remedy))
        remedy = "sampler: one that can be made here, or what the sentence names"
        found.append(Requirement(name="sampler", check=_sampler, remedy=remedy))
        if config.supernet is not None:
            remedy = "supernet: a space whose networks can share weights"
            found.append(Requirement(name="supernet", check=lambda ready: supernet_words(ready.config), remedy=remedy))
        if config.supernet_config.uses_scores:
            remedy = "supernet: scores of this space, data and recipe, by dite-search supernet score"
            found.append(Requirement(name="supernet scores", check=_scores, remedy=remedy, reads_data=True))
        if config.warm_start.studies:
            remedy = "warm_start.studies: studies of the same protocol"
            found.append(Requirement(name="warm start", check=_warm_start, remedy=remedy, reads_data=True))
    if config.own_objectives:
        remedy = "objectives: functions that have a value for every network of the space"
        found.append(Requirement(name="own objectives", check=_own_objectives, remedy=remedy))
    if config.spend is not None:
        remedy = "spend: a budget that lets a training begin"
        found.append(Requirement(name="spend", check=partial(_spend, new=new), remedy=remedy))
    if config.checkpoints is not None:
        remedy = "checkpoints: a place that can be written and holds no other study"
        found.append(Requirement(name="checkpoints", check=partial(_checkpoints, new=new), remedy=remedy))
    return found


def require(config: SearchConfig, console: Console, *, new: bool) -> Ready:
    """Look at all that a search needs, and return what was read; remarks on the data are printed.

    Raises:
        InvalidInput: a requirement is not met; apart from a synthetic data set nothing was made.
    """
    ready = Ready(config, partial(data_of, console=console))
    with waiting(console, "Reading annotations and validation images"):
        for requirement in requirements(config, new=new):
            requirement.check(ready)
    say_notes(ready.checked.notes, console)
    amount = training_amount(ready)
    if new and amount:
        for doubt in amount.doubts():
            text = f"warning: networks may learn nothing: {doubt}"
            console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)
    return ready


def training_amount(ready: Ready) -> TrainingAmount | None:
    """Return how much each training of a search learns from; None where the data were not read."""
    counts, recipe = ready.checked.counts, ready.config.train_config
    if counts is None:
        return None
    return TrainingAmount(
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        warmup=recipe.warmup_iterations,
        people=counts.training_people,
        images=counts.validation_images,
        from_weights=recipe.start_from is not None,
    )


def _name(ready: Ready) -> str:
    check_name(ready.config)
    return f"there is no study {ready.config.name} in {ready.config.study_directory.parent} yet"


def _data(ready: Ready) -> str:
    data = ready.data
    if ready.config.data.synthetic is not None and not data.root.exists():
        return "the images are drawn in the folder of the studies"
    ready.checked = check_data(ready.config, data)
    return f"annotations and images in {ready.config.data.folder or data.root} can be read"


def _budget(ready: Ready) -> str:
    space, measured = ready.config.search_space, {own.name for own in ready.config.own_objectives if not own.is_counted}
    # What a function of the user's measures is known in a trial alone.
    known = tuple(limit for limit in ready.config.network_budget.constraints if limit.cost not in measured)
    Budget(constraints=known).check(space, lambda point: ready.gate.costs(ready.gate.candidate(point)))
    return f"networks of space {space.name} meet {' and '.join(ready.config.budget)}"


def _own_objectives(ready: Ready) -> str:
    space, generator = ready.config.search_space, np.random.default_rng(ready.config.seed)
    for own in ready.config.own_objectives:
        own.load()
    for point in (space.sample(generator) for _ in range(TRIED_POINTS)):
        ready.candidates(point)
    return f"{' and '.join(own.function for own in ready.config.own_objectives)} can be called"


def _weights(ready: Ready) -> str:
    config, space = ready.config, ready.config.search_space
    # It imports torch, which takes a second that few searches need here.
    from trainers.training.beginning import check_beginning

    if config.train_config.distill and "input_size" in space.parameters:
        raise InvalidInput("training.distill must not be given where input_size is searched: a teacher has one input size")
    sentences: list[str] = []
    first = space.build(next(iter(space.points())))
    # The base of a space need not be one of its networks.
    bases = [base if space.point_of(base) is not None else first for base in (space.base, *space.bases.values())]
    for base in dict.fromkeys(bases):
        try:
            sentences += check_beginning(base, config.train_config, config.data.keypoint_set.names).sentences
        except InvalidInput as error:
            raise InvalidInput(f"training.{error}") from None
    return "; ".join(sentences) or "the learning rates of the networks' parts are known"


def _sampler(ready: Ready) -> str:
    config = ready.config
    if config.sampler.name.startswith(OPTUNAHUB) or any(name in config.objectives for name in named(source=MEASURED)):
        # All others can be made wherever this program runs; a limit on the latency was looked at with the budget.
        sampler_of(config, ready.gate)
    return f"{sampler_words(config.sampler.name, config.objectives)} suggests the networks"


def _spend(ready: Ready, *, new: bool) -> str:
    config, limits, now = ready.config, Limits.of(ready.config.spend), time.time()
    if new and limits.until is not None and limits.until <= now:
        raise InvalidInput(f"spend.until must be later than now, got {amount_words('until', limits.until)}")
    if new and limits.epochs is not None and limits.epochs < min(config.goals):
        raise InvalidInput(
            f"spend.epochs must be at least {min(config.goals)}, in which a network reaches its first rung, got"
            f" {limits.epochs:.0f}"
        )
    pace = None if new else pace_of(read_study(config))
    return bought_words(limits, goals=config.goals, gpus=config.resources.gpus_of_trial, now=now, pace=pace)


def _warm_start(ready: Ready) -> str:
    ready.known = earlier_trials(ready.config, data_identity(ready.data) if ready.data.root.exists() else None)
    return f"{len(ready.known)} results of earlier studies are known from the start"


def _scores(ready: Ready) -> str:
    config = ready.config
    check_named_scores(config)
    scores = used_scores(config, data_identity(ready.data) if ready.data.root.exists() else None)
    if config.supernet_config.use == PRIOR:
        prior_of(config, ready.gate.candidate)
        return f"{len(scores.networks)} networks have inherited scores, which guide the search while that pays"
    return f"{len(scores.networks)} networks have inherited scores, from which the first trainings are chosen"


def _checkpoints(ready: Ready, *, new: bool) -> str:
    check_checkpoints(ready.config, new=new)
    return f"{ready.config.checkpoints} can be written"
