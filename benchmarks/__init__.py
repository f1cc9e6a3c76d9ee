"""Measurements of speed, each a ratio against an alternative in the same run."""
