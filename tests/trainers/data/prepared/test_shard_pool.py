"""Processes that prepare and end before their work does."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from search_spaces.common.errors import InvalidInput
from trainers.data.config import DataConfig
from trainers.data.prepared.prepare import SplitToPrepare, plan_shards
from trainers.data.prepared.shard_pool import prepare_shards
from trainers.data.prepared.shards import ShardPlan
from trainers.data.synthetic.dataset import draw_dataset


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ending(ShardPlan):
    """A shard that ends the process which cuts its first image, as a native library may do."""

    def __getattribute__(self, name: str) -> Any:
        if name == "on_orientation" and multiprocessing.parent_process() is not None:
            os._exit(3)
        return super().__getattribute__(name)


@pytest.fixture
def plans(tmp_path: Path) -> list[ShardPlan]:
    """Two shards of two images each."""
    draw_dataset(tmp_path / "people", train_images=4, val_images=1, seed=0)
    data = DataConfig(root=tmp_path / "people")
    split = SplitToPrepare(name="train", annotation_file=data.annotation_file("train"), people=data.people("train"))
    places: dict[str, Any] = {"root": data.root, "output": tmp_path / "set"}
    (whole,) = plan_shards(split, **places, keypoint_set=data.keypoint_set, input_size=(96, 64), reduce=False)
    (tmp_path / "set").mkdir()
    return [dataclasses.replace(whole, name=f"s-{start:05d}", images=whole.images[start : start + 2]) for start in (0, 2)]


def nothing(done: int, total: int) -> None:
    """Nobody is told."""


def test_one_that_is_killed_names_the_image_it_was_at(plans: list[ShardPlan]) -> None:
    image = plans[1].root / plans[1].images[1].file
    image.unlink()
    # Whoever reads the image waits there for ever.
    os.mkfifo(image)

    before = set(multiprocessing.active_children())

    def kill() -> None:
        while not (plans[0].folder / "s-00000.json").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        for child in set(multiprocessing.active_children()) - before:
            child.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(InvalidInput) as refusal:
        prepare_shards(plans, 2, nothing)
    thread.join()
    assert str(refusal.value) == (
        f"a process that prepares {plans[0].folder} was ended from outside at image {image}, perhaps for want of memory:"
        " run the same command again, which keeps what is finished, or with fewer --workers"
    )


def test_one_that_a_library_ends_names_the_image_and_blames_nobody_else(plans: list[ShardPlan]) -> None:
    fatal = Ending(**{field.name: getattr(plans[1], field.name) for field in dataclasses.fields(ShardPlan)})
    with pytest.raises(InvalidInput) as refusal:
        prepare_shards([plans[0], fatal], 2, nothing)
    image = plans[1].root / plans[1].images[0].file
    assert str(refusal.value) == (
        f"image {image} cannot be prepared: the library that cuts it ended its process with"
        " status 3; save the image anew with another program, or take it out of the data"
    )
