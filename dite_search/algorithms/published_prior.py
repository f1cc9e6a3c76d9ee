"""The accuracy that published tables predict for a network: a feature of the accuracy model, never a result."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from analysis.study.published_results import PublishedNetwork, check_families_of_tables, rows_by_family
from search_spaces.families.architecture import Architecture
from search_spaces.registry import flatten

PENALTY = 1.0
"""Of the ridge regression, on features of unit variance: a table has fewer rows than a network has fields."""


def published_prior(tables: Sequence[str]) -> Callable[[Architecture], Sequence[float]]:
    """A function from a network to one figure for each table: about how its score would stand among those of the table.

    Ridge regression of the table's scores, in standard deviations, on the logarithms of the network's fields. It knows only
    the fields that the table varies, with the table's length of training. The model of the accuracy finds out how much the
    figure is worth.

    The function raises `InvalidInput` for a network of another family than a table's.
    """
    models = {name: {family: _fitted(rows) for family, rows in rows_by_family(name).items()} for name in tables}

    def features(arch: Architecture) -> list[float]:
        check_families_of_tables(tables, [arch.FAMILY])
        return [of_families[arch.FAMILY](_features(arch)) for of_families in models.values()]

    return features


def _fitted(rows: Sequence[PublishedNetwork]) -> Callable[[NDArray[np.float64]], float]:
    matrix = np.array([_features(row.arch) for row in rows])
    scores = np.array([row.score for row in rows])
    mean, spread = matrix.mean(axis=0), matrix.std(axis=0)
    # What the table never varies says nothing: its distance from the table's value must not either.
    scale = np.where(spread > 1e-9, spread, np.inf)
    model = Ridge(alpha=PENALTY).fit((matrix - mean) / scale, (scores - scores.mean()) / scores.std())
    return lambda features: float(model.predict(((features - mean) / scale)[None])[0])


def _features(arch: Architecture) -> NDArray[np.float64]:
    numbers = [float(value) for name, value in flatten(arch).items() if isinstance(value, int) and name != "keypoints"]
    return np.log2([*(1.0 + number for number in numbers), arch.input_size[0] * arch.input_size[1]])
