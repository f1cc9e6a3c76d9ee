"""All checks, in their order: `examine` for a reader, `preflight` for a search that is about to start."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape

from dite_search.config.search_config import SearchConfig
from dite_search.doctor import cluster, data_files, folders
from dite_search.doctor.data_files import data_finding, files_of, shared_data_finding
from dite_search.doctor.databases import study_findings
from dite_search.doctor.environment import environment_finding
from dite_search.doctor.findings import FAILED, OK, WARNING, Check, Finding, Pending, listed
from dite_search.doctor.needs import need_findings
from dite_search.doctor.probe import PACKAGES, gpus_seen, installed
from dite_search.doctor.resources import Node, resources_finding, trials_at_once
from dite_search.doctor.tracking_server import mlflow_findings
from dite_search.spending.limits import Limits
from dite_search.spending.purchase import networks_at_most
from dite_search.terminal.progress import waiting
from search_spaces.common.errors import InvalidInput, first_line
from search_spaces.common.shell import own_command

LOCAL_SECONDS, NODE_SECONDS, CLOCK_SECONDS = 8.0, 12.0, 2.0
"""Limits of a check on this machine, of the questions to all nodes, and of reading their clocks. With those of the
connection (`cluster`) they add up to less than 30 s; checks on this machine run meanwhile."""
READING_SECONDS = 1800.0
"""Limit for reading all annotations and the images to be scored, from a file system that has answered before."""

MARKS = {OK: "[green]ok     [/]", WARNING: "[yellow]warning[/]", FAILED: "[red]failed [/]"}


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The findings of all checks, and how many trials fit at once: 1 where an autoscaling cluster has yet to grow."""

    findings: tuple[Finding, ...]
    at_once: int = 1

    @property
    def failed(self) -> list[Finding]:
        """The findings that keep the search from starting."""
        return [finding for finding in self.findings if finding.status == FAILED]


def preflight(
    config: SearchConfig, console: Console, *, start: Callable[[], None], trials: int | None = None, source: str = "FILE"
) -> Examination:
    """Look at all that a search needs, before anything of it is made; warnings are shown.

    Args:
        config: The search.
        console: The place of the warnings.
        start: Connects to Ray, or starts it.
        trials: The number of trials still to run; all of the search by default.
        source: The name of the search file for a reader.

    Raises:
        InvalidInput: something failed; the sentence ends in what mends it.
    """
    with waiting(console, "Starting Ray, and looking at folders and databases"):
        found = examine(config, start=start, trials=trials)
    for finding in found.findings:
        if finding.status == WARNING:
            console.print(f"[yellow]{escape(finding.name)}: {escape(finding.sentence)} ({escape(finding.remedy)})")
    if found.failed:
        first, *others = found.failed
        more = f" (and {len(others)} more: {own_command('doctor', source)} shows all)" if others else ""
        raise InvalidInput(f"{first.name}: {first.sentence}; to mend it: {first.remedy}{more}")
    return found


def examine(
    config: SearchConfig | None, *, start: Callable[[], None], trials: int | None = None, new: bool | None = None
) -> Examination:
    """Make all checks, those that need a search only with a ``config``. Other arguments as of `preflight`.

    Args:
        config: The search.
        start: Connects to Ray, or starts it.
        trials: Those still to run; all of the search by default.
        new: Whether the study is still to be made, where what the search itself needs is to be looked at too. A search has
            done so before, and leaves it out.
    """
    local = Pending(_local_checks(config, trials))
    ray_findings = _connected(start)
    here = local.findings()
    if config is not None and new is not None:
        here = _with_needs(here, config, new=new)
    if any(finding.status == FAILED for finding in ray_findings):
        return Examination(findings=(*ray_findings, *here))
    nodes = cluster.nodes_of_cluster()
    ray_findings += [] if config is None else [resources_finding(config, nodes, cluster.may_grow_to())]
    folder_is_sound = all(finding.status != FAILED for finding in here if finding.name in (folders.NAME, "data"))
    there = _on_nodes(config if folder_is_sound else None, nodes, needs_gpus=_needs_gpus(config))
    at_once = max(1, trials_at_once(config, nodes)) if config else 1
    return Examination(findings=(*ray_findings, *there, *here), at_once=at_once)


def _with_needs(here: Sequence[Finding], config: SearchConfig, *, new: bool) -> list[Finding]:
    """Return findings with those on what the search itself needs; a file system that does not answer is not read again."""
    broken = any(finding.name == data_files.NAME and finding.status == FAILED for finding in here)
    check = Check(
        name=data_files.NAME,
        look=lambda: need_findings(config, new=new, readable=not broken),
        seconds=READING_SECONDS,
        unanswered="data.root in a file system that answers",
    )
    kept = here if broken else [finding for finding in here if finding.name != data_files.NAME]
    return [*kept, *Pending([check]).findings()]


def lines_of(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding and, after them, what mends those that are not well; for a rich console."""
    width = max(len(finding.name) for finding in findings)
    lines = [f"{MARKS[found.status]} {found.name:<{width}}  {escape(found.sentence)}" for found in findings]
    wrong = [found for found in findings if found.status != OK]
    if wrong:
        lines += ["", "To mend it:"]
        lines += [f"  {found.name:<{width}}  {escape(found.remedy)}" for found in wrong]
    return lines


def _connected(start: Callable[[], None]) -> list[Finding]:
    """Whether Ray can be used; it is connected to where it can."""
    if cluster.is_connected():
        return [Finding(name=cluster.NAME, status=OK, sentence="Ray runs, and this process is connected to it")]
    found = cluster.address_finding(os.environ.get("RAY_ADDRESS"))
    if found.status == FAILED:
        return [found]
    try:
        start()
    except Exception as error:
        # Ray raises dozens of kinds where its processes do not start.
        remedy = "ray stop, then try again; its log is in /tmp/ray/session_latest/logs"
        return [Finding(name=cluster.NAME, status=FAILED, sentence=first_line(error), remedy=remedy)]
    return [found if os.environ.get("RAY_ADDRESS") else cluster.local_finding()]


def _local_checks(config: SearchConfig | None, trials: int | None) -> list[Check]:
    """The checks that need no cluster."""
    checks = [_check("environment", environment_finding, "pip check")]
    if config is None:
        return checks
    directory = config.study_directory.parent
    asked = trials or config.trials or networks_at_most(Limits.of(config.spend), config.goals)
    files = folders.checkpoints_of(config, trials=asked)
    if files:
        full = f"checkpoints: a place in a file system that answers, other than {files.place}"
        checks.append(_check("disk space", lambda: folders.space_finding(files), full))
    return [
        *checks,
        _check(folders.NAME, lambda: folders.folder_finding(directory), f"directory: another folder than {directory}"),
        _check("sqlite", lambda: folders.sqlite_findings(config, folders.read_mounts()), "directory: another folder"),
        _check("study database", lambda: study_findings(config), "study_url of a server that answers"),
        _check("mlflow", lambda: mlflow_findings(config), "mlflow_url of a server that answers"),
        _check("data", lambda: data_finding(config), "data.root in a file system that answers"),
    ]


def _check(name: str, look: Callable[[], Finding | Sequence[Finding]], unanswered: str) -> Check:
    return Check(name=name, look=look, seconds=LOCAL_SECONDS, unanswered=unanswered)


def _on_nodes(config: SearchConfig | None, nodes: Sequence[Node], *, needs_gpus: bool) -> list[Finding]:
    """Return the findings of the nodes about themselves, the folder and the data."""
    counted = {node.label: node.has("GPU") for node in nodes if node.has("GPU")}
    if cluster.only_here(nodes):
        return [cluster.gpu_finding(counted, {nodes[0].label: gpus_seen()}, needed=needs_gpus)] if counted else []
    if config is None:
        answers = cluster.ask_nodes(nodes, _questions(nodes, None, []), seconds=NODE_SECONDS)
        return _told(nodes, answers, counted, needs_gpus)
    directory, files = config.study_directory.parent, files_of(config)
    with folders.token_in(directory) as token:
        answers = cluster.ask_nodes(nodes, _questions(nodes, token, files), seconds=NODE_SECONDS)
        labels = {node.label: node.node_id for node in nodes if node.node_id in answers.found}
        written = folders.answered(token, labels)
    found = _told(nodes, answers, counted, needs_gpus)
    if labels:
        said = {label: answers.found[node_id] for label, node_id in labels.items()}
        found.append(folders.shared_finding(directory, {label: s["folder"] for label, s in said.items()}, token, written))
        if files:
            found.append(shared_data_finding(files, {label: s["files"] for label, s in said.items()}))
    return found


def _questions(
    nodes: Sequence[Node], token: folders.Token | None, files: list[str]
) -> dict[str, tuple[str | None, str | None, list[str], bool]]:
    """Return the questions to each node, by node id."""
    path = str(token.path) if token else None
    return {
        node.node_id: (path, str(token.answer_of(node.node_id)) if token else None, files, node.has("GPU") > 0)
        for node in nodes
    }


def _told(nodes: Sequence[Node], answers: cluster.Answers, counted: dict[str, float], needs_gpus: bool) -> list[Finding]:
    """Judge versions, GPUs and clocks by the answers, and name the nodes that gave none."""
    labels = {node.node_id: node.label for node in nodes}
    said = {labels[node_id]: answer for node_id, answer in answers.found.items()}
    found = []
    if answers.problems:
        silent = [labels[node_id] for node_id in answers.problems]
        reason = next(iter(answers.problems.values()))
        is_missing = "not installed" in reason
        found.append(
            Finding(
                name="nodes",
                status=FAILED if is_missing else WARNING,
                sentence=f"{len(silent)} of {len(nodes)} nodes could not be looked at, {listed(silent)}: {reason}",
                remedy=f"pip install dite-search=={installed('dite-search')} on every node" if is_missing else "ray status",
            )
        )
    if said:
        versions = {label: (answer["versions"]["ray"], answer["python"]) for label, answer in said.items()}
        found.append(cluster.version_finding(versions, ours=cluster.our_versions()))
        packages = {label: answer["versions"] for label, answer in said.items()}
        found.append(cluster.package_finding(packages, ours={name: installed(name) for name in PACKAGES}))
        answering = [node for node in nodes if node.node_id in answers.found]
        found.append(cluster.clock_finding(cluster.read_clocks(answering, seconds=CLOCK_SECONDS)))
        gpus = {label: count for label, count in counted.items() if label in said}
        if gpus:
            found.append(cluster.gpu_finding(gpus, {label: said[label]["torch"] for label in gpus}, needed=needs_gpus))
    return found


def _needs_gpus(config: SearchConfig | None) -> bool:
    return config is not None and config.resources.gpus_per_worker > 0
