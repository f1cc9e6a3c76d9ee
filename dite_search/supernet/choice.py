"""The networks of a space that are scored: all of a small space, else networks drawn evenly over log MACs."""

from __future__ import annotations

from search_spaces.families.architecture import Architecture
from search_spaces.space.cost_strata import CostStrata
from search_spaces.space.elastic_space import ElasticSpace

DRAWS = 20
"""Draws for each network that is wanted, where many are drawn twice."""
SCORING_EPOCH = 2**31
"""The place of these draws in the sequence of a training: no training has so many epochs."""


def networks_to_score(elastic: ElasticSpace, count: int, seed: int) -> list[Architecture]:
    """Return different networks within the budget; a larger ``count`` begins with the networks of a smaller one.

    Args:
        elastic: The space.
        count: The networks that are wanted.
        seed: The seed of the draws.
    """
    space = elastic.space
    if space.count() <= count:
        found = {arch.arch_id: arch for arch in space.enumerate() if elastic.allows(arch)}
        return list(found.values())
    strata, found = CostStrata(elastic, seed=seed), dict[str, Architecture]()
    for number in range(DRAWS * count):
        if len(found) == count:
            break
        arch = strata.draw(SCORING_EPOCH, number, 0)
        found.setdefault(arch.arch_id, arch)
    return list(found.values())
