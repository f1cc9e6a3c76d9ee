"""The scoring of networks that inherit shared weights, from the command line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from dite_search.config.search_config import SearchConfig
from dite_search.config.search_data import data_of
from dite_search.supernet.choice import networks_to_score
from dite_search.supernet.place import FOLDER, supernet_location
from dite_search.supernet.scores import (
    FIGURE,
    PROTOCOL,
    SCORES_FILE,
    SETTINGS,
    TABLE_FILE,
    WEIGHTS,
    InheritedScores,
    ScoredNetwork,
    ScoresFile,
    weights_digest,
)
from dite_search.supernet.use import protocol_of_scores
from dite_search.tasks.supernet.scoring_actors import InheritedScoring, actors_at_once, score_on_actors
from dite_search.tasks.supernet.supernet_run import SupernetRun
from dite_search.tasks.supernet.train_supernet import found_weights
from dite_search.tracking.client import tracker_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_text
from search_spaces.common.shell import own_command
from search_spaces.families.architecture import Architecture
from search_spaces.space.elastic_space import ElasticSpace, check_sharing, elastic_space
from trainers.checkpoints.checkpoint import Checkpoint
from trainers.checkpoints.store import CheckpointStore
from trainers.data.config import DataConfig
from trainers.data.identity import data_identity
from trainers.training.inherited_scores import inherited_figure
from trainers.training.supernet_loop import identity_of

SECONDS_BETWEEN_LINES = 10.0


@dataclass(frozen=True, kw_only=True)
class TrainedSupernet:
    """Shared weights that are trained to their last epoch.

    Args:
        elastic: Their space.
        data: Their data.
        checkpoint: Their last checkpoint.
    """

    elastic: ElasticSpace
    data: DataConfig
    checkpoint: Checkpoint


def score_inherited(
    config: SearchConfig, *, file: str, networks: int | None = None, restart: bool = False, console: Console
) -> dict[str, Any]:
    """Score networks of a search's space with the weights they share, or go on with that, and return what was scored.

    Args:
        config: The search.
        file: The search file, as commands name it.
        networks: The number of networks; None for that of the search file.
        restart: Whether scores of other weights are set aside.
        console: The place of the output.

    Raises:
        InvalidInput: there are no shared weights of this search that are trained, or networks cannot be scored.
    """
    trained = trained_supernet(config, file=file, console=console)
    count = networks or config.supernet_config.scored
    chosen = networks_to_score(trained.elastic, count, config.seed)
    if restart:
        _set_aside(scores_file(config).path, console)
    found = score_more(config, trained, chosen, console=console)
    table = found.table(config.search_space.point_of).to_csv(index=False)
    write_text(scores_file(config).path.with_name(TABLE_FILE), table)
    _tell_tracker(config, trained.checkpoint, table, console)
    best = found.best()
    return {
        "scores": str(scores_file(config).path.with_name(TABLE_FILE)),
        "networks": len(found.networks),
        "best_inherited": best.arch.arch_id,
        found.figure: best.figures[found.figure],
    }


def trained_supernet(config: SearchConfig, *, file: str, console: Console) -> TrainedSupernet:
    """Return the shared weights of a search, trained to their last epoch.

    Args:
        config: The search.
        file: The search file, as commands name it.
        console: The place of the output.

    Raises:
        InvalidInput: there are none, they are of another training, or they have epochs left.
    """
    check_sharing(config.search_space, config.supernet_config, config.train_config)
    place, train = supernet_location(config), own_command("supernet", "train", file)
    if CheckpointStore(place).load() is None:
        # Before people are drawn, who may be many.
        raise InvalidInput(f"shared weights must be trained before networks are scored, but {place} has none: {train}")
    elastic = elastic_space(config.search_space, config.network_budget)
    data = data_of(config, console)
    checkpoint = found_weights(config, elastic, data, place)
    assert checkpoint is not None, "the place holds one"
    epochs, done = config.supernet_config.epochs, len(checkpoint.curve)
    if done < epochs:
        raise InvalidInput(
            f"shared weights in {place} must be trained to their last epoch before networks are scored,"
            f" got epoch {done} of {epochs}: {train}"
        )
    return TrainedSupernet(elastic=elastic, data=data, checkpoint=checkpoint)


def scores_file(config: SearchConfig) -> ScoresFile:
    """Return the file of the scores of a search, in the folder of its study wherever checkpoints are kept."""
    return ScoresFile(config.study_directory / FOLDER)


def score_more(
    config: SearchConfig, trained: TrainedSupernet, networks: Sequence[Architecture], *, console: Console
) -> InheritedScores:
    """Score those of the networks that have no score yet, and return all scores of the shared weights.

    Args:
        config: The search.
        trained: The shared weights.
        networks: The networks.
        console: The place of the output.

    Raises:
        InvalidInput: the scores so far are of other weights, or the scoring ends for a reason of its own.
    """
    file = scores_file(config)
    known = file.begin(scores_identity(config, trained), again="--restart scores anew and keeps what is there")
    names = {each.arch.arch_id for each in known.networks}
    missing = [arch for arch in networks if arch.arch_id not in names]
    if not missing:
        _say(console, f"All {len(networks)} networks have scores in {file.path}")
        return known
    from dite_search.driver.ray_session import start_ray

    start_ray()
    resources, settings = config.resources, config.supernet_config
    at_once = actors_at_once(resources.cpus_per_worker, resources.gpus_per_worker, config.max_concurrent)
    _say(
        console,
        f"Scoring {len(missing)} networks, {at_once} at once, on held-out training images; {len(names)} have scores already",
    )
    progress = _Progress(len(missing), console)

    def done(scored: list[ScoredNetwork]) -> None:
        file.append(scored)
        progress.add(len(scored))

    score_on_actors(
        missing,
        InheritedScoring(
            elastic=trained.elastic,
            settings=settings,
            recipe=settings.recipe(config.train_config),
            data=trained.data,
            threads=resources.cpus_per_worker,
        ),
        dict(trained.checkpoint.weights),
        actors=at_once,
        cpus=resources.cpus_per_worker,
        gpus=resources.gpus_per_worker,
        retries=config.retries,
        done=done,
    )
    found = file.read()
    assert found is not None, "a file that was begun has scores"
    return found


def scores_identity(config: SearchConfig, trained: TrainedSupernet) -> dict[str, Any]:
    """Return what scores are of, as plain values: the weights, the space, the data, the recipe and the calibration."""
    settings, data = config.supernet_config, trained.data
    return {
        FIGURE: inherited_figure(data),
        WEIGHTS: weights_digest(trained.checkpoint.weights),
        "calibration_images": settings.calibration_images,
        SETTINGS: identity_of(trained.elastic, settings),
        PROTOCOL: protocol_of_scores(config, data_identity(data)),
    }


def _tell_tracker(config: SearchConfig, checkpoint: Checkpoint, table: str, console: Console) -> None:
    """Store the table with the run of the shared weights."""
    settings = config.supernet_config
    params = {"space": config.search_space.name, **settings.to_dict(), "seed": config.seed}
    try:
        tracker = tracker_of(config)
    except InvalidInput as error:
        _say(console, f"MLflow lacks the table of scores: {error}")
        return
    run = SupernetRun(tracker, config.name, params)
    run.report(checkpoint.curve)
    run.attach({TABLE_FILE: table})
    lacks = run.lacks
    run.end(checkpoint.curve)
    if lacks or run.lacks:
        _say(console, f"MLflow lacks the table of scores, because it did not take it: {lacks or run.lacks}")


def _set_aside(path: Path, console: Console) -> None:
    """Keep the scores of other weights under another name."""
    if not path.is_file():
        return
    number = next(n for n in range(1, 10_000) if not path.with_name(f"earlier-{n}-{SCORES_FILE}").exists())
    kept = path.replace(path.with_name(f"earlier-{number}-{SCORES_FILE}"))
    _say(console, f"The scores that {path} held are kept in {kept}")


class _Progress:
    """A line about the networks that are scored, at most every `SECONDS_BETWEEN_LINES`, and the last."""

    def __init__(self, networks: int, console: Console) -> None:
        self._networks, self._console, self._done = networks, console, 0
        self._began = self._said = time.monotonic()

    def add(self, networks: int) -> None:
        self._done += networks
        now = time.monotonic()
        if now - self._said < SECONDS_BETWEEN_LINES and self._done < self._networks:
            return
        self._said, each = now, (now - self._began) / self._done
        left = each * (self._networks - self._done)
        _say(self._console, f"scored {self._done}/{self._networks} networks  {each:.2f} s each, {left:.0f} s left")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, highlight=False, markup=False, soft_wrap=True)
