"""The budget of a study as it stands: its account and its limits, what is left, and how more is added."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analysis.pareto.confirmation import unconfirmed
from analysis.study.records import StudyRecord
from dite_search.config.search_config import SearchConfig
from dite_search.config.sections import SPEND_FIELDS
from dite_search.spending.account import Account
from dite_search.spending.allowance import Allowance
from dite_search.spending.ledger import Ledger, read_ledger
from dite_search.spending.limits import HOUR, Limits, Spent, amount_words, spent_words
from dite_search.spending.pace import Pace, size_of
from search_spaces.common.errors import InvalidInput
from search_spaces.common.shell import own_command


@dataclass(frozen=True, kw_only=True)
class BudgetState:
    """The limits of a search, the amounts it has taken, and whether anything is left.

    Args:
        asked: The networks that are asked for; None for any number.
        ended: The networks that have ended.
        unfinished: The trials that were begun and have not ended.
        unconfirmed: Whether a network of the answer is still to be trained again.
        limits: The limits of ``spend``.
        spent: The amounts that are spent.
        now: The time of reading, in seconds since 1970.
        began: The time at which the search first started; None before.
        reached: The fields of ``spend`` whose limits are reached.
    """

    asked: int | None
    ended: int
    unfinished: int
    unconfirmed: bool
    limits: Limits
    spent: Spent
    now: float
    began: float | None
    reached: tuple[str, ...]

    @property
    def networks_left(self) -> int | None:
        """The networks that are asked for and have not ended; None for any number."""
        return None if self.asked is None else max(0, self.asked - self.ended)

    @property
    def trainings_left(self) -> int | None:
        """The trainings that are left, without those that would confirm an answer to come; None for any number."""
        return None if self.networks_left is None else self.networks_left + self.unfinished + self.unconfirmed

    @property
    def has_work(self) -> bool:
        """Whether the search can go on: a training, or the rest of one, is left, and something to spend."""
        return not self.reached and self.trainings_left != 0

    @property
    def words(self) -> str:
        """The amount spent of each limit of ``spend``, in words; empty without a limit."""
        return spent_words(self.limits, self.spent, self.now)

    @property
    def plain(self) -> dict[str, Any]:
        """The amounts as plain values: hours, GPU hours, epochs and ``until``, spent and left."""
        units = {"hours": HOUR, "gpu_hours": HOUR, "until": HOUR}
        left = self.limits.left(self.spent, self.now)
        return {
            "spent": {
                "hours": self.spent.seconds / HOUR,
                "gpu_hours": self.spent.gpu_seconds / HOUR,
                "epochs": self.spent.epochs,
            },
            "left": {name: max(0.0, amount) / units.get(name, 1.0) for name, amount in left.items()},
            "reached": list(self.reached),
        }

    @property
    def amounts(self) -> dict[str, float]:
        """Figures of what the search has spent, and of what it has left where it has a budget; nothing before its start."""
        if self.began is None:
            return {}
        spent = {f"spent_{name}": float(amount) for name, amount in self.plain["spent"].items() if name != "epochs"}
        return spent | {f"left_{name}": float(amount) for name, amount in self.plain["left"].items() if name != "until"}


def budget_state(config: SearchConfig, study: StudyRecord, now: float, ledger: Ledger | None = None) -> BudgetState:
    """Return the budget of a study at a time; the account is read from its folder unless it is given.

    Raises:
        InvalidInput: the account cannot be read.
    """
    ledger = ledger or read_ledger(config.study_directory)
    spent, limits = spent_of(ledger, study), Limits.of(config.spend)
    return BudgetState(
        asked=_networks_asked(config, study, ledger),
        ended=study.spent,
        unfinished=study.unfinished,
        unconfirmed=unconfirmed(study, config.confirm) is not None,
        limits=limits,
        spent=spent,
        now=now,
        began=ledger.began if ledger else None,
        reached=tuple(limits.reached(spent, now, ledger.ended if ledger else {})),
    )


def _networks_asked(config: SearchConfig, study: StudyRecord, ledger: Ledger | None) -> int | None:
    """Return the networks that a search asks for.

    An earlier version, which kept no account, counted a trial that continued a stopped one as a network of its own.
    """
    if config.trials is None or ledger is not None:
        return config.trials
    return config.trials - sum(record.status.has_ended and record.epochs_before > 0 for record in study.trials)


def spent_of(ledger: Ledger | None, study: StudyRecord) -> Spent:
    """Return what a study has spent: epochs by its trials, times by its account.

    The times of a study of an earlier version, which has no account, count from its next start.
    """
    if ledger is None:
        return Spent(epochs=study.epochs_trained)
    return Spent(
        seconds=ledger.seconds + ledger.reserved_seconds,
        gpu_seconds=ledger.gpu_seconds + ledger.reserved_gpu_seconds,
        epochs=study.epochs_trained,
    )


def pace_of(study: StudyRecord) -> Pace:
    """Return the seconds of an epoch as the trials of a study measured them."""
    pace = Pace()
    for record in study.trials:
        if record.origin:
            continue
        before = record.curve[record.epochs_before - 1].get("seconds") if record.epochs_before else 0.0
        for metrics in record.curve[record.epochs_before :]:
            seconds = metrics.get("seconds")
            if seconds is not None and before is not None:
                pace.observe(size_of(record.cost.objectives), seconds - before)
            before = seconds
    return pace


def allowance_of(config: SearchConfig, study: StudyRecord, *, began: float) -> Allowance:
    """Return what a search may spend from now on, after what its earlier starts spent.

    ``began`` is the reading of the monotonic clock at which this start began.
    """
    ledger, now = read_ledger(config.study_directory), time.time()
    return Allowance(
        Account(spent_of(ledger, study), clock=time.monotonic, began=began),
        Limits.of(config.spend),
        goals=config.goals,
        gpus=config.resources.gpus_of_trial,
        wall=now,
        began=ledger.began if ledger else now,
        pace=pace_of(study),
    )


@dataclass(frozen=True, kw_only=True)
class Extension:
    """Amounts that are added to a search: networks, hours, GPU hours, epochs, and a later end; None adds nothing."""

    trials: int | None = None
    hours: float | None = None
    gpu_hours: float | None = None
    epochs: int | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is added."""
        return self == Extension()

    @property
    def amounts(self) -> dict[str, Any]:
        """The amounts that are added to ``spend``, by field."""
        found = {name: getattr(self, name) for name in SPEND_FIELDS}
        return {name: amount for name, amount in found.items() if amount is not None}


def extended_fields(config: SearchConfig, state: BudgetState, more: Extension) -> dict[str, Any]:
    """Return ``trials`` and ``spend`` of a search with something added.

    An amount is added to its limit; where there was none, to what is spent. Where all networks that were asked for have
    ended, and only time, GPU hours or epochs are added, their number is no limit any more.

    Raises:
        InvalidInput: a limit is reached to which nothing is added, or ``until`` is not later than now and before.
    """
    fields = config.model_dump(mode="json")
    spend: dict[str, Any] = dict(fields["spend"] or {})
    used = {"hours": state.spent.seconds / HOUR, "gpu_hours": state.spent.gpu_seconds / HOUR, "epochs": state.spent.epochs}
    for name, amount in more.amounts.items():
        if name == "until":
            if amount.timestamp() <= max(state.now, state.limits.until or 0.0):
                than = "now" if amount.timestamp() <= state.now else amount_words("until", state.limits.until or 0.0)
                raise InvalidInput(f"--until must be later than {than}, got {amount.isoformat(timespec='minutes')}")
            spend[name] = amount.isoformat()
        else:
            spend[name] = (used[name] if spend.get(name) is None else spend[name]) + amount
    kept = [name for name in state.reached if name not in more.amounts]
    if kept:
        raise InvalidInput(_spent_sentence(config, state, kept))
    trials = state.asked
    if more.trials is not None:
        trials = (state.ended if trials is None else trials) + more.trials
    elif more.amounts and state.networks_left == 0:
        trials = None
    return {"trials": trials, "spend": spend or None}


def refuse_spent(config: SearchConfig, state: BudgetState) -> None:
    """Raise InvalidInput where nothing is left of a limit of ``spend``."""
    if state.reached:
        raise InvalidInput(_spent_sentence(config, state, state.reached))


def extend_options(names: Sequence[str]) -> list[str]:
    """Return the options of ``extend`` that add to some limits, with words in place of amounts."""
    return [word for name in names for word in (f"--{name.replace('_', '-')}", "WHEN" if name == "until" else "N")]


def _spent_sentence(config: SearchConfig, state: BudgetState, names: Sequence[str]) -> str:
    return (
        f"study {config.name} must have budget left to go on with, but spend.{' and spend.'.join(names)}"
        f" {'is' if len(names) == 1 else 'are'} spent ({state.words}); to add some:"
        f" {own_command('extend', config.study_directory, *extend_options(names))}"
    )
