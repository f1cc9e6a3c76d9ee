"""Where the processes of one training meet: at one address of the first one's machine, and at no other.

``torch`` by itself opens the port on every address of the machine, whoever may reach those.
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from ipaddress import ip_address

import torch.distributed as dist

INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")
"""Variables that name the network interface on which the processes of a group listen to each other."""
LOOPBACK_NAMES = ("lo", "lo0")
_BACKLOG = 2048
_opened: dict[tuple[str, int], socket.socket] = {}


def open_port(address: str) -> int:
    """Listen at a free port of ``address`` for those who will `meet` there; this process must be the first of them."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    listener = socket.create_server((address, 0), family=family, backlog=_BACKLOG)
    port = int(listener.getsockname()[1])
    _opened[address, port] = listener
    return port


def meet(backend: str, *, address: str, port: int, rank: int, count: int, seconds: float) -> None:
    """Make the default process group of a training's processes.

    At an address of loopback the processes listen to each other on loopback too, unless the environment names another
    interface.

    Args:
        backend: The backend of torch.distributed.
        address: The address of process 0.
        port: The port that process 0 has opened.
        rank: The number of this process, from 0.
        count: The number of processes.
        seconds: The time after which an operation fails.
    """
    if ip_address(address).is_loopback:
        name = next(name for _, name in socket.if_nameindex() if name in LOOPBACK_NAMES)
        for variable in INTERFACES:
            os.environ.setdefault(variable, name)
    timeout = timedelta(seconds=seconds)
    listener = _opened.pop((address, port)).detach() if rank == 0 else None
    store = dist.TCPStore(  # type: ignore[attr-defined]
        address, port, count, is_master=rank == 0, timeout=timeout, wait_for_workers=False, master_listen_fd=listener
    )
    dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=timeout)
