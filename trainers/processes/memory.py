"""Memory of a training on a processor: kept between steps instead of given back and asked for again."""

from __future__ import annotations

import ctypes

# malloc.h of the GNU C library.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4


def keep_freed_memory() -> bool:
    """Let this process keep the memory that it frees, as torch does for a GPU; return whether the C library can.

    Every step frees and takes again the same gigabytes. By default large pieces go back to the system each time, which
    clears their pages before it hands them out again. That takes a tenth of a step's time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_MAX, 0) and mallopt(_M_TRIM_THRESHOLD, -1))
