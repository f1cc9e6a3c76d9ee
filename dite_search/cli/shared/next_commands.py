"""The commands that make sense after a search, each of which works as the study stands."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from dite_search.cli.shared.output import program
from search_spaces.common.errors import InvalidInput
from search_spaces.common.redaction import HIDDEN, redacted
from search_spaces.common.shell import shell_command

if TYPE_CHECKING:
    from analysis.study.records import StudyRecord, TrialRecord
    from dite_search.config.search_config import SearchConfig
    from search_spaces.space.budget import Budget


def commands_after(study: StudyRecord, config: SearchConfig) -> list[str]:
    """Return what a user may want to do after a search: go on with it, export a network, and look at it in MLflow."""
    from dite_search.spending.state import budget_state

    found = []
    if budget_state(config, study, time.time()).has_work:
        found.append(shell_command(program("dite-search"), "resume", study.directory))
    options = export_options(study, config.network_budget)
    if options:
        found.append(shell_command(program("dite-search"), "export", study.directory, *options))
    served = mlflow_command(config)
    return [*found, served] if served else found


def export_options(study: StudyRecord, budget: Budget) -> tuple[str, ...]:
    """Return options of ``export`` that find a network within the budget.

    There are none where no network can be exported, or none has learned anything.

    The options are limits, as an example of what can be asked for, or the number of a trial where limits do not do.
    """
    from analysis.pareto.budget_filter import front_within
    from analysis.study.learning import learned

    front = [record for record in learned(study, front_within(study, budget)) if record.checkpoint is not None]
    if not front:
        return ()
    limits = _limits(front, budget)
    options = tuple(word for name, text in limits.items() for word in (f"--max-{name.replace('_', '-')}", text))
    return options if _is_met(study, budget, limits) else ("--trial", str(front[-1].number))


def mlflow_command(config: SearchConfig) -> str:
    """Return the command that serves MLflow's page; empty where a server has the page already."""
    from dite_search.tracking.address import is_server
    from dite_search.tracking.client import tracking_uri
    from dite_search.tracking.source import search_address

    uri = tracking_uri(config.mlflow_url, config.study_directory.parent)
    if is_server(uri):
        return ""
    shown = redacted(uri)
    password = f", with the user and password in place of {HIDDEN}" if HIDDEN in shown else ""
    command = shell_command(program("mlflow"), "ui", "--backend-store-uri", shown)
    return f"{command}   # then open {search_address(config)}{password}"


def _limits(front: list[TrialRecord], budget: Budget) -> dict[str, str]:
    """Return the budget's own limits as ``export`` takes them or, without any, one of MMACs that half of the front meets."""
    limits = {each.cost: each.limit for each in budget.constraints if each.cost in ("mmacs", "params", "latency_ms")}
    if not limits:
        costs = sorted(record.cost.mmacs for record in front)
        limits = {"mmacs": math.ceil(costs[len(costs) // 2] * 10) / 10}
    return {name: f"{limit:.15g}" for name, limit in limits.items()}


def _is_met(study: StudyRecord, budget: Budget, limits: dict[str, str]) -> bool:
    """Whether ``export`` with these limits finds a network, and one within the budget."""
    from analysis.pareto.budget_filter import allows
    from analysis.pareto.selection import choose

    try:
        most = {name: float(text) for name, text in limits.items()}
        return allows(budget, choose(study, limits=most))
    except InvalidInput:
        return False
