"""Ray nodes of one machine, each a machine of its own to Ray: with processes, resources, an address and perhaps a network.

On loopback each node has an address of 127.0.0.0/8. With ``cables`` each node but the head has a network namespace. A pair
of virtual Ethernet ends ties it to a bridge, and `Node.unplug` takes that down, as a switch that fails does.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from tests.child_processes import RAY, python_path
from tests.forked import ForkedProcess
from tests.ports import FEWER_PROCESSES, free_port, ray_ports

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-of-this-test-0123456789abcdef"
PATIENCE = 240.0
"""Seconds in which anything that is waited for has to happen, on a machine that does much else."""

TOO_SLOW = "The current node timed out during startup"
"""Ray's message before it ends a node whose head has not answered for 30 s."""
STARTS = 3
"""Of a node, before that counts as a failure."""
_numbers = itertools.count()
"""Clusters of this process: each has addresses and a bridge of its own."""


class Node:
    """A running head or worker node, and all its processes."""

    def __init__(self, cluster: Cluster, name: str, address: str, words: list[str], cable: Cable | None = None) -> None:
        self.name, self.address, self.cable = name, address, cable
        self._log = cluster.folder / f"{name}.log"
        start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", f"--node-ip-address={address}"]
        self._command = [*(cable.inside if cable else cluster.inside), *start, *words]
        self._environment = cluster.environment | {"GLOO_SOCKET_IFNAME": "eth0" if cable else cluster.interface}
        self._starts = 0
        self._start()

    def wait(self) -> None:
        """Until Ray says that it runs. Where it gives itself up as too slow it is started again, as by whatever keeps it."""
        until(lambda: "Ray runtime started" in self._recent(), f"{self.name} to start", self._keep)

    def processes(self) -> list[psutil.Process]:
        """The node's processes: what descends from its first, is in its session or, where it has one, in its namespace."""
        first = self._process.pid
        found = {process.pid: process for process in _family(first)}
        for process in psutil.process_iter():
            with contextlib.suppress(OSError):
                if os.getsid(process.pid) == first:
                    found[process.pid] = process
        if self.cable:
            for pid in self.cable.pids():
                with contextlib.suppress(psutil.NoSuchProcess):
                    found[pid] = psutil.Process(pid)
        return list(found.values())

    def runs(self, title: str) -> list[int]:
        """Process ids of this node's actors and tasks of a title, which is how Ray names their processes."""
        found = []
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                if title in " ".join(process.cmdline()):
                    found.append(process.pid)
        return found

    @property
    def has_ended(self) -> bool:
        """Whether Ray has ended here, by itself or not."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """SIGKILL to all of it, as if the machine had lost its power."""
        known: dict[int, psutil.Process] = {}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            known |= {process.pid: process for process in self.processes()}
            alive = [process for process in known.values() if _is_alive(process)]
            if not alive:
                self._process.wait(10)
                return
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.05)
        raise AssertionError(f"{self.name} is still there: {alive}")

    def unplug(self) -> None:
        """Take its network away; what it sends and what is sent to it is lost."""
        assert self.cable is not None
        self.cable.switch("down")

    def plug(self) -> None:
        """Give its network back."""
        assert self.cable is not None
        self.cable.switch("up")

    def _start(self) -> None:
        self._starts += 1
        with self._log.open("a") as log:
            log.write("--- a new start\n")
            log.flush()
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _recent(self) -> str:
        return self._log.read_text(errors="replace").rpartition("--- a new start")[2]

    def _keep(self) -> None:
        if self.has_ended:
            assert TOO_SLOW in self._recent(), self._recent()
            assert self._starts < STARTS, self._recent()
            self.kill()
            self._start()


class Cable:
    """A network namespace, and the pair of virtual Ethernet ends that ties it to a bridge."""

    def __init__(self, bridge: str, name: str, address: str) -> None:
        self._space, self._end = name, f"{name}h"
        ip("netns", "add", name)
        ip("link", "add", self._end, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", self._end, "master", bridge, "up")
        ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", "eth0", "up")
        self.inside = ["ip", "netns", "exec", name]

    def switch(self, state: str) -> None:
        """``up`` or ``down``, at the bridge's end."""
        ip("link", "set", self._end, state)

    def pids(self) -> list[int]:
        """The processes in the namespace."""
        return [int(word) for word in ip("netns", "pids", self._space).split()]

    def remove(self) -> None:
        """Take both ends and the namespace away."""
        for words in (("link", "del", self._end), ("netns", "del", self._space)):
            with contextlib.suppress(subprocess.CalledProcessError):
                ip(*words)


class Cluster:
    """A head without CPUs and the nodes that join it; everything ends, and is removed, with `end`."""

    def __init__(self, *, cables: bool = False, variables: Mapping[str, str] | None = None) -> None:
        # Sockets lie below it, whose names may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="dite-nodes-", dir="/tmp"))
        self._nodes: list[Node] = []
        self._cables: list[Cable] = []
        self._started = 0
        number = (4 * os.getpid() + next(_numbers)) % 250 + 1
        self._bridge = f"dite{number}" if cables else ""
        # Benchmarks between networks have this range of addresses, which no network of its own uses.
        self._prefix = f"198.18.{number}" if cables else f"127.18.{number}"
        self.interface = self._bridge if cables else "lo"
        # Ray does not start a head where it sees a node of the one before it: on another machine it would not.
        self.inside = ["unshare", "--fork", "--pid", "--mount-proc"] if cables else []
        token = self.folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "DITE_SEARCH_"))}
        self.environment = kept | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_USAGE_STATS_ENABLED": "0",
            **RAY,
            **python_path(ROOT),
            "OMP_NUM_THREADS": "1",
            **(variables or {}),
        }
        self.port = 0
        if cables:
            ip("link", "add", self._bridge, "type", "bridge")
            ip("address", "add", f"{self._prefix}.1/24", "dev", self._bridge)
            ip("link", "set", self._bridge, "up")

    @property
    def address(self) -> str:
        """The value for RAY_ADDRESS."""
        return f"{self._prefix}.1:{self.port}"

    def start_head(self) -> Node:
        """Start the head, or start it again at the same address."""
        host = f"{self._prefix}.1"
        self.port = self.port or free_port(host)
        words = ["--head", f"--port={self.port}", "--num-cpus=0", "--include-dashboard=false"]
        words += [f"--temp-dir={self.folder}/h"]
        self.head = self._start("head", host, words, None)
        return self.head

    def start_node(self, cpus: int = 1) -> Node:
        """Start one more node, at an address of its own."""
        self._started += 1
        host = f"{self._prefix}.{self._started + 1}"
        cable = None
        if self._bridge:
            cable = Cable(self._bridge, f"{self._bridge}n{self._started}", host)
            self._cables.append(cable)
        return self._start(f"node{self._started}", host, [f"--address={self.address}", f"--num-cpus={cpus}"], cable)

    def running(self, count: int) -> list[Node]:
        """Have so many nodes run beside the head: the last ones that do, and new ones where they are too few."""
        others = [node for node in self._nodes if node is not self.head and not node.has_ended]
        for node in others[: max(0, len(others) - count)]:
            node.kill()
        kept = others[-count:]
        return kept + [self.start_node() for _ in range(count - len(kept))]

    def rejoin(self, node: Node, cpus: int = 1) -> Node:
        """Start Ray again on the machine of a node where it has ended."""
        return self._start(node.name, node.address, [f"--address={self.address}", f"--num-cpus={cpus}"], node.cable)

    def end(self) -> None:
        """End all nodes, and remove their networks and files."""
        for node in reversed(self._nodes):
            node.kill()
        for cable in self._cables:
            cable.remove()
        if self._bridge:
            ip("link", "del", self._bridge)
        shutil.rmtree(self.folder)

    def _start(self, name: str, host: str, words: list[str], cable: Cable | None) -> Node:
        words = [*words, *ray_ports(head="--head" in words), "--object-store-memory=100000000", *FEWER_PROCESSES]
        node = Node(self, name, host, words, cable)
        self._nodes.append(node)
        node.wait()
        return node


class Driver:
    """A function with its words in a process of its own, which writes to a file."""

    def __init__(
        self,
        cluster: Cluster,
        log: Path,
        function: Callable[..., object],
        *words: object,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._log = log
        log.touch()
        self._begins = log.stat().st_size
        environment = cluster.environment | {"RAY_ADDRESS": cluster.address} | (variables or {})
        self.process = ForkedProcess(function, *words, environment=environment, output=log)

    @property
    def said(self) -> str:
        """Return the output of this driver so far, without the output of drivers before it in the same file."""
        return self._log.read_bytes()[self._begins :].decode(errors="replace")

    def fail_if_ended(self) -> None:
        """For a wait that it has to live through."""
        assert self.process.poll() is None, self.said

    def wait(self, seconds: float) -> int:
        """Its exit status."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the driver had not ended after {seconds:g} s\n{self.said}") from None

    def end(self) -> None:
        """Kill it, and all that it started, if it is still there."""
        family = _family(self.process.pid)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)


def until(
    holds: Callable[[], object], what: str, check: Callable[[], None] = lambda: None, *, seconds: float = PATIENCE
) -> float:
    """Wait for something; the seconds that it took."""
    began = time.monotonic()
    while not holds():
        check()
        assert time.monotonic() - began < seconds, f"waited {seconds:g} s for {what}"
        time.sleep(0.25)
    return time.monotonic() - began


def ip(*words: str) -> str:
    """The output of iproute2's ``ip``."""
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def why_no_cables() -> str:
    """Why network namespaces cannot be made here; empty where they can."""
    if shutil.which("ip") is None:
        return "iproute2 is not installed"
    name = f"dite-try-{os.getpid()}"
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        return f"network namespaces cannot be made: {error.stderr.strip()}"
    try:
        ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
        ip("-n", name, "link", "add", "bridge0", "type", "bridge")
    except subprocess.CalledProcessError as error:
        return f"virtual Ethernet ends and bridges cannot be made: {error.stderr.strip()}"
    finally:
        ip("netns", "del", name)
    return ""


@contextlib.contextmanager
def cluster_of(*, cables: bool = False, variables: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A cluster with its head started; nothing of it is left afterwards."""
    cluster = Cluster(cables=cables, variables=variables)
    try:
        cluster.start_head()
        yield cluster
    finally:
        cluster.end()


def _family(pid: int) -> list[psutil.Process]:
    try:
        first = psutil.Process(pid)
        return [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
