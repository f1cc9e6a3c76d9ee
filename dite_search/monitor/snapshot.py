"""A search as it stands at one moment: how fast it goes, when it may end, the front, and what runs where.

Nothing here writes. Times are seconds since 1970 by the clocks of the machines that wrote them.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from analysis.study.labels import coarse_seconds, format_seconds, number_words
from analysis.study.records import StudyRecord, TrialRecord
from analysis.study.trial_status import TrialStatus
from dite_search.config.search_config import SearchConfig
from dite_search.spending.state import BudgetState, budget_state, extend_options
from dite_search.storage.lease import Holder, holder_of
from dite_search.study.attributes import STARTED, WHERE
from dite_search.study.directory import SEARCH_FILE, STUDY_DATABASE
from dite_search.study.reader import StudyReader, TrialNetworks
from dite_search.study.study import extended_search, open_study, storage_of
from dite_search.supernet.place import FOLDER
from dite_search.supernet.progress import SharedWeightsReader
from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import read_mapping
from search_spaces.common.objectives import costs_and_scores
from search_spaces.common.shell import own_command
from search_spaces.space.budget import Budget

WINDOW_SECONDS, ENOUGH_EPOCHS = 3600.0, 8
"""Throughput is that of the last hour, or of longer, until so many epochs have ended in it."""
MIN_WINDOW_SECONDS = 10.0
"""Seconds that a window has at least: of less, no rate is told."""


@dataclass(frozen=True, kw_only=True)
class StudySnapshot:
    """A study as it was read at one time.

    Args:
        study: The study.
        now: The time of reading.
        asked: The number of networks that were asked for; None for any number.
        spent: The number of networks that have ended.
        epochs: The length of a training, unless it is stopped early.
        started: The time at which each trial began, by number.
        where: The process that reported last of each trial, by number.
        driver: The driver of the search.
        stops_early: Whether the search stops trials early.
        budget: What the search may spend, and has spent; None where nobody asked.
        gpus: The GPUs that a trial holds.
        limits: The limits on the costs of a network.
        shared_weights: The progress of the weights that its networks share, in words; nothing without such weights.
    """

    study: StudyRecord
    now: float
    asked: int | None
    spent: int
    epochs: int
    started: Mapping[int, float] = field(default_factory=dict)
    where: Mapping[int, str] = field(default_factory=dict)
    driver: Holder | None = None
    stops_early: bool = False
    budget: BudgetState | None = None
    gpus: float = 0.0
    limits: Budget = field(default_factory=Budget)
    shared_weights: str = ""

    @property
    def is_done(self) -> bool:
        """Whether all networks that were asked for have ended, or a limit of the budget is reached."""
        all_ended = self.asked is not None and self.spent >= self.asked
        return bool(self.budget and self.budget.reached) or (all_ended and not self.study.unfinished)

    @property
    def share(self) -> float:
        """The share of the search that is done: of its networks, or of the limit that is nearest."""
        networks = self.spent / self.asked if self.asked else 0.0
        if self.budget is None or self.budget.began is None:
            return networks
        return max(networks, self.budget.limits.share(self.budget.spent, self.now, self.budget.began))

    @property
    def own(self) -> list[TrialRecord]:
        """The trials that were trained here, in order of number."""
        return sorted((record for record in self.study.trials if not record.origin), key=lambda record: record.number)

    @property
    def running(self) -> list[TrialRecord]:
        """The trials that are being trained; none where no driver drives."""
        return [record for record in self.own if record.status is TrialStatus.RUNNING] if self.is_driven else []

    @property
    def is_driven(self) -> bool:
        """Whether a driver is at work."""
        return self.driver is not None and self.driver.state == "drives"

    @property
    def score(self) -> str:
        """The accuracy that is searched for."""
        return costs_and_scores(self.study.objectives)[1][0]


class LiveReader:
    """Reads a study that others write, again and again.

    Raises:
        InvalidInput: at construction, where the study has not begun or its database cannot be opened.
    """

    def __init__(self, config: SearchConfig, networks: TrialNetworks | None = None) -> None:
        file = config.study_directory / STUDY_DATABASE
        if not config.study_url and not file.is_file():
            raise InvalidInput(f"study {config.name} must have begun to be watched, but there is no {file}")
        self._config, self._study = config, open_study(config)
        self._storage, self._reader = storage_of(config), StudyReader(config, self._study, networks)
        self._written = 0
        self._shared_weights = SharedWeightsReader(config.study_directory / FOLDER)

    def read(self, now: float) -> StudySnapshot:
        """The study as it stands.

        Raises:
            InvalidInput, or what a storage raises (`dite_search.study.study.DATABASE_AWAY`): the database does not answer.
        """
        # Another process may extend the search while it is watched.
        self._read_asked()
        config = self._config
        study = self._reader.read()
        # Read later, so that it knows every trial that the records have.
        trials = self._study.get_trials(deepcopy=False)
        return StudySnapshot(
            study=study,
            now=now,
            asked=config.trials,
            spent=study.spent,
            epochs=config.train_config.epochs,
            started={trial.number: trial.user_attrs[STARTED] for trial in trials if STARTED in trial.user_attrs},
            where={trial.number: clean(trial.user_attrs[WHERE]) for trial in trials if WHERE in trial.user_attrs},
            driver=holder_of(config.name, self._storage),
            stops_early=config.scheduler.name != "none",
            budget=budget_state(config, study, now),
            gpus=config.resources.gpus_of_trial,
            limits=config.network_budget,
            shared_weights=self._shared_weights.words(),
        )

    def _read_asked(self) -> None:
        """Read anew how many networks the search asks for and what it may spend, where its file was written since."""
        file = self._config.study_directory / SEARCH_FILE
        # A file that cannot be read just now leaves what was read last.
        with contextlib.suppress(OSError, InvalidInput):
            written = file.stat().st_mtime_ns
            if written != self._written:
                values = read_mapping(file)
                fields = {name: values.get(name) for name in ("trials", "spend")}
                self._config, self._written = extended_search(self._config, fields), written


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Epochs and trials that ended in a window of ``seconds``, per hour; ``is_last`` where the search stands still."""

    epochs_per_hour: float
    trials_per_hour: float
    seconds: float
    is_last: bool = False

    def __str__(self) -> str:
        when = "in its last" if self.is_last else "over the last"
        return (
            f"{_rate(self.epochs_per_hour)} epochs/h and {_rate(self.trials_per_hour)} trials/h"
            f" {when} {format_seconds(self.seconds)}"
        )


def epoch_times(moment: StudySnapshot) -> list[float]:
    """When each epoch that was trained here ended, in order; epochs of an earlier trial count for that one."""
    times = []
    for record in moment.own:
        if record.number not in moment.started:
            continue
        before = record.curve[record.epochs_before - 1].get("seconds", 0.0) if record.epochs_before else 0.0
        times += [
            moment.started[record.number] + point["seconds"] - before
            for point in record.curve[record.epochs_before :]
            if "seconds" in point
        ]
    return sorted(times)


def end_times(moment: StudySnapshot) -> list[float]:
    """When each trial that has ended did, in order."""
    return sorted(
        moment.started[record.number] + record.seconds
        for record in moment.own
        if record.status.has_ended and record.number in moment.started
    )


def throughput(moment: StudySnapshot) -> Throughput | None:
    """How fast the search goes or, where nothing drives it, went at last; None where there is too little to tell."""
    epochs, ends = epoch_times(moment), end_times(moment)
    if not epochs:
        return None
    first = min(moment.started.values())
    driver = moment.driver
    if moment.is_driven and driver:
        until, since = moment.now, max(first, driver.since)
    else:
        until, since = max([epochs[-1], *ends[-1:]]), first
    window = WINDOW_SECONDS
    while window < until - since and sum(until - window < time <= until for time in epochs) < ENOUGH_EPOCHS:
        window *= 2
    begin = max(since, until - window)
    seconds = until - begin
    if seconds < MIN_WINDOW_SECONDS:
        return None

    def rate(times: Sequence[float]) -> float:
        return sum(begin < time <= until for time in times) / seconds * 3600

    return Throughput(
        epochs_per_hour=rate(epochs), trials_per_hour=rate(ends), seconds=seconds, is_last=not moment.is_driven
    )


def epochs_left(moment: StudySnapshot) -> float:
    """Epochs that the networks to come will train if they are like those that have ended; all of them where none has."""
    ended = [record.epochs_trained for record in moment.own if record.status.has_ended]
    usual = sum(ended) / max(1, moment.spent) if ended else float(moment.epochs)
    running = moment.running
    to_come = max(0, (moment.asked or 0) - moment.spent - sum(not record.epochs_before for record in running))
    begun = sum(min(moment.epochs, max(usual, len(record.curve) + 1)) - len(record.curve) for record in running)
    return to_come * usual + max(0.0, begun)


def eta(moment: StudySnapshot) -> float | None:
    """Seconds to the end, of the networks at the present throughput or of a limit that comes first; None if unknown."""
    if state_of(moment) != "running" or moment.is_done:
        return None
    speed = throughput(moment)
    rate = speed.epochs_per_hour / 3600 if speed else 0.0
    found = []
    if moment.asked is not None and rate > 0:
        found.append(epochs_left(moment) / rate)
    left = moment.budget.limits.left(moment.budget.spent, moment.now) if moment.budget else {}
    held = len(moment.running) * moment.gpus
    rates = {"hours": 1.0, "until": 1.0, "epochs": rate, "gpu_hours": held}
    found += [amount / rates[name] for name, amount in left.items() if rates[name] > 0]
    return max(0.0, min(found)) if found else None


def eta_words(moment: StudySnapshot) -> str:
    """The time left, in words that promise no more than is known."""
    if state_of(moment) != "running":
        return ""
    if moment.is_done:
        return "about to end"
    return time_left(moment) or "too early to say how long it takes"


def time_left(moment: StudySnapshot) -> str:
    """Return the time that a running search still takes, in words; nothing where it cannot be told."""
    seconds = eta(moment)
    if seconds is None:
        return ""
    none_ended = not any(record.status.has_ended for record in moment.own)
    at_most = "at most " if none_ended and moment.stops_early and moment.asked is not None else ""
    return f"{at_most}about {coarse_seconds(seconds)} left"


def state_of(moment: StudySnapshot) -> str:
    """``running``, ``pausing``, ``finished``, ``stopped`` in order with trials left, ``dead``, or ``idle``: never driven."""
    driver = moment.driver
    if driver is not None and driver.state == "drives":
        return "pausing" if driver.pause_asked else "running"
    if moment.is_done:
        return "finished"
    if driver is None:
        return "idle"
    return "dead" if driver.state == "gone" else "stopped"


def state_words(moment: StudySnapshot) -> str:
    """Say who drives the search, or that nobody does."""
    driver = moment.driver
    return {
        "running": f"runs, driven by {driver}",
        "pausing": f"is asked to pause: {driver} ends the running epochs",
        "finished": "has finished",
        "stopped": "was stopped in order, with trials left",
        "dead": f"stands still: its driver, {driver}, is gone, and what it had is kept",
        "idle": "is driven by nobody",
    }[state_of(moment)]


def advice(moment: StudySnapshot) -> str:
    """The command that goes on with a search that stands still, or adds to a budget that is spent; else nothing."""
    if state_of(moment) == "finished" and moment.budget and moment.budget.reached:
        return own_command("extend", moment.study.directory, *extend_options(moment.budget.reached))
    return own_command("resume", moment.study.directory) if state_of(moment) in ("stopped", "dead", "idle") else ""


def tally_words(moment: StudySnapshot) -> str:
    """How many trials there are of each status; those that nobody trains any more wait."""
    counts = Counter(
        TrialStatus.WAITING if record.status is TrialStatus.RUNNING and not moment.is_driven else record.status
        for record in moment.own
    )
    parts = [f"{counts[status]} {status}" for status in TrialStatus if counts[status]]
    inherited = len(moment.study.trials) - len(moment.own)
    if inherited:
        parts.append(f"{inherited} from earlier studies")
    continued = sum(record.epochs_before > 0 for record in moment.own)
    if continued:
        parts.append(f"{continued} of them went on with stopped networks")
    asked = (
        f"{moment.spent} of {number_words(moment.asked, 'trial')}" if moment.asked else number_words(moment.spent, "trial")
    )
    return f"{asked} ended" + (f": {', '.join(parts)}" if parts else "")


def budget_words(moment: StudySnapshot) -> str:
    """Return what is spent of the budget of the search; nothing without one."""
    return f"{moment.budget.words} spent" if moment.budget and moment.budget.words else ""


def curve_metric(moment: StudySnapshot) -> str:
    """Return the metric of the curves: the accuracy, or the loss until there is one."""
    score = moment.score
    return score if any(score in point for record in moment.study.trials for point in record.curve) else "loss"


def curve_points(record: TrialRecord, metric: str) -> list[tuple[int, float]]:
    """The epochs and values of a trial's curve, where there are some."""
    return [
        (int(point["epoch"]), point[metric])
        for point in record.curve
        if "epoch" in point and math.isfinite(point.get(metric, math.nan))
    ]


def curve_range(moment: StudySnapshot, metric: str) -> tuple[float, float]:
    """The least and the greatest value of all curves, which share one scale."""
    values = [value for record in moment.study.trials for _, value in curve_points(record, metric)]
    return (min(values), max(values)) if values else (0.0, 0.0)


def clean(text: str) -> str:
    """A text of others without what would steer a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}"
