"""Measurements of speed, each a ratio against an alternative in the same run."""

import os

from search_spaces.common.openmp import limit_spinning

# As in a training, and before torch is imported.
limit_spinning(os.environ)
