"""The needs of shared weights, before they are trained: memory for the weights, and epochs that stand for the time."""

from __future__ import annotations

from statistics import median

from dite_search.config.search_config import SearchConfig
from dite_search.supernet.place import FOLDER
from dite_search.supernet.scores import ScoresFile
from search_spaces.space.elastic_space import elastic_space

BYTES = 4
"""Bytes of a number in single precision."""
COPIES = 4
"""The weights, their gradient and the two moments of the optimiser."""


def supernet_words(config: SearchConfig) -> str:
    """Return what the shared weights of a search need, in one or two sentences without the last stop.

    Raises:
        InvalidInput: the space cannot have any, or the file of its scores is broken.
    """
    # These imports take a second, and few searches have shared weights.
    import torch

    from trainers.networks.registry import shared_weights

    settings, elastic = config.supernet_config, elastic_space(config.search_space, config.network_budget)
    with torch.device("meta"):
        store = shared_weights(elastic.largest, elastic.envelope)
    numbers = sum(weight.numel() for weight in store.parameters())
    memory = BYTES * numbers * (COPIES + (settings.ema_decay is not None)) / 2**20
    epochs = settings.epochs * settings.subnets_per_step
    words = (
        f"{numbers / 1e6:.3g} million shared weights take {memory:.0f} MiB in training beside the largest network, and learn"
        f" as long as one network in {epochs} epochs"
    )
    scores = ScoresFile(config.study_directory / FOLDER).read()
    if scores is None or not scores.networks:
        return words
    return f"{words}; a score took {median(each.seconds for each in scores.networks):.1f} s"
