"""Ports for the servers that tests start."""

from __future__ import annotations

import random
import socket

BELOW_OUTGOING = range(20_000, 32_000)
"""Ports that no system gives to connections that are made: one that a server had stays free while it is away."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens at."""
    for port in random.SystemRandom().sample(BELOW_OUTGOING, len(BELOW_OUTGOING)):
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise AssertionError(f"every port of {host} from {BELOW_OUTGOING.start} to {BELOW_OUTGOING.stop - 1} is taken")
