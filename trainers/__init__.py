"""Given an architecture, hyper-parameters and data: what does it score?"""

import os

from search_spaces.common.openmp import limit_spinning

# Before torch, whose OpenMP reads its variables when it is loaded. A worker of Ray Train begins here.
limit_spinning(os.environ)
