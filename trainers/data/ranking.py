"""The ranking of networks on a data set: by the metric of its format, or by one that a user names."""

from __future__ import annotations

from typing import Any, Protocol

from trainers.data.annotations.keypoints import KeypointSet
from trainers.data.formats.data_format import FORMATS, DataFormat
from trainers.data.keypoint_sets.metric import Metric


class Described(Protocol):
    """The fields of a data set that say what ranks networks on it."""

    @property
    def format(self) -> str:
        """The name of the format."""

    @property
    def metric(self) -> Any:
        """The metric that a user names; None takes that of the format."""

    @property
    def boxes(self) -> str:
        """The kind of person boxes of the validation."""

    @property
    def keypoint_set(self) -> KeypointSet:
        """The keypoints."""

    @property
    def data_format(self) -> DataFormat:
        """The data format that the field names."""

    @property
    def used_metric(self) -> Metric:
        """The metric that ranks networks on this data."""


class Ranking:
    """Format, metric and accuracy of whatever has the fields of `Described`."""

    @property
    def data_format(self: Described) -> DataFormat:
        """The data format that the field names."""
        return FORMATS[self.format]

    @property
    def used_metric(self: Described) -> Metric:
        """The metric that ranks networks on this data."""
        return self.data_format.metric if self.metric is None else Metric.of(self.metric)

    @property
    def metric_words(self: Described) -> str:
        """All that makes two values of the metric comparable, as figures state it."""
        return self.data_format.metric_words or self.used_metric.words(self.keypoint_set)

    @property
    def accuracy(self: Described) -> str:
        """The name of the figure that ranks networks on this data, such as ``ap_gt``."""
        return self.used_metric.objective(self.boxes)
