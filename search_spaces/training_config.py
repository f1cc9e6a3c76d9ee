"""`TrainConfig`: how a network is trained, as frozen, validated data. The defaults are the paper's COCO protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from search_spaces.common.bounds import Bounds, Choices, check_fields
from search_spaces.common.errors import InvalidInput, check_all, check_names
from search_spaces.starting_weights import Distillation, WeightsFile, part_names

OPTIMIZERS = ("adam", "adamw")
CODECS = ("msra", "udp", "dark")
PRECISIONS = ("float32", "bfloat16", "float16")
NONE, AUTO, GRAPHS, COMPILE = "none", "auto", "graphs", "compile"
ACCELERATIONS = (AUTO, GRAPHS, COMPILE, NONE)
COMPUTATION = (
    "precision",
    "micro_batch",
    "sync_batchnorm",
    "recompute_activations",
    "compile",
    "accelerate",
    "checkpoint_iterations",
)
"""Fields that say how steps are computed, not what is learned: a training may go on with others."""
FINE_TUNING = ("start_from", "freeze", "head_learning_rate_factor", "distill")
"""Fields of a training that begins from weights or learns from a teacher; they are left out where they say nothing."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Hyper-parameters of one training.

    Lengths of the schedule are fractions of the training or iterations, so that a short training keeps its shape. The last
    fields say how the steps are computed; apart from rounding they change nothing that is learned.

    Raises:
        InvalidInput: a field breaks its rule; the message names the field, the rule and the value.
    """

    epochs: Annotated[int, Bounds(1, 100_000)] = 270
    batch_size: Annotated[int, Bounds(1, 1_000_000)] = 256
    """Samples of one optimiser step over all workers (the paper: 32 on each of 8 GPUs)."""
    optimizer: Annotated[str, Choices(OPTIMIZERS)] = "adam"
    learning_rate: Annotated[float, Bounds(1e-8, 10.0)] = 2e-3
    reference_batch_size: Annotated[int | None, Bounds(1, 1_000_000)] = None
    """The batch that ``learning_rate`` is meant for: another one scales it linearly (arXiv:1706.02677); None does not."""
    weight_decay: Annotated[float, Bounds(0.0, 10.0)] = 0.0
    warmup_iterations: Annotated[int, Bounds(0, 10_000_000)] = 500
    warmup_ratio: Annotated[float, Bounds(0.0, 1.0)] = 0.001
    """Learning rate of the first iteration, as a fraction of the full one; it rises linearly."""
    milestones: Annotated[tuple[float, ...], Bounds(0.0, 1.0, "fractions of the training")] = (170 / 270, 200 / 270)
    """Fractions of the epochs after which the learning rate is multiplied by ``decay``."""
    decay: Annotated[float, Bounds(1e-6, 1.0)] = 0.1
    clip_norm: Annotated[float | None, Bounds(1e-6, 1e6)] = None
    """Largest norm of all gradients together; larger ones are scaled down to it. None does not clip."""
    ema_decay: Annotated[float | None, Bounds(0.0, 0.999999)] = None
    """Share of the old average in an exponential moving average of the weights, which is then what is scored and kept."""
    codec: Annotated[str, Choices(CODECS)] = "msra"
    """How keypoints become heatmaps and heatmaps keypoints: quarter offset, unbiased, or distribution-aware."""
    sigma: Annotated[float | None, Bounds(0.1, 100.0)] = None
    """Standard deviation of the target Gaussians in heatmap cells; None takes the paper's for the heatmap's size."""
    flip_probability: Annotated[float, Bounds(0.0, 1.0)] = 0.5
    half_body_probability: Annotated[float, Bounds(0.0, 1.0)] = 0.3
    rotation_degrees: Annotated[float, Bounds(0.0, 180.0)] = 30.0
    scale_range: Annotated[float, Bounds(0.0, 0.95)] = 0.25
    photometric: Annotated[float, Bounds(0.0, 1.0)] = 0.0
    """Strength, from 0 (none, as published) to 1, of changes of colour, sharpness and covered patches."""
    validate_every: Annotated[int, Bounds(1, 100_000)] = 10
    """Epochs between validations; the last epoch is always validated."""
    flip_test: bool = True
    seed: Annotated[int, Bounds(0, 2**32 - 1)] = 0
    precision: Annotated[str, Choices(PRECISIONS)] = "float32"
    """Number format of the forward and backward pass; weights and optimiser stay in float32."""
    micro_batch: Annotated[int | None, Bounds(2, 1_000_000)] = None
    """Samples a process computes at once; the gradients of a larger share are summed piece by piece. None takes it whole."""
    sync_batchnorm: bool = False
    """Whether batch normalisation takes its statistics over all processes."""
    recompute_activations: bool = False
    """Whether blocks are computed a second time in the backward pass instead of being kept: less memory, more time."""
    compile: bool = False
    """Whether ``torch.compile`` translates the network first, which takes minutes before the first step."""
    accelerate: Annotated[str, Choices(ACCELERATIONS)] = NONE
    """How kernels reach a GPU: one by one (none), as recorded CUDA graphs, or translated (compile); auto times all three."""
    checkpoint_iterations: Annotated[int | None, Bounds(1, 10_000_000)] = None
    """Iterations between checkpoints within an epoch; None writes one at the end of each epoch only."""
    start_from: WeightsFile | None = None
    """A file of weights to begin from, of this tool or in a published layout; null draws all weights from the seed."""
    freeze: tuple[str, ...] = ()
    """Parts of the network that stay as ``start_from`` has them, as in ``[stem, stage2]``, or prefixes of its modules."""
    head_learning_rate_factor: Annotated[float, Bounds(0.001, 1000.0)] = 1.0
    """Multiple of the learning rate in the head."""
    distill: Distillation | None = None
    """A teacher beside the ground truth, as in ``{teacher: FILE, weight: 0.5}``."""

    def __post_init__(self) -> None:
        check_fields(self)
        object.__setattr__(self, "freeze", part_names("freeze", self.freeze))
        if self.start_from is not None:
            object.__setattr__(self, "start_from", WeightsFile.of("start_from", self.start_from))
        if self.distill is not None:
            object.__setattr__(self, "distill", Distillation.of(self.distill))
        if self.freeze and self.start_from is None:
            raise InvalidInput(
                "freeze must be empty without start_from, since frozen weights stay as they were drawn,"
                f" got {list(self.freeze)}"
            )
        if list(self.milestones) != sorted(self.milestones):
            raise InvalidInput(f"milestones must rise, got {list(self.milestones)}")
        if self.compile and self.accelerate not in (NONE, COMPILE):
            raise InvalidInput(f"accelerate must be {COMPILE} or {NONE} where compile is true, got {self.accelerate}")

    @property
    def full_learning_rate(self) -> float:
        """The learning rate between warm-up and the first milestone, for this batch size."""
        return self.learning_rate * (self.batch_size / self.reference_batch_size if self.reference_batch_size else 1.0)

    def learning_rate_at(self, iteration: int, iterations_per_epoch: int) -> float:
        """The learning rate of an iteration counted from 0: linear warm-up, then steps."""
        epoch = iteration // iterations_per_epoch
        passed = sum(epoch >= round(fraction * self.epochs) for fraction in self.milestones)
        rate = self.full_learning_rate * self.decay**passed
        if iteration >= self.warmup_iterations:
            return rate
        return rate * (self.warmup_ratio + (1 - self.warmup_ratio) * iteration / self.warmup_iterations)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON and YAML types; tuples become lists, and `FINE_TUNING` is left out where it has its default."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        defaults = {field.name: field.default for field in dataclasses.fields(self) if field.name in FINE_TUNING}
        return {name: _plain(value) for name, value in values.items() if name not in FINE_TUNING or value != defaults[name]}

    def identity(self) -> dict[str, Any]:
        """Return `to_dict` with every file of weights by what it holds, wherever it lies."""
        return self.to_dict() | {name: value for name, value in self.fine_tuning.items() if name != "freeze"}

    @property
    def fine_tuning(self) -> dict[str, Any]:
        """The fields of `FINE_TUNING` that say something, as figures state them."""
        found: dict[str, Any] = {}
        if self.start_from is not None:
            found["start_from"] = self.start_from.identity
        if self.freeze:
            found["freeze"] = ", ".join(self.freeze)
        if self.head_learning_rate_factor != 1.0:
            found["head_learning_rate_factor"] = self.head_learning_rate_factor
        if self.distill is not None:
            found["distill"] = self.distill.identity
        return found

    def identified(self, earlier: TrainConfig | None = None) -> TrainConfig:
        """Return the recipe with the digests of its files of weights, as of `WeightsFile.identified`.

        Raises:
            InvalidInput: a file cannot be read, and an ``earlier`` recipe does not know its digest.
        """
        start, teacher = self.start_from, self.distill
        if start is not None:
            start = start.identified("start_from", earlier.start_from if earlier else None)
        if teacher is not None:
            known = earlier.distill.teacher if earlier and earlier.distill else None
            teacher = dataclasses.replace(teacher, teacher=teacher.teacher.identified("distill.teacher", known))
        return self if start is None and teacher is None else dataclasses.replace(self, start_from=start, distill=teacher)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """The inverse of `to_dict`; fields left out take their defaults."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            given = {name: value for name, value in values.items() if name in known}
            names = [partial(check_names, "training field", [name], known) for name in unknown]
            check_all([*names, partial(cls, **given)])
        return cls(**values)


TRAIN_PARAMETERS = tuple(
    field.name
    for field in dataclasses.fields(TrainConfig)
    if field.name not in ("milestones", "epochs", "validate_every", "flip_test", "seed", *COMPUTATION, *FINE_TUNING)
)
"""Hyper-parameters that may be searched.

The length of the training, its validation, its seed and the weights that it begins from are the protocol's. How its steps
are computed changes nothing that is learned.
"""


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Return the optimiser steps of an epoch: whole batches alone, and one where the samples do not fill a batch."""
    return max(1, samples // batch_size)


def training_values(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hyper-parameters among the parameters of a trial, without those that describe its network."""
    return {name: value for name, value in parameters.items() if name in TRAIN_PARAMETERS}


def _plain(value: Any) -> Any:
    if isinstance(value, WeightsFile | Distillation):
        return value.to_dict()
    return list(value) if isinstance(value, tuple) else value
