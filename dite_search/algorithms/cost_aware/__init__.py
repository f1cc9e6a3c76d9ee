"""A sampler for searches in which an accuracy has to be learned and costs are known before anything is trained.

It is an Optuna sampler like any other and needs nothing else of this project but the candidates it chooses from: those of
a search space (`SpaceCandidates`), those of any Optuna distributions and a function that gives their costs
(`DistributionCandidates`), or another class with the methods of `Candidates`::

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
