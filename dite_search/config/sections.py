"""The sections of a search file, field by field; `dite_search.config.search_config` makes a whole of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from search_spaces.common.errors import InvalidInput, check_names, unknown_name
from search_spaces.common.objectives import COUNTED, OBJECTIVES, costs_and_scores, named
from search_spaces.common.runtimes import ONNX, MeasuredRuntime
from trainers.checkpoints.location import located
from trainers.data.annotations.keypoints import KeypointSet

DEFAULT_OBJECTIVES = ("ap_gt", "mmacs")
OBJECTIVE_WORDS = f"what to optimise: {', '.join(OBJECTIVES)}; or a function of your own as module:function"
COST_AWARE = "cost_aware"
TPE = "tpe"
SAMPLERS = (COST_AWARE, TPE, "nsga2", "nsga3", "gp", "qmc", "random", "grid")
OPTUNAHUB = "optunahub:"
"""Begins the name of a sampler from optunahub."""
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z"
"""The names that studies have."""
SCHEDULERS = ("pareto", "none")


class Section(BaseModel):
    """Frozen, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SamplerSection(Section):
    """The sampler that suggests the next trial."""

    name: Annotated[str, AfterValidator(lambda name: _known_sampler(name))] = Field(
        COST_AWARE,
        description="one of "
        + ", ".join(SAMPLERS)
        + "; or optunahub:PACKAGE, where optunahub is installed. The default is tpe where an objective besides the accuracy"
        " is measured, as latency_ms is, or there is none",
    )
    startup_trials: int = Field(10, ge=1, description="first trials, before a model is fitted (cost_aware, tpe, gp)")
    population: int = Field(20, ge=2, description="population size (nsga2, nsga3)")
    pool: int = Field(2000, ge=2, le=100_000, description="candidates that are compared for each suggestion (cost_aware)")
    cost_exponent: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="power of the first cost among the objectives that expected gains are divided by (cost_aware): 0 counts"
        " trainings, 1 spends compute where it gains most",
    )
    proxies: tuple[str, ...] = Field(
        (), description="zero-cost proxies that the model of the accuracy reads besides the network (cost_aware)"
    )


class SchedulerSection(Section):
    """Which trials end early: those that others dominate at a rung of epochs."""

    name: Annotated[str, AfterValidator(lambda name: one_of("scheduler", name, SCHEDULERS))] = Field(
        "pareto",
        description="pareto: asynchronous successive halving by non-dominated rank, which never stops a trial that is on the"
        " front at its rung. none: every trial runs to its last epoch",
    )
    grace_period: int | None = Field(
        None, ge=1, le=100_000, description="epochs of every trial before the first decision; default: from the epochs"
    )
    reduction_factor: float = Field(
        3.0, gt=1.0, le=100.0, description="of the trials at a rung, this part goes on (3: a third), and the whole front"
    )


class WarmStartSection(Section):
    """The results and networks that a search begins with."""

    networks: tuple[str, ...] = Field((), description="networks by name that are trained first; each must be in the space")
    studies: tuple[Annotated[str, AfterValidator(lambda name: _study_named(name))], ...] = Field(
        (),
        description="folders of earlier studies with the same protocol, whose trials in this space count as results",
    )
    published: tuple[str, ...] = Field(
        (),
        description="published tables (table2, table4, table5, table6, table6_mpii) that guide the cost_aware sampler:"
        " a prior, never results",
    )


class ResourcesSection(Section):
    """The resources of one trial. One worker trains in the trial's own process; more are Ray Train workers of their own."""

    workers: int = Field(1, ge=1, le=1024, description="training processes that share each batch")
    max_workers: int | None = Field(
        None, ge=1, le=1024, description="up to so many processes while the cluster has room for them (elastic)"
    )
    cpus_per_worker: int = Field(1, ge=1, le=1024, description="CPU cores, and threads, of each")
    gpus_per_worker: float = Field(0.0, ge=0.0, le=16.0, description="GPUs of each; a fraction shares one")

    @model_validator(mode="after")
    def _range(self) -> ResourcesSection:
        if self.max_workers is not None and self.max_workers < self.workers:
            raise ValueError(f"max_workers must be at least workers {self.workers}, got {self.max_workers}")
        return self

    @property
    def gpus_of_trial(self) -> float:
        """The GPUs of a trial; of elastic workers those that there may be, since their number changes while a trial runs."""
        return (self.max_workers or self.workers) * self.gpus_per_worker

    @property
    def in_process(self) -> bool:
        """Whether a trial trains in its own process, without workers of Ray Train."""
        return self.workers == 1 and self.max_workers is None


class LatencySection(Section):
    """How the latency of one image is measured: on the processor of the trial, before its training."""

    device: str | None = Field(
        None, min_length=1, max_length=100, description="label of the device; default: the processor's name and the threads"
    )
    threads: int | None = Field(None, ge=1, le=1024, description="threads; default: resources.cpus_per_worker")
    warmup: int = Field(5, ge=0, le=100_000, description="passes before the timed ones")
    runs: int = Field(30, ge=1, le=100_000, description="timed passes, whose median is latency_ms")
    runtime: MeasuredRuntime = Field(
        ONNX, description="runtime that is timed; all but onnx are extras to install, and are measured, never predicted"
    )


SPEND_FIELDS = ("hours", "gpu_hours", "epochs", "until")
UNTIL_EXAMPLE = "2026-12-01T08:00, local time unless an offset such as +01:00 is given"


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError(f"must be a number, got {str(value).lower()}")
    return value


def moment(value: Any) -> Any:
    """Return a date and time with its offset from UTC; one without is local time.

    Raises:
        ValueError: the value is no date with a time.
    """
    found = value
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value) if ":" in value else None
        except ValueError:
            found = None
    if found is None and value is None:
        return None
    if not isinstance(found, datetime):
        raise ValueError(f"must be a date and time such as {UNTIL_EXAMPLE}, got {str(value)!r}")
    try:
        return found.astimezone() if found.tzinfo is None else found
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"must be a date and time such as {UNTIL_EXAMPLE}, got {str(value)!r}") from None


Amount = Annotated[float, BeforeValidator(_number)]


class SpendSection(Section):
    """The budget of the whole search, in any of these units; the limit that is reached first ends the search."""

    hours: Amount | None = Field(
        None, gt=0, allow_inf_nan=False, description="hours of the search's own time, those of all its starts added up"
    )
    gpu_hours: Amount | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="GPU hours: the GPUs of each trial times the hours for which the trial holds them",
    )
    epochs: Annotated[int, BeforeValidator(_number)] | None = Field(
        None, ge=1, le=1_000_000_000, description="epochs of all trainings together"
    )
    until: Annotated[datetime, BeforeValidator(moment)] | None = Field(
        None, description=f"date and time such as {UNTIL_EXAMPLE}"
    )

    @model_validator(mode="after")
    def _limited(self) -> SpendSection:
        if all(getattr(self, name) is None for name in SPEND_FIELDS):
            raise ValueError(f"must name {', '.join(SPEND_FIELDS[:-1])} or {SPEND_FIELDS[-1]}")
        return self


def default_sampler(objectives: Sequence[str]) -> tuple[str, str]:
    """Return the sampler of a search that names none, and the reason in words.

    The costs of candidates have to be known before a training, and a measured one needs a table that was fitted for the
    device. Names that are no objectives are left for others to refuse.
    """
    costs, _ = costs_and_scores([name for name in objectives if name in OBJECTIVES])
    measured = [name for name in costs if name not in named(source=COUNTED)]
    if measured:
        return TPE, f"{' and '.join(measured)} is measured"
    if not costs:
        return TPE, "the accuracy is the only objective"
    return COST_AWARE, "the objectives are one accuracy and costs"


def sampler_words(name: str, objectives: Sequence[str]) -> str:
    """Return a sampler's name and, where it is the one of a search that names none, the reason for the choice."""
    default, reason = default_sampler(objectives)
    return f"{name} (the default, because {reason})" if name == default else name


def with_sampler(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a search file that name their sampler: where the file names none, the default one."""
    sampler, objectives = values.get("sampler", {}), values.get("objectives", DEFAULT_OBJECTIVES)
    if not isinstance(sampler, Mapping) or "name" in sampler or not isinstance(objectives, list | tuple):
        return values
    return {**values, "sampler": {**sampler, "name": default_sampler([str(name) for name in objectives])[0]}}


def check_guides(
    sampler: SamplerSection, warm_start: WarmStartSection, keypoint_set: KeypointSet, families: Sequence[str]
) -> None:
    """Refuse features of the model of the accuracy that are unknown, or that the sampler has no model to read with.

    Args:
        sampler: The sampler, with its proxies.
        warm_start: What the search begins with.
        keypoint_set: The keypoints of the data.
        families: The names of the families of the space.
    """
    for field, names in (("sampler.proxies", sampler.proxies), ("warm_start.published", warm_start.published)):
        if names and sampler.name != COST_AWARE:
            raise InvalidInput(f"{field} must be empty unless sampler.name is {COST_AWARE}, got {list(names)}")
    if sampler.proxies:
        # These imports take a second each, and few searches need them.
        from trainers.evaluation.zero_cost_proxies import DRAWN_KEYPOINTS, PROXIES

        check_names("proxy", sampler.proxies, PROXIES)
        if keypoint_set.count != DRAWN_KEYPOINTS:
            raise InvalidInput(
                f"sampler.proxies must be empty for the {keypoint_set.count} keypoints of {keypoint_set.name}: proxies are"
                f" measured on drawn people of {DRAWN_KEYPOINTS}"
            )
    if warm_start.published:
        from analysis.study.published_results import PUBLISHED_TABLES, check_families_of_tables

        check_names("published table", warm_start.published, PUBLISHED_TABLES)
        check_families_of_tables(warm_start.published, families)


def study_name(name: str) -> str:
    """Return the name of a study, which a folder, a database and a URL can have."""
    if not re.match(NAME_PATTERN, name):
        raise InvalidInput(
            "name must be 1 to 100 letters without accents, digits, '.', '_' and '-', of which the first is a letter or a"
            f" digit, got {name!r}"
        )
    return name


def one_or_several(limits: Any) -> Any:
    """Return a list of limits, also where a file gives one without a list around it."""
    return (limits,) if isinstance(limits, str) else limits


def absolute(path: str) -> str:
    """Return the path as the study remembers it, whatever the working directory will be."""
    return str(Path(path).absolute())


def printable(path: str) -> str:
    """Return a path without the characters that no file system, or no terminal, takes."""
    if not path.isprintable():
        raise ValueError(f"must hold printable characters only, got {path!r}")
    return path


def checkpoint_place(text: str) -> str:
    """Return the place as the study remembers it, whatever the working directory will be."""
    place = located(printable(text))
    return str(place.expanduser().absolute()) if isinstance(place, Path) else place


def _study_named(name: str) -> str:
    """The folder of a study for good; a name in the folder of the studies stays one."""
    return absolute(name) if (Path(name) / "search.yaml").is_file() else name


def _known_sampler(name: str) -> str:
    return name if name.startswith(OPTUNAHUB) and len(name) > len(OPTUNAHUB) else one_of("sampler", name, SAMPLERS)


def one_of(kind: str, name: str, known: tuple[str, ...]) -> str:
    """Return a name that is one of the known ones; raises InvalidInput that names the nearest otherwise."""
    if name not in known:
        raise unknown_name(kind, name, known)
    return name


URLS = ("study_url", "mlflow_url")
