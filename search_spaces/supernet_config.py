"""`SupernetConfig`: how networks of a space are trained in one store of weights, as frozen, validated data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from search_spaces.common.bounds import Bounds, Choices, check_fields
from search_spaces.common.errors import InvalidInput, check_names
from search_spaces.training_config import NONE, TrainConfig

ONE_NETWORK = "since it is meant for one network"
INHERITED = "inherited_"
"""Begins the name of every figure of a network that inherits shared weights."""
NO_USE, PRIOR, DIRECT = "none", "prior", "direct"
USES = (NO_USE, PRIOR, DIRECT)
READS_PRIORS = "cost_aware"
"""The sampler that can read inherited scores as a prior."""
LEARNED_FIELDS = ("epochs", "subnets_per_step", "distillation", "clip_norm", "ema_decay", "held_out")
"""The fields of `SupernetConfig` that change what is learned."""


@dataclass(frozen=True, kw_only=True)
class SupernetConfig:
    """The training of shared weights and the use of them; every other field of the recipe is the study's own.

    Raises:
        InvalidInput: a field breaks its rule; the message names the field, the rule and the value.
    """

    epochs: Annotated[int, Bounds(1, 100_000)] = 120
    """Passes over the training samples."""
    subnets_per_step: Annotated[int, Bounds(2, 16)] = 4
    """Networks that learn from each batch: the largest, the smallest, and others drawn evenly over log MACs."""
    distillation: Annotated[float, Bounds(0.0, 0.99)] = 0.5
    """Share of the largest network's heatmaps in the target of all others, reached after the first third."""
    clip_norm: Annotated[float | None, Bounds(1e-6, 1e6)] = 1.0
    """Largest norm of all gradients of a step together; null does not clip."""
    ema_decay: Annotated[float | None, Bounds(0.0, 0.999999)] = 0.999
    """Share of the old average in an exponential moving average of the weights, which networks inherit; null inherits the
    last weights."""
    held_out: Annotated[float, Bounds(0.001, 0.5)] = 0.05
    """Share of the training images that nothing is learned from, and on which inherited networks are scored."""
    scored: Annotated[int, Bounds(1, 1_000_000)] = 2000
    """Networks that `dite-search supernet score` scores, drawn evenly over log MACs; a smaller space is scored whole."""
    calibration_images: Annotated[int, Bounds(2, 1_000_000)] = 2000
    """Training images from which the statistics of batch normalisation of each scored network are estimated."""

    use: Annotated[str, Choices(USES)] = NO_USE
    """Use of the scores by a search: `prior` lets cost_aware read them while that pays, `direct` trains finalists first."""
    study: str | None = None
    """The study, by its name or its folder, whose scores a search uses; null takes the search's own."""
    evaluated: Annotated[int, Bounds(1, 100_000)] = 200
    """Networks that forecasts rank first, which `direct` scores before it chooses."""
    finalists: Annotated[int, Bounds(1, 1000)] = 12
    """Networks, spread over the costs, that `direct` trains before the sampler suggests any."""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def uses_scores(self) -> bool:
        """Whether a search uses inherited scores."""
        return self.use != NO_USE

    def recipe(self, training: TrainConfig) -> TrainConfig:
        """Return the recipe of the shared weights: the study's, with the fields that this section gives.

        Raises:
            InvalidInput: the study's recipe has something that shared weights cannot have; the message says what and why.
        """
        check_recipe(training)
        return dataclasses.replace(
            training,
            epochs=self.epochs,
            validate_every=self.epochs,
            clip_norm=self.clip_norm,
            ema_decay=self.ema_decay,
            flip_test=False,
        )

    def distillation_at(self, progress: float) -> float:
        """Return the share of the largest network's heatmaps after a part, from 0 to 1, of the training."""
        return self.distillation * min(1.0, 3.0 * progress)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON and YAML types."""
        return dataclasses.asdict(self)

    @property
    def learned(self) -> dict[str, Any]:
        """The fields that change what is learned, as plain types; the others say how the weights are used."""
        return {name: getattr(self, name) for name in LEARNED_FIELDS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SupernetConfig:
        """Return the inverse of `to_dict`; fields left out take their defaults."""
        known = [field.name for field in dataclasses.fields(cls)]
        check_names("field of supernet", values, known)
        return cls(**values)


def check_use(settings: SupernetConfig, *, sampler: str, trials: int | None) -> None:
    """Refuse a use of inherited scores that a search cannot make.

    Args:
        settings: The section of the search.
        sampler: The name of its sampler.
        trials: The networks that it trains; None where its budget alone ends it.

    Raises:
        InvalidInput: the message names the field, the rule and the value.
    """
    if settings.use == PRIOR and sampler != READS_PRIORS:
        raise InvalidInput(f"supernet.use must not be {PRIOR} unless sampler.name is {READS_PRIORS}, got sampler {sampler}")
    if settings.use == DIRECT and settings.study is not None:
        raise InvalidInput(f"supernet.study must be left out where supernet.use is {DIRECT}, which scores more networks")
    if settings.use == DIRECT and trials is not None and settings.finalists > trials:
        raise InvalidInput(f"supernet.finalists must be at most trials {trials}, got {settings.finalists}")


def check_recipe(training: TrainConfig) -> None:
    """Refuse a recipe by which no shared weights can be trained.

    Raises:
        InvalidInput: the message names the field, the rule and the value.
    """
    plain: dict[str, tuple[Any, str]] = {
        "recompute_activations": (
            False,
            "since a block that is computed again in the backward pass would no longer find the weights of its network",
        ),
        "compile": (False, "since every network of a space would be translated anew"),
        "accelerate": (NONE, "since every network of a space would be recorded or translated anew"),
        "start_from": (None, ONE_NETWORK),
        "freeze": ((), ONE_NETWORK),
        "distill": (None, "since the largest network teaches all others"),
        "head_learning_rate_factor": (1.0, ONE_NETWORK),
    }
    for name, (value, reason) in plain.items():
        given = getattr(training, name)
        if given != value:
            shown = getattr(given, "file", None) or _shown(given)
            raise InvalidInput(f"{name} must be {_shown(value)} where weights are shared, {reason}, got {shown}")


def _shown(value: Any) -> str:
    """Return a value as a search file writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else "empty" if value == () else str(value)
