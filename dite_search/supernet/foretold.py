"""The agreement of a search's results with what their networks inherit: measured for free after every search."""

from __future__ import annotations

from dite_search.config.search_config import SearchConfig
from dite_search.supernet.scores import ScoresFile
from dite_search.supernet.summary import FOLDER


def foretold_of(config: SearchConfig) -> tuple[str, dict[str, float]]:
    """Return the figure of inherited scores in a study's folder, and their values by network; larger is better.

    Both are empty where the study has no scores.

    Raises:
        InvalidInput: the file of the scores is broken.
    """
    scores = ScoresFile(config.study_directory / FOLDER).read()
    return ("", {}) if scores is None else (scores.figure, scores.values())
