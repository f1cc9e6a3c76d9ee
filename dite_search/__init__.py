"""Which trial next, where does it run, where is it recorded? And the command line."""

import os

from search_spaces.common.openmp import limit_spinning
from search_spaces.common.own_functions import objective

__all__ = ["objective"]

# Before torch, whose OpenMP reads its variables when it is loaded.
limit_spinning(os.environ)
