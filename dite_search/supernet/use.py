"""The scores that a search uses: found, checked against the search, and kept in the folder of its study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dite_search.algorithms.cost_aware.suggester import Prior
from dite_search.config.search_config import SearchConfig
from dite_search.supernet.place import FOLDER, supernet_folder
from dite_search.supernet.predictor import InheritedPredictor
from dite_search.supernet.scores import FIGURE, PROTOCOL, SETTINGS, InheritedScores, ScoresFile
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_text
from search_spaces.families.architecture import format_size
from search_spaces.families.parameter import Choice
from search_spaces.space.candidate import Candidate
from search_spaces.supernet_config import INHERITED, PRIOR
from search_spaces.training_config import COMPUTATION

OF_THE_SUPERNET = ("epochs", "validate_every", "clip_norm", "ema_decay", "flip_test", "seed")
"""Fields of a recipe that the section of the supernet gives, or that are chance."""


def protocol_of_scores(config: SearchConfig, data: str) -> dict[str, Any]:
    """Return what must be equal for inherited scores to say something of a search, as plain values.

    Args:
        config: The search.
        data: The identity of its data.
    """
    recipe = config.train_config.to_dict()
    left_out = (*COMPUTATION, *OF_THE_SUPERNET, "start_from")
    return {
        "data": data,
        "input_size": format_size(config.search_space.base.input_size),
        **{name: value for name, value in recipe.items() if name not in left_out},
    }


def used_scores(config: SearchConfig, data: str | None = None) -> InheritedScores:
    """Return the inherited scores that a search uses.

    They lie in the folder of its study or, before there is one, in that of the study that ``supernet.study`` names.

    Args:
        config: The search.
        data: The identity of its data; None does not look at that of the scores.

    Raises:
        InvalidInput: there are none, or they are of another space, other data or another recipe.
    """
    folder = _source(config)
    scores = ScoresFile(folder).read()
    if scores is None:
        raise InvalidInput(
            f"supernet.use {config.supernet_config.use} needs inherited scores, but {folder} has none: score networks by"
            " dite-search supernet score first"
        )
    _check(config, scores, data, folder)
    return scores


def keep_scores(config: SearchConfig) -> None:
    """Copy the scores that a new search uses into the folder of its study, unless they lie there.

    Raises:
        InvalidInput: there are none to copy.
        OSError: the folder cannot be written.
    """
    own, source = ScoresFile(config.study_directory / FOLDER).path, ScoresFile(_source(config)).path
    if config.supernet_config.uses_scores and source != own and source.is_file():
        own.parent.mkdir(parents=True, exist_ok=True)
        write_text(own, source.read_text(encoding="utf-8"))


def prior_of(config: SearchConfig, candidate: Callable[[Mapping[str, Any]], Candidate]) -> Prior | None:
    """Return the prior of the sampler of a search; None where it uses none.

    Args:
        config: The search.
        candidate: Returns a point's network with its costs.

    Raises:
        InvalidInput: as `used_scores`, and where too few networks have scores.
    """
    if config.supernet_config.use != PRIOR:
        return None
    return InheritedPredictor(config.search_space, used_scores(config), candidate).predict


def check_named_scores(config: SearchConfig) -> None:
    """Refuse a new search that names a study whose scores it uses, while other scores lie in its own folder.

    Raises:
        InvalidInput: there are such scores.
    """
    own, named = ScoresFile(config.study_directory / FOLDER).path, config.supernet_config.study
    if named is None or not own.is_file():
        return
    theirs = ScoresFile(supernet_folder(named, config.study_directory.parent)).path
    if not theirs.is_file() or theirs.read_bytes() != own.read_bytes():
        raise InvalidInput(f"supernet.study must be left out where {own} has other scores, got {named!r}")


def _source(config: SearchConfig) -> Path:
    own, named = config.study_directory / FOLDER, config.supernet_config.study
    if named is None or ScoresFile(own).path.is_file():
        return own
    return supernet_folder(named, config.study_directory.parent)


def _check(config: SearchConfig, scores: InheritedScores, data: str | None, folder: Path) -> None:
    space, settings = config.search_space, scores.identity.get(SETTINGS, {})
    parameters = {name: list(choice.values) for name, choice in space.parameters.items() if isinstance(choice, Choice)}
    wanted: dict[str, Any] = {
        "family": space.base.FAMILY,
        "base": space.base.to_dict(),
        "parameters": parameters,
    }
    figure = INHERITED + config.data.used_metric.objective("gt")
    differing = [name for name, value in wanted.items() if _plain(settings.get(name)) != _plain(value)]
    if differing:
        raise InvalidInput(
            f"inherited scores in {folder} must have {differing[0]} {wanted[differing[0]]!r} of space {space.name}, got"
            f" {settings.get(differing[0])!r}: train and score shared weights of this space"
        )
    ours, theirs = protocol_of_scores(config, data or ""), scores.identity.get(PROTOCOL, {})
    for name, value in ours.items():
        if (name != "data" or data is not None) and _plain(theirs.get(name)) != _plain(value):
            raise InvalidInput(
                f"inherited scores in {folder} must have {name} {value!r} of this search, got {theirs.get(name)!r}"
            )
    if scores.figure != figure and not config.data.data_format.metric_words:
        raise InvalidInput(f"inherited scores in {folder} must have the {FIGURE} {figure}, got {scores.figure}")


def _plain(value: Any) -> Any:
    """Return a value as JSON gives it back: lists for tuples."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
