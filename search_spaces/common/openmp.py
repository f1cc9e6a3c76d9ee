"""The patience of threads that share one computation, told to OpenMP before a library loads it."""

from __future__ import annotations

from collections.abc import MutableMapping

SPINS_VARIABLE = "GOMP_SPINCOUNT"
"""Environment variable of GNU OpenMP, which torch brings: turns of a loop in which a waiting thread keeps its core."""
SPINS = 10_000
"""Turns of some tens of microseconds together.

By default there are thirty times as many, and threads that outnumber the cores keep each other from working. With none a
step takes twice as long on a quiet machine, because waking takes time.
"""
VARIABLES_OF_USERS = (SPINS_VARIABLE, "OMP_WAIT_POLICY")
"""Environment variables by which a user has decided how threads wait."""


def limit_spinning(environment: MutableMapping[str, str]) -> None:
    """Shorten the time for which waiting threads keep their cores, unless ``environment`` says how they wait."""
    if not any(variable in environment for variable in VARIABLES_OF_USERS):
        environment[SPINS_VARIABLE] = str(SPINS)
