"""The agreement of a search's results with what their networks inherit: measured for free after every search."""

from __future__ import annotations

from dite_search.config.search_config import SearchConfig
from dite_search.supernet.place import FOLDER
from dite_search.supernet.scores import ScoresFile


def foretold_of(config: SearchConfig) -> dict[str, float]:
    """Return the values of inherited scores in a study's folder by network; larger is better, and none without scores.

    Raises:
        InvalidInput: the file of the scores is broken.
    """
    scores = ScoresFile(config.study_directory / FOLDER).read()
    return {} if scores is None else scores.values()
