"""A sampler for searches in which an accuracy has to be learned and costs are known before anything is trained.

It is an Optuna sampler like any other, and needs nothing else of this project but the candidates it chooses from. Candidates
are those of a search space (`SpaceCandidates`), or of any Optuna distributions with a function for their costs
(`DistributionCandidates`). Another class with the methods of `Candidates` will do too::

    candidates = DistributionCandidates(distributions, costs=lambda point: {"size": point["width"] ** 2})
    sampler = CostAwareSampler(
        candidates, objectives=("accuracy", "size"), directions=("maximize", "minimize"), accuracy="accuracy", seed=0
    )
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
"""

from dite_search.algorithms.cost_aware.candidates import Candidates, DistributionCandidates, SpaceCandidates
from dite_search.algorithms.cost_aware.expected_improvement import expected_improvement
from dite_search.algorithms.cost_aware.sampler import CostAwareSampler

__all__ = ["Candidates", "CostAwareSampler", "DistributionCandidates", "SpaceCandidates", "expected_improvement"]
