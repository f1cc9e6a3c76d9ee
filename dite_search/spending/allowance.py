"""The allowance of a running search: which training may begin, and which may go on, within what is left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dite_search.spending.account import Account
from dite_search.spending.limits import FINISHING_SHARE, TIMES, Limits, Spent
from dite_search.spending.pace import Pace, size_of


@dataclass(kw_only=True)
class _Training:
    """A training that has begun: the epochs that lie behind it, those that it may reach, and when it started."""

    size: float
    epoch: int
    goal: int
    counted: int
    started: float | None = None
    seconds: float = 0.0


class Allowance:
    """Decides what may begin and go on, so that a search keeps to its limits.

    A training begins only if it can reach its next rung, or its end, within what is left. What the running trainings need
    for their next rungs is no longer left. At a rung a training goes on under the same rule. So the epochs of a search
    never pass their limit. Times are estimated from those that were measured (`Pace`); while none was, a training may begin
    as long as anything is left. A training whose next epoch would end too late stops with its checkpoint, as in a pause.

    ``stopped_short`` are the trainings that had to stop so, and ``declined`` the fields of the limits that kept something
    from beginning or going on.

    Args:
        account: The account of the search.
        limits: The limits of the search.
        goals: The epochs of the rungs, and of a whole training.
        gpus: The GPUs that a trial holds.
        wall: The time, in seconds since 1970, at which the clock of the account read ``clock_at_wall``. The limit ``until``
            counts by that clock from then on, whatever becomes of the time of day.
        began: The time at which the search first started.
        pace: The seconds of an epoch as far as earlier starts measured them.
        finishing_share: The share of a limit from which on the rest is for what has begun; above 1 it never is.
    """

    def __init__(
        self,
        account: Account,
        limits: Limits | None = None,
        *,
        goals: Sequence[int],
        gpus: float = 0.0,
        wall: float = 0.0,
        began: float | None = None,
        pace: Pace | None = None,
        finishing_share: float = FINISHING_SHARE,
    ) -> None:
        self.account, self.limits, self.pace = account, limits or Limits(), pace or Pace()
        self._goals, self._gpus = sorted(set(goals)), gpus
        self._finishing_share = finishing_share
        self._wall, self._seconds_at_wall = wall, account.spent().seconds
        self.began = wall if began is None else began
        self._running: dict[str, _Training] = {}
        self.stopped_short: set[str] = set()
        self.declined: set[str] = set()

    @property
    def is_idle(self) -> bool:
        """Whether no training runs."""
        return not self._running

    @property
    def is_exhausted(self) -> bool:
        """Whether the last that was asked for could not begin, or something had to stop."""
        return bool(self.declined)

    def now(self, spent: Spent) -> float:
        """Return the time, in seconds since 1970, as the clock of the account has it."""
        return self._wall + spent.seconds - self._seconds_at_wall

    def left(self) -> dict[str, float]:
        """Return what is left of each limit."""
        spent = self.account.spent()
        return self.limits.left(spent, self.now(spent))

    def over(self) -> list[str]:
        """Return the fields of the limits on time of which nothing is left: whatever runs has to stop."""
        return [name for name, left in self.left().items() if left <= 0 and name != "epochs"]

    @property
    def is_finishing(self) -> bool:
        """Whether so much is spent that the rest is for what has begun."""
        spent = self.account.spent()
        return self.limits.share(spent, self.now(spent), self.began) >= self._finishing_share

    def may_begin(self, costs: Mapping[str, float] | None = None, *, after: int = 0, to_the_end: bool = False) -> bool:
        """Whether a training may begin; one of a network that is not known yet is taken for the quickest that was measured.

        Args:
            costs: The costs of its network.
            after: The epochs that lie behind it.
            to_the_end: Whether it has to reach its end, and not only its next rung.
        """
        goal = self._goals[-1] if to_the_end else self._next_goal(after)
        seconds = self.pace.seconds(None if costs is None else size_of(costs))
        return self._fits(goal - after, seconds, self.pace.start_seconds)

    def begin(
        self,
        trial: str,
        costs: Mapping[str, float],
        *,
        after: int,
        counted: int | None = None,
        to_the_end: bool = False,
    ) -> None:
        """Reserve what a training needs up to its next rung.

        Args:
            trial: The training.
            costs: The costs of its network.
            after: The epochs that lie behind it.
            counted: The epochs that are in the account already, if others than these: a training that was cut off may
                report some again.
            to_the_end: Whether it has to reach its end: all of that is reserved then.
        """
        known = after if counted is None else counted
        if not self.stopped_short:
            self.declined.clear()
        goal = self._goals[-1] if to_the_end else self._next_goal(known)
        self._running[trial] = _Training(size=size_of(costs), epoch=known, counted=known, goal=goal)

    def start(self, trial: str) -> None:
        """Count the time of a training, which has its resources from now on."""
        training = self._running.get(trial)
        if training is not None and training.started is None:
            training.started = self.account.spent().seconds
            self.account.hold(trial, self._gpus)

    def report(self, trial: str, epoch: int, seconds: float | None = None) -> None:
        """Count an epoch that a training reports, once; ``seconds`` are those of the training up to its end."""
        training = self._running.get(trial)
        if training is None:
            return
        before, training.seconds = training.seconds, seconds or 0.0
        if epoch <= training.counted:
            return
        new = epoch - training.counted
        self.account.add_epochs(new)
        if seconds is not None and (before > 0 or training.counted == 0):
            self.pace.observe(training.size, (seconds - before) / new)
            if training.counted == 0 and training.started is not None:
                self.pace.observe_start(self.account.spent().seconds - training.started - seconds)
        training.epoch = training.counted = epoch

    def goes_on(self, trial: str) -> bool:
        """Whether a training may go on after the epoch that it reported last; else it has to stop with its checkpoint."""
        training = self._running.get(trial)
        if training is None or training.epoch >= self._goals[-1]:
            return True
        goal = self._next_goal(training.epoch)
        seconds = self.pace.seconds(training.size)
        is_paid = training.goal > training.epoch
        # What was reserved is the training's own, but an epoch that ends too late is worth nothing.
        fits = self._fits_own(seconds) if is_paid else self._fits(goal - training.epoch, seconds, 0.0, apart_from=trial)
        if not fits:
            self.stopped_short.add(trial)
            return False
        training.goal = max(training.goal, goal)
        return True

    def end(self, trial: str) -> None:
        """Give back what is reserved for a training, which has ended or stopped."""
        self._running.pop(trial, None)
        self.account.release(trial)

    def _next_goal(self, epoch: int) -> int:
        return next((goal for goal in self._goals if goal > epoch), max(self._goals[-1], epoch))

    def _fits(self, epochs: int, seconds: float | None, start: float, *, apart_from: str = "") -> bool:
        """Whether so many epochs of so many seconds fit beside what running trainings have reserved."""
        others = [training for trial, training in self._running.items() if trial != apart_from]
        needed = 0.0 if seconds is None else start + epochs * seconds
        taken = sum(self._seconds_to_goal(training) for training in others) * self._gpus
        needs = {
            "epochs": float(epochs + sum(training.goal - training.epoch for training in others)),
            "gpu_hours": needed * self._gpus + taken,
            **dict.fromkeys(TIMES, needed),
        }
        return self._allowed(needs)

    def _fits_own(self, seconds: float | None) -> bool:
        """Whether one more epoch of a training ends in time."""
        needed = seconds or 0.0
        return self._allowed({"epochs": 1.0, "gpu_hours": needed * self._gpus, **dict.fromkeys(TIMES, needed)})

    def _allowed(self, needs: Mapping[str, float]) -> bool:
        lacking = [name for name, left in self.left().items() if left <= 0 or needs[name] > left * (1 + 1e-9)]
        self.declined.update(lacking)
        return not lacking

    def _seconds_to_goal(self, training: _Training) -> float:
        seconds = self.pace.seconds(training.size)
        return 0.0 if seconds is None else max(0.0, (training.goal - training.epoch) * seconds)
