"""Making a prepared set: the plan, the processes that work it off, and the manifest that says it is finished."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_json
from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.coco import Person
from trainers.data.geometry.augmentation import Augmentation
from trainers.data.images.orientation import APPLY
from trainers.data.prepared.prepared_set import MANIFEST, Manifest, PreparedSplit, sha256_of
from trainers.data.prepared.regions import reachable, reduction_for
from trainers.data.prepared.shard_pool import Progress, prepare_shards
from trainers.data.prepared.shards import ImagePlan, PersonPlan, ShardPlan, list_file, png_count, shard_file

IMAGES_PER_SHARD = 256
LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class SplitToPrepare:
    """A split by its name, the file that annotates it and its people, all of them with an ``annotation_id``."""

    name: str
    annotation_file: Path
    people: Sequence[Person]


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The result of a preparation; ``broken`` gives the reason for every broken image, by its path."""

    people: int = 0
    images: int = 0
    bytes: int = 0
    shards_written: int = 0
    shards_kept: int = 0
    as_png: int = 0
    broken: dict[str, str] = field(default_factory=dict)


def prepare(
    splits: Sequence[SplitToPrepare],
    *,
    root: Path,
    output: Path,
    format: str,
    keypoint_set: KeypointSet,
    input_size: tuple[int, int],
    reduce: bool = False,
    workers: int = 1,
    skip_broken: bool = False,
    on_orientation: str = APPLY,
    category: str | int | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Store, for each person, what any variation of the published augmentation can reach.

    Finished parts of an earlier preparation are kept, whether it was ended early or the data changed since.

    Args:
        splits: The splits to prepare.
        root: The folder of the data.
        output: The folder of the prepared set.
        format: The format of the annotations.
        keypoint_set: The keypoints of the format.
        input_size: The height and width of the network's input.
        reduce: Whether regions of more than twice the resolution that the input can show are stored smaller.
        workers: The number of processes.
        skip_broken: Whether the set is finished without the people of broken images. Else all others are stored and the set
            stays unfinished: the caller sees ``broken``.
        on_orientation: The rule by which images are turned.
        category: The category of people that the user chose.
        progress: Is told of the progress.

    Raises:
        InvalidInput: another preparation is at work in ``output``, or a process of this one was ended.
        OSError: the disk is full or closed.
    """
    if workers < 1:
        raise InvalidInput(f"workers of a preparation must be 1 or more, got {workers}")
    root, output = Path(root).absolute(), Path(output).absolute()
    output.mkdir(parents=True, exist_ok=True)
    with locked(output):
        _remove_unfinished(output)
        sums = {split.name: sha256_of(split.annotation_file) for split in splits}
        plans = {
            split.name: plan_shards(
                split,
                root=root,
                output=output,
                keypoint_set=keypoint_set,
                input_size=input_size,
                reduce=reduce,
                on_orientation=on_orientation,
            )
            for split in splits
        }
        everything = [plan for parts in plans.values() for plan in parts]
        made = prepare_shards(everything, workers, progress or (lambda done, total: None))
        broken = {str(root / file): reason for shard, _ in made for file, reason in shard.broken.items()}
        result = Prepared(
            people=sum(len(shard.people) for shard, _ in made),
            images=sum(len(shard.images) for shard, _ in made),
            bytes=sum(shard.bytes for shard, _ in made),
            shards_written=sum(not kept for _, kept in made),
            shards_kept=sum(kept for _, kept in made),
            as_png=sum(png_count(output, shard) for shard, _ in made),
            broken=dict(sorted(broken.items())),
        )
        if broken and not skip_broken:
            (output / MANIFEST).unlink(missing_ok=True)
            return result
        manifest = Manifest(
            directory=output,
            format=format,
            input_size=input_size,
            reduced=reduce,
            on_orientation=on_orientation,
            category=category,
            splits={
                split.name: PreparedSplit(
                    annotations=str(split.annotation_file),
                    sha256=sums[split.name],
                    shards=tuple((plan.name, plan.key) for plan in plans[split.name]),
                )
                for split in splits
            },
        )
        write_json(output / MANIFEST, manifest.to_dict())
        _remove_others(output, {plan.name for plan in everything})
    return result


def plan_shards(
    split: SplitToPrepare,
    *,
    root: Path,
    output: Path,
    keypoint_set: KeypointSet,
    input_size: tuple[int, int],
    reduce: bool,
    on_orientation: str = APPLY,
) -> list[ShardPlan]:
    """Plan the cuts for all people, by image, in the order of the annotations."""
    augmentation = Augmentation()
    people_of: dict[str, list[PersonPlan]] = {}
    sizes: dict[str, tuple[int, int] | None] = {}
    for person in split.people:
        assert person.annotation_id is not None, "detected people are not prepared"
        file = os.path.relpath(person.image_path, root)
        sizes[file] = person.image_size
        rectangle = reachable(person, input_size=input_size, keypoint_set=keypoint_set, augmentation=augmentation)
        factor = 1
        if reduce:
            factor = reduction_for(person, input_size=input_size, keypoint_set=keypoint_set, augmentation=augmentation)
        people_of.setdefault(file, []).append(
            PersonPlan(annotation_id=person.annotation_id, rectangle=rectangle, reduction=factor)
        )
    images = [ImagePlan(file=file, size=sizes[file], people=tuple(people)) for file, people in people_of.items()]
    return [
        ShardPlan(
            name=f"{split.name}-{number:05d}",
            folder=output,
            root=root,
            images=tuple(images[start : start + IMAGES_PER_SHARD]),
            on_orientation=on_orientation,
        )
        for number, start in enumerate(range(0, len(images), IMAGES_PER_SHARD))
    ]


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """The only preparation at work in a folder; the system lets go of the lock when the process ends, however it does."""
    with (output / LOCK).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InvalidInput(f"another dite-search prepare is at work in {output}: wait for its end") from None
        yield


def _remove_unfinished(output: Path) -> None:
    """Remove temporary files of a killed preparation, as `search_spaces.common.files.atomic_path` names them."""
    for pattern in (".*.bin.*.bin", ".*.json.*.json"):
        for path in output.glob(pattern):
            path.unlink(missing_ok=True)


def _remove_others(output: Path, names: set[str]) -> None:
    """Shards that the manifest does not name, as a larger earlier preparation leaves them."""
    for listed in output.glob("*-?????.json"):
        if listed.stem not in names:
            shard_file(output, listed.stem).unlink(missing_ok=True)
            list_file(output, listed.stem).unlink(missing_ok=True)
