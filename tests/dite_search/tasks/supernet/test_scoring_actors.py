"""Networks are scored on real actors of Ray: all of them, once each, though an actor dies."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import ray
import torch

from dite_search.driver.ray_session import start_ray
from dite_search.supernet.scores import ScoredNetwork
from dite_search.tasks.supernet.scoring_actors import actors_at_once, score_on_actors
from search_spaces.common.errors import InvalidInput
from search_spaces.families.architecture import Architecture
from search_spaces.space.space_file import named_space

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.filterwarnings("ignore")]

NETWORKS = list(named_space("tiny_128").enumerate())[:6]


class Made:
    """Scores a network by the weights that the actor was sent, in place of people and a network."""

    def __init__(self, folder: Path, weights: Mapping[str, Any], doomed: Mapping[str, int]) -> None:
        self._folder, self._weights, self._doomed = folder, weights, doomed

    def score(self, arch: Architecture) -> dict[str, float]:
        deaths = self._folder / arch.arch_id
        died = int(deaths.read_text()) if deaths.is_file() else 0
        if died < self._doomed.get(arch.arch_id, 0):
            deaths.write_text(str(died + 1))
            os._exit(1)
        if self._doomed.get(arch.arch_id) == -1:
            raise InvalidInput("image a.jpg cannot be read")
        if self._doomed.get(arch.arch_id) == -2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return {"inherited_ap_gt": self._weights["factor"] * NETWORKS.index(arch)}


class Maker:
    """Makes `Made` in an actor."""

    def __init__(self, folder: Path, doomed: Mapping[str, int]) -> None:
        self._folder, self._doomed = folder, doomed

    def __call__(self, weights: Mapping[str, Any]) -> Made:
        return Made(self._folder, weights, self._doomed)


@pytest.fixture(scope="module", autouse=True)
def local_ray() -> Iterator[None]:
    start_ray()
    yield
    ray.shutdown()


def scored(folder: Path, doomed: Mapping[str, int], monkeypatch: pytest.MonkeyPatch) -> list[ScoredNetwork]:
    found: list[ScoredNetwork] = []
    monkeypatch.setattr("dite_search.tasks.supernet.scoring_actors.NETWORKS_AT_A_TIME", 2)
    weights: dict[str, Any] = {"factor": 0.1}
    score_on_actors(NETWORKS, Maker(folder, doomed), weights, actors=1, cpus=1, gpus=0.0, retries=1, done=found.extend)
    return found


def test_networks_of_a_lost_actor_go_to_another_and_none_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = scored(tmp_path, {NETWORKS[3].arch_id: 1}, monkeypatch)
    assert {each.arch.arch_id: each.figures["inherited_ap_gt"] for each in found} == {
        arch.arch_id: pytest.approx(0.1 * number) for number, arch in enumerate(NETWORKS)
    }
    assert len(found) == len(NETWORKS)


def test_networks_that_kill_every_actor_and_broken_data_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match=f"{NETWORKS[0].arch_id}.* could not be scored, because .* died 2 times"):
        scored(tmp_path, {NETWORKS[0].arch_id: 9}, monkeypatch)
    with pytest.raises(InvalidInput, match=r"^image a\.jpg cannot be read$"):
        scored(tmp_path, {NETWORKS[0].arch_id: -1}, monkeypatch)
    pair = ", ".join(arch.arch_id for arch in NETWORKS[:2])
    with pytest.raises(InvalidInput, match=f"^networks {pair} could not be scored: CUDA out of memory$"):
        scored(tmp_path, {NETWORKS[1].arch_id: -2}, monkeypatch)
    with pytest.raises(InvalidInput, match="must fit a node of the cluster to score networks, got cpus_per_worker 9999"):
        actors_at_once(9999, 0.0, None)
    assert actors_at_once(1, 0.0, 1) == 1
