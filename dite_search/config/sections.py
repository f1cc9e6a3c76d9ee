"""The sections of a search file, field by field; `dite_search.config.search_config` makes a whole of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from search_spaces.common.errors import unknown_name
from trainers.data.formats.data_format import COCO, FORMATS, MPII, DataFormat

COST_AWARE = "cost_aware"
SAMPLERS = (COST_AWARE, "tpe", "nsga2", "nsga3", "gp", "qmc", "random", "grid")
OPTUNAHUB = "optunahub:"
"""Begins the name of a sampler from optunahub."""
SCHEDULERS = ("pareto", "none")


class Section(BaseModel):
    """Frozen, and without fields that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SyntheticSection(Section):
    """People drawn by code: nothing to download."""

    train_images: int = Field(1200, ge=1, le=1_000_000, description="images to train on, one or two people each")
    val_images: int = Field(150, ge=1, le=1_000_000, description="images to be scored on")
    seed: int = Field(0, ge=0, description="seed of the drawing: the same seed draws the same images")


class DataSection(Section):
    """The data set and the protocol of its use."""

    root: Annotated[str, AfterValidator(lambda path: _absolute(path))] | None = Field(
        None,
        description="folder in the published layout of the format (COCO: annotations/, train2017/, val2017/; MPII and"
        " CrowdPose: annotations/, images/); ${NAME} and ${NAME:-default} are environment variables; a relative path"
        " is one of the working directory, and the study keeps it absolute",
    )
    format: Annotated[str, AfterValidator(lambda name: _one_of("format", name, tuple(FORMATS)))] = Field(
        "coco",
        description="one of "
        + ", ".join(FORMATS)
        + "; it gives the keypoints of the networks, the accuracy and, where the file says nothing else, the papers' input"
        " size and hyper-parameters for the data (MPII: 256x256, 260 epochs, no half-body crops)",
    )
    name: str = Field(
        "custom", description="name of the data set in reports; the published figures are of coco_val2017 and mpii_val"
    )
    synthetic: SyntheticSection | None = Field(None, description="draw people instead of reading a data set")
    train_split: str = Field("train", description="split to learn from: train or val; crowdpose has trainval and test too")
    val_split: str = Field("val", description="split to be scored on")
    boxes: Literal["gt", "det"] = Field(
        "gt", description="person boxes of the validation: ground truth or detected; MPII has no detected ones"
    )
    detections: Annotated[str, AfterValidator(lambda path: _absolute(path))] | None = Field(
        None, description="COCO detections file, needed when boxes is det"
    )
    workers: int = Field(0, ge=0, le=256, description="loader processes of each training process; 0 loads in the process")
    prepared: Annotated[str, AfterValidator(lambda path: _absolute(path))] | None = Field(
        None,
        description="folder that dite-search prepare wrote, seen by every node; default: one that fits in prepared/ of the"
        " root, where there is one",
    )
    category: Annotated[int | str | None, BeforeValidator(lambda value: _category(value))] = Field(
        None,
        description="category of the people in the annotation files, a name or an id; default: found by its name and its"
        " keypoints, and several candidates are an error that names them",
    )
    on_broken_image: Literal["stop", "skip"] = Field(
        "stop", description="end a training at a broken image, or leave its people out of it; validation always stops"
    )
    on_orientation: Literal["apply", "ignore", "stop"] = Field(
        "apply",
        description="where a camera noted in an image how it has to be turned (EXIF orientation): turn it, as annotation"
        " tools show it, read it as it is stored, or refuse it",
    )

    @model_validator(mode="after")
    def _one_source(self) -> DataSection:
        if (self.root is None) == (self.synthetic is None):
            raise ValueError("data must name exactly one of root and synthetic")
        if self.synthetic and self.format != COCO.name:
            raise ValueError(f"format must be {COCO.name} where data.synthetic draws the people, got {self.format}")
        known = self.data_format
        for field in ("train_split", "val_split"):
            if getattr(self, field) not in known.splits:
                raise ValueError(str(unknown_name(f"{field} of format {self.format}", getattr(self, field), known.splits)))
        if self.category is not None and self.format == MPII.name:
            raise ValueError(f"category must not be given in format {MPII.name}, which has none, got {self.category!r}")
        if self.boxes not in known.accuracies:
            raise ValueError(f"boxes must be {' or '.join(known.accuracies)} in format {self.format}, got {self.boxes}")
        return self

    @property
    def data_format(self) -> DataFormat:
        """The data format that the field names."""
        return FORMATS[self.format]

    @property
    def accuracy(self) -> str:
        """The figure that ranks networks on this data."""
        return self.data_format.accuracies[self.boxes]


class SamplerSection(Section):
    """The sampler that suggests the next trial."""

    name: Annotated[str, AfterValidator(lambda name: _known_sampler(name))] = Field(
        "tpe", description="one of " + ", ".join(SAMPLERS) + "; or optunahub:PACKAGE, where optunahub is installed"
    )
    startup_trials: int = Field(10, ge=1, description="first trials, before a model is fitted (cost_aware, tpe, gp)")
    population: int = Field(20, ge=2, description="population size (nsga2, nsga3)")
    pool: int = Field(2000, ge=2, le=100_000, description="candidates that are compared for each suggestion (cost_aware)")
    proxies: tuple[str, ...] = Field(
        (), description="zero-cost proxies that the model of the accuracy reads besides the network (cost_aware)"
    )


class SchedulerSection(Section):
    """Which trials end early: those that others dominate at a rung of epochs."""

    name: Annotated[str, AfterValidator(lambda name: _one_of("scheduler", name, SCHEDULERS))] = Field(
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


def _absolute(path: str) -> str:
    """The path as the study remembers it, whatever the working directory will be."""
    return str(Path(path).absolute())


def _study_named(name: str) -> str:
    """The folder of a study for good; a name in the folder of the studies stays one."""
    return _absolute(name) if (Path(name) / "search.yaml").is_file() else name


def _known_sampler(name: str) -> str:
    return name if name.startswith(OPTUNAHUB) and len(name) > len(OPTUNAHUB) else _one_of("sampler", name, SAMPLERS)


def _category(value: object) -> object:
    if isinstance(value, bool) or (isinstance(value, str) and not value.strip()):
        raise ValueError(f"category must be the name or the id of a category, got {value!r}")
    return value


def _one_of(kind: str, name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise unknown_name(kind, name, known)
    return name


DATA_PATHS = ("root", "detections", "prepared")


URLS = ("study_url", "mlflow_url")
