"""Tests of dite-search, and what they share.

Threads of torch that wait for each other sleep: on cores that do other work as well, those that spin slow each other down.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
