"""`Study`: the results of a search, to look at, to choose from, to report and to ship."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from analysis.pareto.front import front_of
from analysis.pareto.selection import choose
from analysis.study.records import StudyRecord, TrialRecord, trials_table
from dite_search.config.search_config import SearchConfig
from dite_search.study.directory import load_config
from dite_search.study.reader import read_study
from search_spaces.common.errors import InvalidInput, check_names
from search_spaces.common.objectives import cost_names

if TYPE_CHECKING:
    from analysis.export import Exported
    from analysis.report import Report
    from dite_search.api.search import Search

EXPORT_FOLDER = "export"


class Study:
    """The study of a search as it stood when it was loaded; load it again to see what came since.

    Notebooks show it as the table of its front.
    """

    def __init__(self, config: SearchConfig, record: StudyRecord) -> None:
        self.config = config
        """The search of the study, as the rest of the program reads it."""
        self.record = record
        """The trials of the study, as the rest of the program reads them."""

    @classmethod
    def load(cls, study: str | Path, *, directory: str | Path = "runs") -> Study:
        """Return a study, whether its search runs, has ended, or was cut off.

        Args:
            study: The folder of the study, or its name below ``directory``.
            directory: The folder of the studies.

        Raises:
            InvalidInput: there is no such study, and the message lists those there are; or it cannot be read.
        """
        config = load_config(study, directory=directory)
        return cls(config, read_study(config))

    @property
    def name(self) -> str:
        """The name of the study."""
        return self.config.name

    @property
    def directory(self) -> Path:
        """The folder of the study, absolute."""
        return self.config.study_directory

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of the objectives."""
        return self.record.objectives

    @property
    def search(self) -> Search:
        """The search of the study, to resume or to extend it."""
        from dite_search.api.search import Search

        return Search._of(self.config)

    @property
    def trials(self) -> pd.DataFrame:
        """A row for each trial, in order of number.

        Columns are those of ``trials.csv``: ``trial``, ``status``, ``reason``, ``arch_id``, costs, scores, the varied
        parameters, ``epochs``, ``seconds``, ``checkpoint`` and ``mlflow_run_id``.
        """
        return trials_table(self.record.trials, objectives=self.objectives)

    @property
    def front(self) -> pd.DataFrame:
        """The rows of `trials` on the Pareto front, cheapest first; none before a trial is complete."""
        front = {record.number: record for record in front_of(self.record)}
        # A network of several seeds stands there with the means of its scores.
        rows = [front.get(record.number, record) for record in self.record.trials]
        table = trials_table(rows, objectives=self.objectives)
        return table.set_index("trial", drop=False).loc[list(front)].reset_index(drop=True)

    def best(self, objective: str | None = None, **limits: float) -> TrialRecord:
        """Return the best complete trial within limits, as in ``best(mmacs=200)``.

        Args:
            objective: What the trial is best in; the accuracy of the study by default.
            limits: The largest value of each cost by its name; the smallest of one of your own that is better high.

        Returns:
            The trial, with ``number``, ``arch``, ``values`` (costs and scores by name), ``parameters``, ``curve`` and
            ``checkpoint``.

        Raises:
            InvalidInput: a limit is on no cost or not above 0, or no trial is within the limits.
        """
        check_names("cost", limits, cost_names())
        return choose(self.record, best=objective, limits=limits)

    def report(
        self,
        *,
        budget: str | Sequence[str] = (),
        intervals: bool = False,
        pictures: bool = False,
        output: str | Path | None = None,
    ) -> Report:
        """Write the report of the study: ``report.html``, ``summary.md``, ``front.png`` and ``trials.csv``.

        Args:
            budget: Limits of its reader such as ``mmacs <= 200``, in place of the search's own.
            intervals: Whether each network of the front predicts once more, for an interval of its accuracy. Needs the data.
            pictures: Whether recommended networks are shown on validation photographs. Needs the data.
            output: The folder of the report; ``report`` in the study's folder by default.

        Returns:
            The paths of the files: ``html``, ``markdown``, ``png`` and ``csv``.

        Raises:
            InvalidInput: a limit cannot be read, the data are missing, or the folder cannot be written.
        """
        from dite_search.housekeeping.study_report import write_study_report

        limits = (budget,) if isinstance(budget, str) else tuple(budget)
        place = None if output is None else Path(output)
        return write_study_report(
            self.config, self.record, limits=limits, intervals=intervals, pictures=pictures, output=place, now=time.time()
        )

    def export(
        self,
        trial: int | TrialRecord | None = None,
        *,
        output: str | Path | None = None,
        data: str | Path | None = None,
        int8: bool = True,
        program: bool = True,
        released: bool = True,
        accuracy: bool = True,
        html: str | Path | None = None,
        formats: Sequence[str] = (),
        threads: int = 1,
        **limits: float,
    ) -> Exported:
        """Write a network in every form, with a model card and an example that runs by itself.

        Args:
            trial: The trial, or its number; the most accurate one within ``limits`` by default.
            output: The folder; ``export`` in the study's folder by default.
            data: The folder of the data set, where it has moved.
            int8: Whether ``model.int8.onnx`` is made.
            program: Whether ``model.pt2`` is made, the torch.export program.
            released: Whether ``released.pth`` is made, weights for the authors' code.
            accuracy: Whether each form is scored on the validation set.
            html: The folder of onnxruntime-web (its ``dist``), with which ``demo.html`` is made.
            formats: Other runtimes that files are made for: openvino, ncnn, litert or coreml.
            threads: Threads of measured latencies.
            limits: The largest value of each cost by its name, as of `best`.

        Returns:
            The export: ``directory``, ``onnx`` (the path of the model), ``parity`` and ``latencies``.

        Raises:
            InvalidInput: no such trial can be exported, or the folder holds something else.
        """
        from analysis.export import Parts, export_trial
        from analysis.export.directory import require_replaceable
        from analysis.export.formats import check_formats
        from dite_search.housekeeping.exports import log_or_say_later, note_export
        from search_spaces.common.files import check_output

        if trial is None:
            found = self.best(None, **limits)
        elif limits:
            raise InvalidInput(f"limits choose the network, so trial must be left out, got {sorted(limits)}")
        else:
            number = trial.number if isinstance(trial, TrialRecord) else trial
            if not isinstance(number, Integral):
                raise InvalidInput(f"trial must be a trial of the study or its number, got {trial!r}")
            found = choose(self.record, trial=int(number))
        check_formats(formats)
        place = self.directory / EXPORT_FOLDER if output is None else Path(output)
        require_replaceable(place)
        check_output(place, is_folder=True)
        web = None if html is None else Path(html)
        parts = Parts(released=released, program=program, int8=int8, accuracy=accuracy, html=web, formats=tuple(formats))
        root = None if data is None else Path(data)
        exported = export_trial(self.record, found, place, threads=threads, parts=parts, data_root=root)
        note_export(self.config, found, exported.directory)
        log_or_say_later(self.config, warnings.warn)
        return exported

    def __repr__(self) -> str:
        front = len(front_of(self.record))
        return f"Study({self.name!r}, {len(self.record.trials)} trials, {front} on the front)"

    def _repr_html_(self) -> str:
        from html import escape

        table = self.front[["trial", "arch_id", *(name for name in self.objectives if name in self.front.columns)]]
        return f"<p>{escape(repr(self))}</p>{table.to_html(index=False, border=0)}"
