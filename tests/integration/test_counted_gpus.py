"""Ray with GPUs that are only counted: who gets which, what each worker sees, and what a trial may ask for.

Two nodes of four GPUs that nobody has. Ray hands them out as it would real ones. What runs on them imports no torch: ten
processes that do would take a minute.
"""

from __future__ import annotations

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import cloudpickle
from ray.cluster_utils import Cluster
from ray.train import BackendConfig, RunConfig
from ray.train.backend import Backend
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from dite_search.config.search_config import SearchConfig, parse_search
from dite_search.doctor import cluster
from dite_search.doctor.findings import FAILED, OK
from dite_search.doctor.resources import resources_finding, trials_at_once
from search_spaces.common.files import read_mapping
from trainers.training.ray_trainer import scaling_of

pytestmark = [pytest.mark.xdist_group("ray"), pytest.mark.slow]
NODES, GPUS = 2, 4


@pytest.fixture(scope="module")
def eight_gpus():
    """Connect this process to a cluster of two nodes, with four GPUs and four cores each to count."""
    ray.shutdown()
    running = Cluster(initialize_head=True, head_node_args={"num_cpus": GPUS, "num_gpus": GPUS})
    running.add_node(num_cpus=GPUS, num_gpus=GPUS)
    ray.init(address=running.address, log_to_driver=False)
    # Workers are sent what stands below, instead of importing this module and with it torch.
    module = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(module)
    try:
        yield running
    finally:
        cloudpickle.unregister_pickle_by_value(module)
        ray.shutdown()
        running.shutdown()


def search_with(**resources: Any) -> SearchConfig:
    fields = {"name": "small", "space": "tiny", "data": {"synthetic": {}}, "trials": 100, "resources": resources}
    return parse_search(fields, "search.yaml")


class SharingBackend(Backend):
    """Sets up nothing, and has each worker see the GPUs of its training on its node, as that of torch does."""

    share_cuda_visible_devices = True


class SharingConfig(BackendConfig):
    @property
    def backend_cls(self) -> type:
        return SharingBackend


def write_what_is_seen(settings: dict[str, Any]) -> None:
    """Write a file for this worker, and end once the workers of all trainings have written theirs."""
    import json
    import os
    import time

    import ray.train

    context = ray.train.get_context()
    seen = {
        "training": settings["training"],
        "node": ray.get_runtime_context().get_node_id(),
        "gpus": [str(gpu) for gpu in ray.get_gpu_ids()],
        "visible": os.environ["CUDA_VISIBLE_DEVICES"].split(","),
    }
    folder = Path(settings["folder"])
    file = folder / f"{settings['training']}-{context.get_world_rank()}.json"
    file.with_suffix(".part").write_text(json.dumps(seen))
    file.with_suffix(".part").rename(file)
    began = time.monotonic()
    while len(list(folder.glob("*.json"))) < context.get_world_size() * settings["trainings"]:
        assert time.monotonic() - began < 120, "the trainings do not run side by side"
        time.sleep(0.05)


def seen_by_workers(folder: Path, *, trainings: int, resources: tuple[int, int | None, int, float]) -> list[dict[str, Any]]:
    """Run so many trainings at once, each with what a search's ``resources`` ask for; what each worker saw."""
    seen = folder / "seen"
    seen.mkdir()

    def fit(number: int) -> None:
        DataParallelTrainer(
            write_what_is_seen,
            train_loop_config={"folder": str(seen), "training": number, "trainings": trainings},
            backend_config=SharingConfig(),
            scaling_config=scaling_of(*resources),
            run_config=RunConfig(name=str(number), storage_path=str(folder / "ray")),
        ).fit()

    with ThreadPoolExecutor(trainings) as threads:
        list(threads.map(fit, range(trainings)))
    return [dict(read_mapping(file)) for file in seen.glob("*.json")]


def booked(workers: list[dict[str, Any]], share: float) -> dict[tuple[str, str], float]:
    """Return how much of each GPU, by node and number, workers hold of which each takes a share."""
    holders = Counter((worker["node"], gpu) for worker in workers for gpu in worker["gpus"])
    return {gpu: count * share for gpu, count in holders.items()}


def test_two_trainings_of_four_workers_share_out_eight_gpus(eight_gpus, tmp_path):
    workers = seen_by_workers(tmp_path, trainings=2, resources=(4, None, 1, 1.0))
    assert Counter(worker["training"] for worker in workers) == {0: 4, 1: 4}
    assert list(booked(workers, 1.0).values()) == [1.0] * NODES * GPUS, "no GPU has two workers"
    for worker in workers:
        # NCCL wants to see the GPUs of its neighbours, and those of nobody else.
        beside = [other for other in workers if (other["training"], other["node"]) == (worker["training"], worker["node"])]
        assert sorted(worker["visible"]) == sorted(other["gpus"][0] for other in beside)


# At a commit the test before it counts the GPUs of workers, and a test below the halves that doctor counts.
@pytest.mark.nightly
def test_elastic_workers_take_half_a_gpu_each(eight_gpus, tmp_path):
    workers = seen_by_workers(tmp_path, trainings=1, resources=(1, 4, 1, 0.5))
    assert len(workers) == 4
    shares = booked(workers, 0.5)
    assert sum(shares.values()) == 2.0
    assert max(shares.values()) <= 1.0
    assert all(set(worker["gpus"]) <= set(worker["visible"]) for worker in workers)


def test_the_arithmetic_of_doctor_is_that_of_the_cluster(eight_gpus):
    nodes = cluster.nodes_of_cluster()
    assert [node.has("GPU") for node in nodes] == [GPUS] * NODES

    def at_once(**resources: Any) -> int:
        return trials_at_once(search_with(**resources), nodes)

    assert at_once(workers=4, gpus_per_worker=1) == 2
    assert at_once(gpus_per_worker=4) == 2
    assert at_once(workers=2, gpus_per_worker=0.5) == 4, "eight cores feed eight workers"
    fits = resources_finding(search_with(workers=4, gpus_per_worker=1), nodes, None)
    assert (fits.status, fits.sentence) == (
        OK,
        "one trial takes 4 workers x 1 CPU and 1 GPU of 8 CPU and 8 GPU on 2 nodes: 8 workers fit at once, so 2 trials",
    )
    unseen = cluster.gpu_finding({node.label: node.has("GPU") for node in nodes}, {}, needed=True)
    assert unseen.status == FAILED
    assert "Ray counts 4 GPU on" in unseen.sentence


def test_a_worker_that_no_node_can_hold_is_refused_where_ray_would_wait_for_ever(eight_gpus):
    nodes = cluster.nodes_of_cluster()
    beyond = resources_finding(search_with(gpus_per_worker=8), nodes, None)
    assert (beyond.status, beyond.sentence) == (
        FAILED,
        "one worker takes 1 CPU and 8 GPU on one node, but the 2 nodes have 4 CPU and 4 GPU each",
    )
    group = ray.util.placement_group([{"CPU": 1, "GPU": 8}])
    assert ray.wait([group.ready()], timeout=0.5)[0] == []
    ray.util.remove_placement_group(group)
