"""A question to the head of a cluster that does not block the driver."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from dite_search.doctor.cluster import TCP_SECONDS
from dite_search.driver.heartbeat import ReplacedError


def question_to_head() -> Callable[[], None]:
    """Return a question for a `Heartbeat`: whether the head of this process still answers, and is the same.

    A head that was started anew at the address of another is not ours: nothing that ran under the first is known to it.
    """
    import ray
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    if os.environ.get("RAY_ADDRESS", "").startswith("ray://"):
        # Through Ray's client the head itself need not be reached; the client notices for itself.
        return lambda: None
    address = ray.get_runtime_context().gcs_address
    ours = GcsClient(address=address).cluster_id
    host, _, port = address.rpartition(":")
    in_doubt = False

    def ask() -> None:
        nonlocal in_doubt
        was_in_doubt, in_doubt = in_doubt, True
        # Ray's own calls, of which some end the process where the head is another, wait for one that is gone.
        socket.create_connection((host.strip("[]"), int(port)), timeout=TCP_SECONDS).close()
        if was_in_doubt and GcsClient(address=address).cluster_id != ours:
            raise ReplacedError(f"another head answers at {address}")
        in_doubt = False

    return ask
