"""Networks are ranked alike by a section of a search file and by the data set that it describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dite_search.config.data_section import DataSection
from trainers.data.ranking import Ranking


@pytest.mark.parametrize(
    ("fields", "accuracy", "words"),
    [
        ({}, "ap_gt", "object keypoint similarity"),
        ({"boxes": "det", "detections": "boxes.json"}, "ap_det", "object keypoint similarity"),
        ({"format": "mpii"}, "pckh50", "head"),
        ({"metric": "epe"}, "epe", "mean distance in pixels"),
        ({"metric": {"name": "pck", "threshold": 0.1}}, "pck", "nearer to the truth than 0.1"),
    ],
)
def test_a_metric_is_the_formats_or_the_users(fields: dict[str, Any], accuracy: str, words: str, tmp_path: Path) -> None:
    section = DataSection(root=str(tmp_path), **fields)
    for described in (section, section.data_config(tmp_path)):
        assert isinstance(described, Ranking)
        assert described.accuracy == accuracy
        assert described.data_format.name == section.format
    assert section.data_config(tmp_path).used_metric == section.used_metric
    assert words in section.used_metric.words(section.data_format.keypoint_set)
