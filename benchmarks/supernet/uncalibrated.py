"""Scores of networks whose statistics of batch normalisation are not estimated anew: what calibration is worth.

    python -m benchmarks.supernet.uncalibrated dite_search/tables/drawn_48/search.yaml --directory runs --output off.csv

The shared weights of the search file's study are trained already. Their largest network is calibrated. Every other network
takes its statistics where it takes its weights, and fresh ones where the largest has none, as of other G. The file has the
columns of the table that ``dite-search supernet score`` writes, so that `benchmarks.supernet` compares the two.
"""

from __future__ import annotations

import argparse
import copy
import csv
from pathlib import Path

import torch
from rich.console import Console
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from dite_search.config.search_config import load_search
from dite_search.tasks.supernet.score_supernet import trained_supernet
from search_spaces.families.architecture import Architecture
from search_spaces.registry import cost_of
from trainers.networks.shared_store import SharedStore
from trainers.training.inherited_scores import InheritedScorer
from trainers.training.supernet_loop import shared_weights_of


def norms_of(network: nn.Module) -> list[_BatchNorm]:
    """Return the layers of batch normalisation of a network."""
    return [module for module in network.modules() if isinstance(module, _BatchNorm)]


class LargestStatistics:
    """The statistics of one calibrated network, by the places in the store that its weights come from.

    Args:
        store: The shared weights.
        arch: The network, the largest of the space.
        calibrated: The same network with statistics of its own.
    """

    def __init__(self, store: SharedStore, arch: Architecture, calibrated: nn.Module) -> None:
        self._store, self._places = store, _with_places(store)
        self._means: dict[int, float] = {}
        self._variances: dict[int, float] = {}
        for place, norm in zip(norms_of(self._places.export(arch)), norms_of(calibrated), strict=True):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            codes = place.weight.detach().long().tolist()
            self._means |= dict(zip(codes, norm.running_mean.tolist(), strict=True))
            self._variances |= dict(zip(codes, norm.running_var.tolist(), strict=True))

    def network(self, arch: Architecture) -> tuple[nn.Module, float]:
        """Return a network with the shared weights and these statistics, and the share of them that there were."""
        network, places = self._store.export(arch), self._places.export(arch)
        found = total = 0
        for place, norm in zip(norms_of(places), norms_of(network), strict=True):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            codes = place.weight.detach().long().tolist()
            norm.running_mean.copy_(torch.tensor([self._means.get(code, 0.0) for code in codes]))
            norm.running_var.copy_(torch.tensor([self._variances.get(code, 1.0) for code in codes]))
            found += sum(code in self._means for code in codes)
            total += len(codes)
        return network.eval(), found / total


def _with_places(store: SharedStore) -> SharedStore:
    """Return a store whose vectors hold numbers of their own: an export's then say which of the store's they are."""
    coded, first = copy.deepcopy(store), 0
    for parameter in coded.parameters():
        if parameter.ndim == 1:
            # Numbers below 2^24 are exact in float32.
            parameter.data.copy_(torch.arange(first, first + parameter.numel()))
            first += parameter.numel()
    return coded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("search", type=Path, help="the search file of the shared weights")
    parser.add_argument("--directory", type=Path, default=Path("runs"), help="folder of the studies")
    parser.add_argument("--output", type=Path, required=True, help="table of the scores")
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = load_search(options.search, changes={"directory": str(options.directory.absolute())})
    trained = trained_supernet(config, file=str(options.search), console=Console())
    store = shared_weights_of(trained.checkpoint, trained.elastic, str(options.search))
    largest, settings = trained.elastic.largest, config.supernet_config
    scorer = InheritedScorer(store, largest, settings, settings.recipe(config.train_config), trained.data)
    statistics = LargestStatistics(store, largest, scorer.calibrated(largest))
    rows = []
    for arch in config.search_space.enumerate():
        network, share = statistics.network(arch)
        point = config.search_space.point_of(arch)
        rows.append({"arch_id": arch.arch_id, **(point or {}), "mmacs": cost_of(arch).objectives["mmacs"]})
        rows[-1] |= {**scorer.figures(network), "statistics": share}
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"wrote {options.output}, {len(rows)} networks")


if __name__ == "__main__":
    main()
