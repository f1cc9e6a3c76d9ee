"""The files and the description that MLflow shows of a search as a whole: its front, its report and its trials."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analysis.pareto.front import scored
from analysis.pareto.recommendations import axis_costs
from analysis.report import Setup, report_content
from analysis.report.front_page import front_page
from analysis.report.front_png import write_front_png
from analysis.study.records import StudyRecord, trials_table
from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import sampler_words
from dite_search.spending.state import BudgetState
from dite_search.study.study import found_study
from dite_search.supernet.foretold import foretold_of
from dite_search.tracking.address import MLFLOW_EXPERIMENT, run_address, trial_page
from dite_search.tracking.client import tracking_uri
from dite_search.tracking.description import description
from search_spaces.common.errors import InvalidInput
from search_spaces.common.objectives import cost_names
from search_spaces.space.budget import Budget

PAGES_VERSION = 2
"""Changes where the files of a study that has not changed would be others."""


@dataclass(frozen=True, kw_only=True)
class PageFiles:
    """The artifacts by name, and the description in Markdown."""

    files: Mapping[str, str | bytes]
    description: str


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The pages of a search at one moment: a digest of what they are made of, and what makes them, which takes seconds."""

    digest: str
    make: Callable[[], PageFiles]


def pages_of(study: StudyRecord, setup: Setup, *, uri: str, experiment: str, runs: Mapping[int, str]) -> Pages:
    """Return the pages of a study.

    Args:
        study: The study.
        setup: The options of its report.
        uri: The tracking URI.
        experiment: The experiment of the runs.
        runs: The runs of the trials, by number.
    """
    table = trials_table(study.trials, objectives=study.objectives)
    setup = dataclasses.replace(setup, run_page=trial_page(uri, experiment))
    known = [PAGES_VERSION, experiment, sorted(runs.items()), study.objectives, study.over_budget, study.reused]
    told = [study.protocol, study.provenance, [str(limit) for limit in setup.budget.constraints], setup.search]
    text = json.dumps([known, told], sort_keys=True, default=str) + table.to_csv(index=False)

    def make() -> PageFiles:
        report = report_content(study, setup)
        links = {number: run_address(uri, experiment, run_id) for number, run_id in runs.items()}
        files: dict[str, str | bytes] = {
            "front.html": front_page(study, setup, links),
            "front.png": report.png,
            "report.html": report.html,
            "trials.csv": report.csv,
        }
        costs = axis_costs(study) if scored(study) else []
        return PageFiles(
            files=files | {f"front_{cost}.png": _picture(study, setup, cost) for cost in costs},
            description=description(study, setup, runs, experiment),
        )

    return Pages(digest=hashlib.sha256(text.encode()).hexdigest()[:16], make=make)


def report_setup(config: SearchConfig, limits: tuple[str, ...] = (), *, state: BudgetState | None = None) -> Setup:
    """Return the options of the report of a search.

    Args:
        config: The search.
        limits: The limits of its reader, in place of the search's own.
        state: What it has spent of its budget, where that is told.
    """
    resources = config.resources
    return Setup(
        budget=Budget.parse(limits, cost_names()) if limits else config.network_budget,
        workers=resources.workers if resources.max_workers is None else None,
        gpus_per_worker=resources.gpus_per_worker,
        cpus_per_worker=resources.cpus_per_worker,
        search={
            "space": config.search_space.name,
            "sampler": sampler_words(config.sampler.name, config.objectives),
            "scheduler": config.scheduler.name,
            **({} if config.trials is None else {"trials asked for": config.trials}),
            **({"spent": state.words} if state and state.words else {}),
            "trainings of each network": config.repeats,
            "budget": ", ".join(config.budget) or "none",
        },
        run_page=_run_page(config),
        inherited=foretold_of(config),
    )


def _run_page(config: SearchConfig) -> str:
    """Return the address of the runs of a search's trials; empty where its study noted no experiment."""
    with contextlib.suppress(InvalidInput):
        study = found_study(config)
        experiment = study.user_attrs.get(MLFLOW_EXPERIMENT) if study else None
        if experiment:
            return trial_page(tracking_uri(config.mlflow_url, config.study_directory.parent), str(experiment))
    return ""


def _picture(study: StudyRecord, setup: Setup, cost: str) -> bytes:
    target = io.BytesIO()
    write_front_png(study, target, setup.budget, costs=[cost])
    return target.getvalue()
