"""How the search went: what became of the trials, what was spared, hypervolume, learning curves."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from analysis.pareto.front import REFERENCE_MARGIN, front_of, hypervolume_curve, scored
from analysis.pareto.recommendations import reference_words
from analysis.report.elements.figures import curve_metrics, curves_figure, hypervolume_figure
from analysis.report.elements.options import Setup
from analysis.report.elements.section import Chart
from analysis.study.labels import format_seconds, number_words, quantity, short
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.stopping import StopReasons
from analysis.study.trial_status import TrialStatus
from search_spaces.common.objectives import OBJECTIVES, costs_and_scores

MAX_REASONS = 8
MISSING_REASONS = {
    TrialStatus.STOPPED: "early stopping (nothing further was recorded)",
    TrialStatus.FAILED: "no reason was recorded",
}
_NUMBER = re.compile(r"\d+(\.\d+)?(e[+-]?\d+)?")


@dataclass(frozen=True, kw_only=True)
class Tally:
    """The number of some trials or suggestions; ``saved`` says what that spared."""

    what: str
    count: int
    compute: str
    saved: str


@dataclass(frozen=True, kw_only=True)
class Savings:
    """Epochs that were not trained, and the compute (s) they would have taken at the mean of the epochs that were."""

    stopped: int
    over_budget: int
    reused: int
    earlier: int
    seconds_per_epoch: float | None

    @property
    def epochs(self) -> int:
        """All of them."""
        return self.stopped + self.over_budget + self.reused + self.earlier


def savings(study: StudyRecord) -> Savings | None:
    """Return the epochs that early stopping, budget and known results spared; None where the length was not recorded."""
    whole = study.protocol.get("epochs")
    if not isinstance(whole, int):
        return None
    trained = [record for record in study.trials if record.epochs_trained > 0]
    epochs = sum(record.epochs_trained for record in trained)
    return Savings(
        stopped=sum(max(0, whole - len(record.curve)) for record in study.trials if record.status is TrialStatus.STOPPED),
        over_budget=study.over_budget * whole,
        reused=study.reused * whole,
        earlier=sum(len(record.curve) for record in study.trials if record.origin)
        + sum(record.epochs_before for record in study.trials if not record.origin),
        seconds_per_epoch=sum(record.seconds for record in trained) / epochs if epochs else None,
    )


def tallies(study: StudyRecord, setup: Setup) -> list[Tally]:
    """One line for each fate that some trial or suggestion had."""
    own = [record for record in study.trials if not record.origin]
    groups = {status: [record for record in own if record.status is status] for status in TrialStatus}
    saved = savings(study)
    lines = [
        Tally(
            what=f"{status.label} when this was written" if status is TrialStatus.RUNNING else status.label,
            count=len(found),
            compute=_compute(found, setup),
            saved=_epochs(saved.stopped, saved) if status is TrialStatus.STOPPED and saved else "–",
        )
        for status, found in groups.items()
        if found
    ]
    spared = {
        "taken over from earlier studies": (len(study.trials) - len(own), saved.earlier if saved else 0),
        "suggested again, result reused": (study.reused, saved.reused if saved else 0),
        "beyond the search's budget, not trained": (study.over_budget, saved.over_budget if saved else 0),
    }
    return lines + [
        Tally(what=what, count=count, compute="none", saved=_epochs(epochs, saved))
        for what, (count, epochs) in spared.items()
        if count
    ]


def saved_words(study: StudyRecord, setup: Setup) -> str:
    """The sum of what was spared, and how it is reckoned."""
    saved = savings(study)
    if saved is None:
        return "What was spared cannot be told: the study did not record the epochs of a whole training."
    if not saved.epochs:
        return "Every suggestion was trained to its end: nothing was spared."
    trained = sum(record.epochs_trained for record in study.trials)
    text = (
        f"In all {trained} epochs were trained and {saved.epochs} were not,"
        f" {saved.epochs / (trained + saved.epochs):.0%} of what training every suggestion to its end would take"
    )
    if saved.seconds_per_epoch is None:
        return f"{text}."
    spared = compute_words(saved.epochs * saved.seconds_per_epoch, setup)
    larger = " Networks beyond a budget are larger than the average, and their epochs longer." if saved.over_budget else ""
    return f"{text}: about {spared}, if each takes the {saved.seconds_per_epoch:.3g} seconds of the average epoch.{larger}"


def reasons(study: StudyRecord) -> list[tuple[TrialStatus, str, int, int]]:
    """Why trials were stopped or failed: status, reason with ``#`` for numbers, how many, and one of them by number."""
    stops = StopReasons(study)
    found: Counter[tuple[TrialStatus, str]] = Counter()
    example: dict[tuple[TrialStatus, str], TrialRecord] = {}
    for record in study.trials:
        if record.status in MISSING_REASONS:
            told = stops.at_rung(record) or _NUMBER.sub("#", record.reason)
            key = (record.status, told or MISSING_REASONS[record.status])
            found[key] += 1
            example.setdefault(key, record)
    return [
        (status, (stops.of(example[status, reason]) if count == 1 else "") or reason, count, example[status, reason].number)
        for (status, reason), count in found.most_common(MAX_REASONS)
    ]


def compute_words(seconds: float, setup: Setup) -> str:
    """Compute in words: ``1.52 GPU hours``; wall-clock time of the trials where the processors are not known."""
    if setup.workers is None:
        return format_seconds(seconds)
    hours = seconds * setup.processors / 3600
    return f"{hours:.3g} {setup.unit} hours"


def progress_charts(study: StudyRecord, setup: Setup) -> list[Chart]:
    """Hypervolume against trials and compute, and a figure of learning curves for each metric."""
    return [*_hypervolume_charts(study, setup), *_curve_charts(study)]


def _hypervolume_charts(study: StudyRecord, setup: Setup) -> list[Chart]:
    if not scored(study):
        return []
    curve = hypervolume_curve(study)
    scores = costs_and_scores(study.objectives)[1]
    best = " and ".join(_ideal(name) for name in scores) or "nothing"
    caption = (
        f"Hypervolume is the share of the space between {reference_words(study)} and {best} at no cost that the front "
        f"covers. The margin of {REFERENCE_MARGIN:g} lets the dearest trial count. A line that has gone flat says that more "
        "trials of the same kind bring little."
    )
    ending = f"It rises to {curve['hypervolume'].iloc[-1]:.4f}."
    spent = f"The same against the {_compute_name(setup)} of all trials added up, failed and stopped ones included."
    titles = {"trials": "Hypervolume against trials", "seconds": f"Hypervolume against {_compute_name(setup)}"}
    captions = {"trials": caption, "seconds": spent}
    return [
        Chart(
            key=f"hypervolume-{against}",
            title=title,
            caption=captions[against],
            alt=f"{title}. {ending}",
            figure=hypervolume_figure(curve, against, factor=setup.processors, unit=setup.unit),
        )
        for against, title in titles.items()
    ]


def _ideal(score: str) -> str:
    """The best value of an accuracy that there can be, with its short name."""
    kind = "PCKh" if score == "pckh50" else short(score).split(" ")[0]
    return f"{kind} {1 if OBJECTIVES[score].is_better_high else 0}"


def _curve_charts(study: StudyRecord) -> list[Chart]:
    front = front_of(study)
    words = "Trials of the front by name (at most five), others in grey (at most 120)." if front else "Trials in grey."
    return [
        Chart(
            key=f"curves-{index}",
            title=f"Learning curves: {quantity(metric)}",
            caption=words,
            alt=f"{quantity(metric)} of trials after each epoch; the last values are in the table of all trials.",
            figure=curves_figure(study, metric),
        )
        for index, metric in enumerate(curve_metrics(study))
    ]


def _compute_name(setup: Setup) -> str:
    return "hours of trials" if setup.workers is None else f"{setup.unit} hours"


def _compute(trials: list[TrialRecord], setup: Setup) -> str:
    return compute_words(sum(record.seconds for record in trials), setup)


def _epochs(count: int, saved: Savings | None) -> str:
    return number_words(count, "epoch") if saved else "not known"
