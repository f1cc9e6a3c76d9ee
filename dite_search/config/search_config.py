"""The search file: YAML, typed, every field documented, unknown fields refused with the nearest known name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, ValidationError, model_validator

from dite_search.config.data_defaults import points_of_networks, space_for, training_for
from dite_search.config.data_section import DataSection
from dite_search.config.mistakes.sentences import all_sentences, file_error, within
from dite_search.config.rungs import rung_epochs
from dite_search.config.sections import (
    DEFAULT_OBJECTIVES,
    OBJECTIVE_WORDS,
    URLS,
    LatencySection,
    ResourcesSection,
    SamplerSection,
    SchedulerSection,
    Section,
    SpendSection,
    WarmStartSection,
    check_guides,
    checkpoint_place,
    one_or_several,
    printable,
    study_name,
    with_sampler,
)
from dite_search.config.sqlite_url import anchored
from dite_search.config.validation import expanded, merged
from search_spaces.common.errors import InvalidInput, SeveralMistakes, check_all, check_names, mistakes_of
from search_spaces.common.files import read_mapping
from search_spaces.common.objectives import DIRECTIONS, PUBLISHED_FLOPS, cost_names, costs_and_scores, directions_of
from search_spaces.common.own_objectives import OwnObjective, beside_file, with_own_objectives
from search_spaces.registry import counted_alike
from search_spaces.space.budget import Budget
from search_spaces.space.elastic_space import check_sharing
from search_spaces.space.search_space import SearchSpace
from search_spaces.supernet_config import SupernetConfig, check_use
from search_spaces.training_config import TrainConfig
from trainers.data.keypoint_sets.fields import to_plain


class SearchConfig(Section):
    """A whole search."""

    _urls_as_given: dict[str, str] = PrivateAttr(default_factory=dict)
    _folder: Path | None = PrivateAttr(None)
    name: Annotated[str, AfterValidator(study_name)] = Field(
        description="name of the study: letters a to z, digits, '.', '_' and '-'"
    )
    space: str | dict[str, Any] = Field(
        description="a named space, or base (a space, a network or an architecture) and parameters with their values"
    )
    input_size: str | None = Field(None, description="input of every network as HEIGHTxWIDTH; default: the space's own")
    data: DataSection
    training: dict[str, Any] = Field(default_factory=dict, description="hyper-parameters; those left out are the paper's")
    supernet: dict[str, Any] | None = Field(None, description="weights that all networks of the space share; see below")
    objectives: tuple[str, ...] = Field(DEFAULT_OBJECTIVES, min_length=1, max_length=4, description=OBJECTIVE_WORDS)
    own_objectives: tuple[OwnObjective, ...] = Field((), description="functions of your own, as the search writes them down")
    budget: Annotated[tuple[str, ...], BeforeValidator(lambda limits: one_or_several(limits))] = Field(
        (),
        max_length=4,
        description="a limit such as mmacs <= 250, params <= 1.5M or latency_ms <= 20, or a list of them: no network beyond"
        " them is trained",
    )
    sampler: SamplerSection = Field(default_factory=SamplerSection)
    scheduler: SchedulerSection = Field(default_factory=SchedulerSection)
    warm_start: WarmStartSection = Field(default_factory=WarmStartSection)
    reuse: bool = Field(True, description="whether a network that was trained already is not trained again")
    repeats: int = Field(
        1,
        ge=1,
        le=100,
        description="trainings, with seeds that follow one another, of each network that reached its last epoch",
    )
    confirm: int = Field(1, ge=1, le=20, description="trainings in the end of each network that would be recommended")
    trials: int | None = Field(
        None, ge=1, le=1_000_000, description="networks to train; a continuation of a stopped one is no other; or give spend"
    )
    spend: SpendSection | None = Field(None, description="budget of the search; the limit reached first ends it")
    start_with: tuple[dict[str, Any], ...] = Field((), description="points to try first, in the space's parameters")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of the sampler and of every training")
    resources: ResourcesSection = Field(default_factory=ResourcesSection)
    latency: LatencySection = Field(default_factory=LatencySection)
    max_concurrent: int | None = Field(None, ge=1, description="trials at once; default: what the resources allow")
    retries: int = Field(
        1, ge=0, le=100, description="new starts of a trial whose process died; it goes on from its checkpoint"
    )
    directory: Annotated[str, AfterValidator(printable)] = Field(
        "runs", description="folder of the studies, seen by every node; relative to the working directory"
    )
    checkpoints: Annotated[str, AfterValidator(checkpoint_place)] | None = Field(
        None,
        description="where checkpoints are kept, in a folder of the study's name: a folder seen by every node,"
        " file:///folder, or s3://bucket/prefix; default: the study's folder. S3 needs dite-search[s3]. Its credentials and"
        " the address of the service (AWS_ENDPOINT_URL) come from the environment or ~/.aws alone",
    )
    study_url: str | None = Field(None, description="Optuna storage; default: SQLite in the study's folder")
    mlflow_url: str | None = Field(None, description="MLflow tracking URI; default: SQLite in the studies' folder")

    @model_validator(mode="after")
    def _consistent(self) -> SearchConfig:
        # A property that breaks a rule says so wherever it is read, and is read here by itself.
        check_all(
            (
                self._check_objectives,
                lambda: self.train_config,
                lambda: self.search_space,
                lambda: self.network_budget,
                lambda: self.rungs,
                lambda: self.first_points,
                self._check_batch,
                self._check_counting,
                self._check_length,
                self._check_guides,
                self._check_supernet,
                self._check_grid,
                *(partial(self._check_point, index) for index in range(len(self.start_with))),
            )
        )
        return self

    def _check_objectives(self) -> None:
        check_names("objective", self.objectives, DIRECTIONS)
        if len(set(self.objectives)) != len(self.objectives):
            raise InvalidInput(f"objectives must not name one twice, got {list(self.objectives)}")
        _, scores = costs_and_scores(self.objectives)
        if scores != [self.accuracy]:
            data = self.data
            of = f"data.boxes {data.boxes}" if len(data.data_format.boxes) > 1 else f"data.format {data.format}"
            of = of if data.metric is None else f"data.metric {data.used_metric.name}"
            raise InvalidInput(f"objectives must hold exactly one accuracy, {self.accuracy} for {of}, got {scores}")

    def _check_batch(self) -> None:
        most = max(self.resources.workers, self.resources.max_workers or 1)
        if self.train_config.batch_size < 2 * most:
            raise InvalidInput(
                f"training.batch_size must be at least {2 * most}, 2 samples for each of {most} workers,"
                f" got {self.train_config.batch_size}"
            )

    def _check_counting(self) -> None:
        space = self.search_space
        limited = [*self.objectives, *self.network_budget.costs]
        if PUBLISHED_FLOPS in limited and not counted_alike(space.bases.values()):
            families = " and ".join(family.name for family in space.families)
            raise InvalidInput(
                f"{PUBLISHED_FLOPS} must not rank networks of families that it counts in other ways ({families}): use mmacs"
            )

    def _check_length(self) -> None:
        if self.trials is None and self.spend is None:
            raise InvalidInput("trials must be given, or spend: how many networks are trained, or what the search may take")
        if self.spend and self.spend.gpu_hours is not None and not self.resources.gpus_per_worker:
            raise InvalidInput("spend.gpu_hours must be left out where resources.gpus_per_worker is 0: no trial takes a GPU")
        if self.repeats > 1 and not self.reuse:
            raise InvalidInput(
                f"repeats must be 1 where reuse is false, which repeats networks without a limit, got {self.repeats}"
            )
        if self.confirm > 1 and self.repeats > 1:
            raise InvalidInput(f"confirm must be 1 where repeats is {self.repeats}, got {self.confirm}")

    def _check_supernet(self) -> None:
        if self.supernet is not None:
            if self.supernet_config.study is None:
                check_sharing(self.search_space, self.supernet_config, self.train_config)
            check_use(self.supernet_config, sampler=self.sampler.name, trials=self.trials)

    def _check_grid(self) -> None:
        space = self.search_space
        if self.sampler.name != "grid":
            return
        if space.training_parameters:
            raise InvalidInput(
                f"sampler grid needs architecture parameters only, got {next(iter(space.training_parameters))}"
            )
        if self.trials is None:
            raise InvalidInput("trials must be given for sampler grid, whose points are laid out at the start")
        if self.trials > space.count():
            raise InvalidInput(f"trials must be at most the {space.count()} points of a grid search, got {self.trials}")

    def _check_point(self, index: int) -> None:
        space = self.search_space
        try:
            space.build(self.start_with[index])
        except InvalidInput as error:
            raise InvalidInput(f"start_with[{index}]: {error}") from None

    def _check_guides(self) -> None:
        families = [family.name for family in self.search_space.families] if self.warm_start.published else []
        check_guides(self.sampler, self.warm_start, self.data.keypoint_set, families)

    @cached_property
    def search_space(self) -> SearchSpace:
        """The space, with the input size of this search and the keypoints of its data."""
        found = space_for(self.space, self.data.data_format, input_size=self.input_size, keypoint_set=self.data.keypoint_set)
        return dataclasses.replace(found, own=self.own_objectives) if self.own_objectives else found

    @cached_property
    def train_config(self) -> TrainConfig:
        """The hyper-parameters of every trial, before a point changes some."""
        if "seed" in self.training:
            raise InvalidInput("training.seed must not be given: seed of the search is the seed of every training")
        try:
            return TrainConfig.from_dict({**training_for(self.training, self.data.data_format), "seed": self.seed})
        except InvalidInput as error:
            raise SeveralMistakes(*(within("training", sentence) for sentence in mistakes_of(error))) from None

    @cached_property
    def supernet_config(self) -> SupernetConfig:
        """The training of shared weights; the defaults where the file has no section for it."""
        return SupernetConfig.from_dict(self.supernet or {})

    @cached_property
    def network_budget(self) -> Budget:
        """The limits on what a network may cost."""
        return Budget.parse(self.budget, cost_names())

    @cached_property
    def first_points(self) -> tuple[dict[str, Any], ...]:
        """Points that are tried before any sampler is asked: those of ``start_with``, then the named networks."""
        return (*self.start_with, *points_of_networks(self.search_space, self.warm_start.networks))

    @cached_property
    def rungs(self) -> tuple[int, ...]:
        """The epochs at which a trial may be stopped; none without a scheduler."""
        section, config = self.scheduler, self.train_config
        if section.name == "none":
            return ()
        return rung_epochs(
            config.epochs,
            validate_every=config.validate_every,
            grace_period=section.grace_period,
            reduction_factor=section.reduction_factor,
        )

    @property
    def goals(self) -> list[int]:
        """The epochs up to which a training needs budget: those of the rungs, and of a whole training."""
        return [*self.rungs, self.train_config.epochs]

    @property
    def directions(self) -> list[str]:
        """``minimize`` or ``maximize`` for each objective."""
        return directions_of(self.objectives)

    @property
    def least_score(self) -> None:
        """None: the scheduler knows what accuracy means that a network has learned something."""

    def replaced(self, changes: Mapping[str, Any], source: str) -> SearchConfig:
        """Return this search with some fields replaced; of a section, only what is given of it.

        Raises:
            InvalidInput: a field is unknown or its value is not allowed; ``source`` names the search in the message.
        """
        return parse_search(merged(self.to_dict(), changes), source)

    @property
    def accuracy(self) -> str:
        """The objective that is learned about, as opposed to computed: such as ``ap_gt`` or ``nme``."""
        return self.data.accuracy

    @property
    def study_directory(self) -> Path:
        """The folder of this study, absolute: of its name, unless it was renamed."""
        return self._folder or Path(self.directory).absolute() / self.name

    def __getstate__(self) -> dict[Any, Any]:
        """URLs as the search file gives them: Ray stores what it is given, and a password has to stay in its variable."""
        state = super().__getstate__()
        return state | {"__dict__": state["__dict__"] | self._urls_as_given}

    def to_dict(self) -> dict[str, Any]:
        """Plain YAML types; fields at their defaults included.

        URLs are as the search file gives them: a password that a variable holds stays in the variable.
        """
        return {**self.model_dump(mode="json"), **self._urls_as_given}


def load_search(
    path: str | Path,
    *,
    data_root: str | None = None,
    changes: Mapping[str, Any] | None = None,
    data_changes: Mapping[str, Any] | None = None,
) -> SearchConfig:
    """Read a search file; environment variables in paths and URLs are filled in.

    Args:
        path: The search file.
        data_root: The folder of the data, in place of ``data.root``.
        changes: Top-level fields in place of the file's.
        data_changes: Fields of ``data`` in place of the file's.

    Raises:
        InvalidInput: the message names the file, the field, the rule and the value.
    """
    given = {name: value for name, value in (changes or {}).items() if value is not None}
    values = beside_file(read_mapping(path) | given, path)
    if data_root is not None and isinstance(values.get("data"), dict):
        values["data"] = {k: v for k, v in values["data"].items() if k != "synthetic"} | {"root": data_root}
    given = {name: value for name, value in (data_changes or {}).items() if value is not None}
    if given and isinstance(values.get("data"), dict):
        values["data"] = {**values["data"], **given}
    return with_weights(with_keypoints(parse_search(values, str(path)), values, str(path)), str(path))


def with_keypoints(config: SearchConfig, values: Mapping[str, Any], source: str) -> SearchConfig:
    """Return a search that says all of the keypoints of its data, so that it holds wherever the data are moved later.

    Keypoints of the format stay unsaid.
    """
    known = config.data.keypoint_set
    if known == config.data.data_format.keypoint_set:
        return config
    return parse_search({**values, "data": {**values["data"], "keypoints": to_plain(known)}}, source)


def with_weights(config: SearchConfig, source: str) -> SearchConfig:
    """Return a search that says what its files of weights hold, so that its trials are known by it wherever they lie.

    Raises:
        InvalidInput: a file cannot be read.
    """
    try:
        known = config.train_config.identified()
    except InvalidInput as error:
        raise InvalidInput(f"{source}: training.{error}") from None
    if known == config.train_config:
        return config
    found = {name: value for name, value in known.to_dict().items() if name in ("start_from", "distill")}
    return config.replaced({"training": found}, source)


def parse_search(values: Mapping[str, Any], source: str, *, folder: Path | None = None) -> SearchConfig:
    """A search from the fields of a file; ``source`` names it in messages.

    ``folder`` is that of a study which exists, where it does not have the study's name.
    """
    try:
        given = with_sampler(with_own_objectives(expanded(dict(values)), Path.cwd()))
        config = SearchConfig.model_validate(given)
    except ValidationError as error:
        raise file_error(source, all_sentences(error, given, SearchConfig)) from None
    except InvalidInput as error:
        raise InvalidInput(f"{source}: {error}") from None
    config._urls_as_given.update({name: anchored(values[name]) for name in URLS if values.get(name)})
    config._folder = folder
    return config
