"""The sections of a search file, field by field; `dite_search.config.search_config` makes a whole of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from search_spaces.common.errors import unknown_name
from search_spaces.common.objectives import COUNTED, OBJECTIVES, costs_and_scores, named

DEFAULT_OBJECTIVES = ("ap_gt", "mmacs")
COST_AWARE = "cost_aware"
TPE = "tpe"
SAMPLERS = (COST_AWARE, TPE, "nsga2", "nsga3", "gp", "qmc", "random", "grid")
OPTUNAHUB = "optunahub:"
"""Begins the name of a sampler from optunahub."""
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
    proxies: tuple[str, ...] = Field(
        (), description="zero-cost proxies that the model of the accuracy reads besides the network (cost_aware)"
    )


class SchedulerSection(Section):
    """Which trials end early: those that others dominate at a rung of epochs."""

    name: Annotated[str, AfterValidator(lambda name: one_of("scheduler", name, SCHEDULERS))] = Field(
        "pareto",
        description="pareto: asynchronous successive halving by non-dominated rank, which never stops a trial that is on the"
        " front at its rung; none: every trial runs to its last epoch",
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
    def in_process(self) -> bool:
        """Whether a trial trains in its own process, without workers of Ray Train."""
        return self.workers == 1 and self.max_workers is None


class LatencySection(Section):
    """How the latency of one image is measured: ONNX Runtime on the processor of the trial, before its training."""

    device: str | None = Field(
        None, min_length=1, max_length=100, description="label of the device; default: the processor's name and the threads"
    )
    threads: int | None = Field(None, ge=1, le=1024, description="threads; default: resources.cpus_per_worker")
    warmup: int = Field(5, ge=0, le=100_000, description="passes before the timed ones")
    runs: int = Field(30, ge=1, le=100_000, description="timed passes, whose median is latency_ms")


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


def absolute(path: str) -> str:
    """Return the path as the study remembers it, whatever the working directory will be."""
    return str(Path(path).absolute())


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
