"""The epochs at which successive halving decides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from search_spaces.common.errors import InvalidInput

NO_DECISION = "left out where no epoch before the last is validated"


def rung_epochs(
    epochs: int,
    *,
    validate_every: int,
    grace_period: int | None,
    reduction_factor: float,
    validated: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Return the epochs of decisions: ``grace_period`` × ``reduction_factor``^k, each at the next validated epoch.

    All are below ``epochs``, since at the last epoch nothing is left to stop. There are none where no epoch before the last
    is validated.

    Args:
        epochs: The length of a training.
        validate_every: The number of epochs from one validation to the next.
        grace_period: The first epoch of a decision, or None for ``epochs`` / ``reduction_factor``^2. That leaves two
            decisions, and the first stopped at about a ninth of a training (for a factor of 3). Earlier decisions would save
            little more, and compare networks whose learning rate has barely left its warm-up.
        reduction_factor: The ratio of one decision's epoch to the one before.
        validated: The validated epochs in rising order, or None for the multiples of ``validate_every``.

    Raises:
        InvalidInput: a number is out of its range, or a given ``grace_period`` leaves no validated epoch before the last.
    """
    check_reduction(reduction_factor)
    for name, value in (("epochs", epochs), ("validate_every", validate_every)):
        if value < 1:
            raise InvalidInput(f"{name} must be at least 1, got {value}")
    known = range(validate_every, epochs, validate_every) if validated is None else [e for e in validated if e < epochs]
    latest = known[-1] if known else 0
    if grace_period is None:
        grace_period = max(1, min(math.ceil(epochs / reduction_factor**2), latest))
    elif grace_period < 1:
        raise InvalidInput(f"grace_period must be at least 1 epoch, got {grace_period}")
    elif grace_period > latest:
        rule = f"at most {latest}, the last epoch to be validated before the end" if latest else NO_DECISION
        raise InvalidInput(f"grace_period must be {rule} ({epochs=}, {validate_every=}), got {grace_period}")
    return tuple(_rungs(known, grace_period, reduction_factor))


def _rungs(validated: Sequence[int], grace_period: int, reduction_factor: float) -> Iterator[int]:
    """The validated epochs up to which a power of the factor falls that no earlier one held."""
    seen = -1
    for epoch in validated:
        if epoch < grace_period:
            continue
        # The largest k with grace_period × factor^k <= epoch; the margin is for powers that are not exact in binary.
        power = math.floor(math.log(epoch / grace_period) / math.log(reduction_factor) + 1e-9)
        if power > seen:
            yield epoch
        seen = power


def check_reduction(reduction_factor: float) -> None:
    """Raise InvalidInput where a factor reduces nothing."""
    if not (math.isfinite(reduction_factor) and reduction_factor > 1):
        raise InvalidInput(f"reduction_factor must be a number above 1, got {reduction_factor}")
