"""The aliases of a registered model's versions: one for each budget."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import OBJECTIVES, cost_names
from search_spaces.space.budget import Budget, Constraint

BEST = "best"
"""The alias of the network that is best of all, without a budget."""


def parse_budgets(texts: Sequence[str]) -> list[Constraint]:
    """The budgets of an export, each one limit such as ``mmacs <= 200``.

    Raises:
        InvalidInput: one cannot be read, is on another cost, or is there twice.
    """
    known = [name for name in cost_names() if OBJECTIVES[name].common]
    found = [Budget.parse([text], known).constraints[0] for text in texts]
    for constraint in found:
        if found.count(constraint) > 1:
            raise InvalidInput(f"budgets must differ, got {constraint} twice")
    return found


def alias_of(constraint: Constraint) -> str:
    """The alias of a limit's best network: ``best-under-200-mmacs``, ``best-over-30-fps``; a point becomes ``_``."""
    unit = OBJECTIVES[constraint.cost].unit or constraint.cost
    limit = np.format_float_positional(constraint.limit, trim="-").replace(".", "_")
    return f"best-{'over' if constraint.is_least else 'under'}-{limit}-{unit}"
