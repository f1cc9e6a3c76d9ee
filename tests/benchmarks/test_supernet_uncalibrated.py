"""Networks with the statistics of the largest one: every channel has those of the channel that its weights come from."""

from __future__ import annotations

import torch

from benchmarks.supernet.uncalibrated import LargestStatistics, norms_of
from search_spaces.families.dite_hrnet.config import ArchConfig
from search_spaces.space.elastic_space import elastic_space
from search_spaces.space.space_file import named_space
from trainers.evaluation.calibration import calibrate
from trainers.networks.registry import shared_weights


def test_statistics_follow_the_weights() -> None:
    torch.manual_seed(0)
    elastic = elastic_space(named_space("tiny_128"))
    store, largest = shared_weights(elastic.largest, elastic.envelope), elastic.largest
    with torch.no_grad():
        for parameter in store.parameters():
            if parameter.ndim == 1:
                # Every channel has a weight of its own, by which it is known again.
                parameter.uniform_(0.5, 1.5)
    calibrated = store.export(largest)
    calibrate(calibrated, [torch.randn(8, 3, 96, 64) for _ in range(2)])
    statistics = LargestStatistics(store, largest, calibrated)
    same, share = statistics.network(largest)
    assert share == 1.0
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        assert torch.equal(same(images), calibrated(images))
    smallest, share = statistics.network(elastic.smallest)
    assert 0.0 < share < 1.0, "kernels of other G have no statistics in the largest network"
    known = {
        weight: mean
        for norm in norms_of(calibrated)
        for weight, mean in zip(norm.weight.tolist(), norm.running_mean.tolist(), strict=True)  # type: ignore[union-attr]
    }
    for norm in norms_of(smallest):
        assert norm.running_mean is not None
        for weight, mean in zip(norm.weight.tolist(), norm.running_mean.tolist(), strict=True):
            assert mean == known.get(weight, 0.0)
    assert isinstance(elastic.smallest, ArchConfig)
