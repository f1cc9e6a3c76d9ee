"""Annotations of people: their keypoints, boxes and categories, and the remarks on them."""
