"""Keypoint sets of a user's own: their fields, deviations, and the metrics that they can have."""
