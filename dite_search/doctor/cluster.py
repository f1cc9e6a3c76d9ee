"""The cluster: whether it answers as one of ours, and what its nodes say when they are asked."""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from dite_search.doctor.findings import FAILED, OK, WARNING, Finding, listed
from dite_search.doctor.probe import PACKAGES, clock, probe
from dite_search.doctor.resources import Node
from search_spaces.common.errors import first_line
from search_spaces.common.shell import shell_command

NAME = "ray"
TCP_SECONDS, CONNECT_SECONDS = 3.0, 10.0
CLOCK_LIMIT = 5.0
"""Seconds by which two clocks may differ."""

_MARK = "dite-search connection: "
_CONNECT = f"""
import json, sys
import ray
try:
    ray.init(address=sys.argv[1], log_to_driver=False, logging_level="critical")
    outcome = {{}}
except BaseException as error:
    outcome = {{"kind": type(error).__name__, "text": str(error)}}
print({_MARK!r} + json.dumps(outcome), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """The answers of the nodes by node id, and the reason of each node that gave none."""

    found: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """By how many seconds a clock is ahead of ours, to within ``uncertainty``."""

    label: str
    offset: float
    uncertainty: float


def address_finding(address: str | None) -> Finding:
    """Whether a cluster of our versions answers at an address: seen from a process of its own, which can be ended.

    Ray's own attempt lasts twenty seconds or, against a server that never answers, for ever.
    """
    if address in (None, "", "local"):
        return Finding(name=NAME, status=OK, sentence="RAY_ADDRESS is not set: a local Ray is started")
    assert address is not None
    problem = _port_problem(address)
    if problem:
        return Finding(
            name=NAME,
            status=FAILED,
            sentence=f"RAY_ADDRESS {address} cannot be reached: {problem}",
            remedy="ray start --head on its machine, or export RAY_ADDRESS=HOST:PORT of a cluster that runs",
        )
    outcome, log = _attempt(address)
    return connection_finding(address, outcome, log)


def connection_finding(address: str, outcome: Mapping[str, str] | None, log: str) -> Finding:
    """Judge an attempt to connect by its ``outcome`` (None without an end, empty where it went well) and its ``log``."""
    if outcome == {}:
        return Finding(name=NAME, status=OK, sentence=f"the cluster at {address} answers")
    text = outcome["text"] if outcome else ""
    if (outcome and outcome["kind"] == "AuthenticationError") or "InvalidAuthToken" in log or "Unauthenticated" in log:
        mode = os.environ.get("RAY_AUTH_MODE", "not set")
        return Finding(
            name=NAME,
            status=FAILED,
            sentence=f"the cluster at {address} refuses the token: it is missing or another one (RAY_AUTH_MODE is {mode})",
            remedy="export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=FILE, the file with the token of the head node",
        )
    theirs = re.search(r"started with:\s+Ray: (\S+)\s+Python: (\S+)", text) if "Version mismatch" in text else None
    if theirs:
        found = version_finding({f"the cluster at {address}": (theirs[1], theirs[2])}, ours=our_versions())
        if found.status == FAILED:
            return found
    if outcome is None:
        problem = f"it takes connections, but did not answer as a Ray cluster within {CONNECT_SECONDS:g} s"
    else:
        problem = first_line(RuntimeError(text)) if text else outcome["kind"]
    return Finding(
        name=NAME,
        status=FAILED,
        sentence=f"RAY_ADDRESS {address} cannot be used: {problem}",
        remedy=f"{shell_command('ray', 'status', '--address', address)}, or export RAY_ADDRESS=HOST:PORT of a cluster that"
        " runs",
    )


def our_versions() -> tuple[str, str]:
    """Ray's version and Python's, here."""
    return version("ray"), platform.python_version()


def version_finding(theirs: Mapping[str, tuple[str, str]], *, ours: tuple[str, str]) -> Finding:
    """Whether others run the Ray and the Python that we do: ``theirs`` are pairs by the name of a node.

    Another Ray, or another minor version of Python, cannot work together; another patch of Python mostly can.
    """
    ray_version, python = ours
    for label, (other_ray, other_python) in theirs.items():
        if other_ray != ray_version or _minor(other_python) != _minor(python):
            install = f"pip install 'ray[train,tune]=={other_ray}' here, or {ray_version} there"
            minor = f"python{_minor(other_python)} -m venv here, or Python {_minor(python)} there"
            return Finding(
                name=NAME,
                status=FAILED,
                sentence=f"{label} runs Ray {other_ray} and Python {other_python}, and we Ray {ray_version} and Python"
                f" {python}: they must be the same",
                remedy=install if other_ray != ray_version else minor,
            )
    other = [label for label, (_, other_python) in theirs.items() if other_python != python]
    if other:
        return Finding(
            name=NAME,
            status=WARNING,
            sentence=f"Python is {python} here and {theirs[other[0]][1]} on {listed(other)}",
            remedy=f"the same Python everywhere, {python} or {theirs[other[0]][1]}",
        )
    return Finding(name=NAME, status=OK, sentence=f"Ray {ray_version} and Python {python} on every node")


def package_finding(theirs: Mapping[str, Mapping[str, str]], *, ours: Mapping[str, str]) -> Finding:
    """Whether the nodes have our versions of what a training needs; ``theirs`` are versions of packages by node."""
    for package in PACKAGES:
        other = {label: versions.get(package, "") for label, versions in theirs.items()}
        wrong = [label for label, found in other.items() if found != ours.get(package, "")]
        if wrong:
            there = other[wrong[0]]
            return Finding(
                name="packages",
                status=WARNING if there else FAILED,
                sentence=f"{package} is {ours.get(package) or 'not installed'} here and {there or 'not installed'} on"
                f" {listed(wrong)}",
                remedy=f"pip install {package}=={ours.get(package)} on {listed(wrong)}",
            )
    return Finding(name="packages", status=OK, sentence=f"every node has our {', '.join(PACKAGES)}")


def clock_finding(readings: Sequence[Reading]) -> Finding:
    """Whether clocks agree."""
    wrong = [reading for reading in readings if abs(reading.offset) - reading.uncertainty > CLOCK_LIMIT]
    if wrong:
        worst = max(wrong, key=lambda reading: abs(reading.offset))
        side = "ahead of" if worst.offset > 0 else "behind"
        return Finding(
            name="clocks",
            status=WARNING,
            sentence=f"the clock of {worst.label} is {abs(worst.offset):.1f} s {side} ours (at most {CLOCK_LIMIT:g} s)",
            remedy=f"timedatectl set-ntp true on {listed([reading.label for reading in wrong])} and here",
        )
    most = max((abs(reading.offset) for reading in readings), default=0.0)
    sentence = f"the clocks of {listed([reading.label for reading in readings])} are within {most:.1f} s of ours"
    return Finding(name="clocks", status=OK, sentence=sentence)


def gpu_finding(counted: Mapping[str, float], seen: Mapping[str, Mapping[str, Any]], *, needed: bool) -> Finding:
    """Whether torch sees the GPUs that Ray counts: ``counted`` by node, and ``seen`` what torch said there."""
    for label, count in counted.items():
        answer = seen.get(label, {})
        gpus = int(answer.get("gpus", 0))
        if gpus < count:
            cuda = answer.get("cuda")
            reason = answer.get("error") or (f"its CUDA is {cuda}" if cuda else "it is a build without CUDA")
            return Finding(
                name="gpus",
                status=FAILED if needed else WARNING,
                sentence=f"Ray counts {count:g} GPU on {label}, but torch sees {gpus}: {reason}",
                remedy=f"on {label}: nvidia-smi, then a torch built for its driver (https://pytorch.org/get-started)",
            )
    return Finding(name="gpus", status=OK, sentence=f"torch sees the {sum(counted.values()):g} GPUs that Ray counts")


def is_connected() -> bool:
    """Whether this process is connected to Ray already."""
    import ray

    return bool(ray.is_initialized())


def local_finding() -> Finding:
    """Report which Ray was reached without an address: a Ray that ran on this machine already, or a new one."""
    import ray

    address = ray.get_runtime_context().gcs_address
    sentence = f"RAY_ADDRESS is not set: Ray at {address} is used, which was started for this or ran here already"
    return Finding(name=NAME, status=OK, sentence=sentence)


def nodes_of_cluster() -> list[Node]:
    """The nodes that are alive now."""
    # Not before it is needed: Ray reads its variables when it is imported, and `dite_search.driver.run_search` sets them.
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    names = [node["NodeManagerHostname"] or node["NodeManagerAddress"] for node in alive]
    return [
        Node(
            node_id=node["NodeID"],
            label=name if names.count(name) == 1 else f"{name} ({node['NodeID'][:8]})",
            resources=node["Resources"],
        )
        for name, node in zip(names, alive, strict=True)
    ]


def only_here(nodes: Sequence[Node]) -> bool:
    """Whether the one node of the cluster is this machine's own."""
    import ray

    if len(nodes) != 1 or os.environ.get("RAY_ADDRESS", "").startswith("ray://"):
        return False
    return bool(nodes[0].node_id == ray.get_runtime_context().get_node_id())


def may_grow_to() -> dict[str, float] | None:
    """The most that an autoscaling cluster will have of each resource; None where it does not grow."""
    try:
        from ray._private.state import state

        found = state.get_max_resources_from_cluster_config()
    except Exception:
        # Ray promises nothing of this call, and has no public one.
        logging.getLogger(__name__).debug("autoscaling", exc_info=True)
        return None
    return None if found is None else {name: float(amount) for name, amount in found.items()}


def ask_nodes(
    nodes: Sequence[Node], questions: Mapping[str, tuple[str | None, str | None, list[str], bool]], *, seconds: float
) -> Answers:
    """Have `probe` run on every node, with its arguments by node id; who has not answered in time is left out."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(probe)
    until = time.monotonic() + seconds
    asked = {}
    for node in nodes:
        here = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
        options = task.options(num_cpus=0, max_retries=0, scheduling_strategy=here)
        asked[node.node_id] = options.remote(*questions[node.node_id])
    ready, _ = ray.wait(list(asked.values()), num_returns=len(asked), timeout=seconds)
    found, problems = {}, {}
    for node_id, reference in asked.items():
        if reference not in ready:
            problems[node_id] = f"no answer within {seconds:g} s"
            ray.cancel(reference, force=True)
            continue
        try:
            found[node_id] = ray.get(reference, timeout=max(0.1, until - time.monotonic()))
        except Exception as error:
            # Whatever goes wrong on a node, its own Ray's and Python's errors included, is what there is to tell.
            problems[node_id] = _cause(error)
    return Answers(found=found, problems=problems)


def read_clocks(nodes: Sequence[Node], *, seconds: float) -> list[Reading]:
    """The clocks of nodes, by a task that takes milliseconds where a process waits for one; half its time is the error."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(clock)
    sent, labels = {}, {}
    for node in nodes:
        here = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
        began = time.time()
        reference = task.options(num_cpus=0, max_retries=0, scheduling_strategy=here).remote()
        sent[reference], labels[reference] = began, node.label
    readings, waiting, until = [], list(sent), time.monotonic() + seconds
    while waiting:
        ready, waiting = ray.wait(waiting, num_returns=1, timeout=max(0.0, until - time.monotonic()))
        if not ready:
            break
        (reference,) = ready
        theirs, ended = ray.get(reference), time.time()
        readings.append(reading(labels[reference], theirs, sent=sent[reference], received=ended))
    return readings


def reading(label: str, theirs: float, *, sent: float, received: float) -> Reading:
    """A clock that said ``theirs`` at some time between ``sent`` and ``received`` of ours."""
    return Reading(label=label, offset=theirs - (sent + received) / 2, uncertainty=(received - sent) / 2)


def _port_problem(address: str) -> str:
    """Why nothing listens at HOST:PORT; empty where something does, or the address is of another form."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return ""
    if not port.isdecimal() or not 0 < int(port) < 65536:
        return f"its port must be a number from 1 to 65535, got {port!r}"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=TCP_SECONDS).close()
    except socket.gaierror:
        return f"no machine has the name {host}"
    except TimeoutError:
        return f"no answer within {TCP_SECONDS:g} s"
    except OSError as error:
        return (error.strerror or type(error).__name__).lower()
    return ""


def _attempt(address: str) -> tuple[dict[str, str] | None, str]:
    """Connect in another process: how it ended (None where it did not), and what Ray logged."""
    environment = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen(
        [sys.executable, "-c", _CONNECT, address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    try:
        output, log = process.communicate(timeout=CONNECT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, log = process.communicate()
    for line in output.splitlines():
        if line.startswith(_MARK):
            outcome: dict[str, str] = json.loads(line.removeprefix(_MARK))
            return outcome, log
    return None, log


def _cause(error: BaseException) -> str:
    """Return the message of the error that a task raised, without the traceback that Ray puts around it."""
    missing = re.search(r"No module named '?([\w.]+)", str(error))
    if missing:
        return f"{missing[1]} is not installed there"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])
