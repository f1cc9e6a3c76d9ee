"""Python runs this before anything else in every interpreter that tests start, by PYTHONPATH.

Libraries make hundreds of thousands of objects when they are imported, and none of them is garbage. Looking for garbage
among them takes a fifth of the time of an import.
"""

import gc

gc.set_threshold(100_000, 20, 100)
