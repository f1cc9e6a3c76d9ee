"""Ports for the servers that tests start."""

from __future__ import annotations

import random
import socket

BELOW_OUTGOING = range(20_000, 32_000)
"""Ports that no system gives to connections that are made: one that a server had stays free while it is away."""

FEWER_PROCESSES = ["--include-log-monitor=false", "--no-monitor"]
"""Options of ``ray start``: no process that sends logs to drivers, and none that adds nodes."""


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


def ray_ports(*, head: bool) -> list[str]:
    """Options of ``ray start`` for ports that no other Ray of this machine has.

    By default every Ray gives its processes the same ports from 10002 on, and a trial's process whose port is taken dies.
    An agent's own port is one that the system gives to connections as well: a node whose agent lacks it ends.
    """
    own = ["--min-worker-port=0", "--max-worker-port=0", "--dashboard-agent-listen-port=0"]
    return [*own, f"--ray-client-server-port={free_port()}"] if head else own
