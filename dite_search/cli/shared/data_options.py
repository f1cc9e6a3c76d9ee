"""Options of the commands that read a data set, and the data set that they name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dite_search.cli.shared.options import DATA_VARIABLE, category_option, format_option, on_orientation_option
from search_spaces.common.errors import InvalidInput
from trainers.data.keypoint_sets.metric import METRICS

if TYPE_CHECKING:
    from trainers.data.config import DataConfig

Command = TypeVar("Command", bound=Callable[..., Any])

DATA_HELP = f"Data set: a folder, or a YAML file with the fields of data of a search file; also ${DATA_VARIABLE}."
OPTIONS: tuple[Callable[[Any], Any], ...] = (
    format_option,
    category_option,
    click.option("--keypoints", help="YAML file that completes or overrules the keypoints of the annotation files."),
    click.option("--metric", type=click.Choice(METRICS), help="What ranks networks (default: the data's, most often oks)."),
    click.option(
        "--val-share", type=float, help="Share of the images to score on, where the data have no split of their own."
    ),
    click.option("--group-by", help="Field whose equal values stay in one part of --val-share, such as subject."),
    on_orientation_option,
)
NAMES = {
    "data_format": "format",
    "category": "category",
    "keypoints": "keypoints",
    "metric": "metric",
    "val_share": "val_share",
    "group_by": "group_by",
    "on_orientation": "on_orientation",
}
"""Parameters of the options, and the fields of the data that they are."""


def data_options(command: Command) -> Command:
    """Add the options of a data set to a command, which gets their values as one mapping ``described``."""

    @functools.wraps(command)
    def with_description(*arguments: Any, **options: Any) -> Any:
        described = {field: options.pop(parameter) for parameter, field in NAMES.items()}
        return command(*arguments, described=described, **options)

    wrapped: Any = with_description
    for option in reversed(OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def data_set(place: str, described: dict[str, Any], **others: Any) -> DataConfig:
    """Return the data set of ``--data`` and of the options that describe it; ``others`` are fields of the command's own."""
    from dite_search.config.data_file import data_config_of

    return data_config_of(place, described | others)


def described_words(described: dict[str, Any]) -> list[str]:
    """Return the options again, as words of a command that reads the same data; those at their defaults are left out."""
    return [word for flag, value in _said(described).items() for word in (flag, str(value))]


def check_needs_data(described: dict[str, Any], *, but: tuple[str, ...]) -> None:
    """Refuse options of a data set where none is named.

    Args:
        described: The values of the options.
        but: Fields that may be given all the same.

    Raises:
        InvalidInput: an option is given.
    """
    for flag in _said({field: value for field, value in described.items() if field not in but}):
        raise InvalidInput(f"{flag} must be left out without --data, because the data are then read as in the training")


def _said(described: dict[str, Any]) -> dict[str, Any]:
    """Return the flags and values of options that are not at their defaults."""
    usual = {"format": "coco", "on_orientation": "apply"}
    return {
        f"--{field.replace('_', '-')}": value
        for field, value in described.items()
        if value is not None and value != usual.get(field)
    }
