"""Which training may begin, and which may go on."""

from __future__ import annotations

from dite_search.spending.account import Account
from dite_search.spending.allowance import Allowance
from dite_search.spending.limits import Limits
from dite_search.spending.pace import Pace

COSTS = {"mmacs": 1.0}


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def allowance(limits: Limits, *, gpus: float = 0.0, seconds: float | None = 10.0, clock: Clock | None = None) -> Allowance:
    pace = Pace()
    if seconds:
        pace.observe(1.0, seconds)
    return Allowance(Account(clock=clock or Clock()), limits, goals=[2, 6, 18], gpus=gpus, pace=pace)


def test_epochs_that_running_trainings_need_to_their_rungs_are_reserved() -> None:
    found = allowance(Limits(epochs=7))
    found.begin("a", COSTS, after=0)
    found.begin("b", COSTS, after=0)
    assert found.may_begin(COSTS)
    assert not found.may_begin(COSTS, after=2), "four epochs to the next rung, of three that are left"
    found.begin("c", COSTS, after=0)
    assert not found.may_begin()
    for epoch in (1, 2):
        found.report("a", epoch, 10.0 * epoch)
        found.report("a", epoch, 10.0 * epoch)
    assert found.account.spent().epochs == 2
    assert not found.goes_on("a"), "its next rung is four epochs away"
    assert found.stopped_short == {"a"}
    assert found.declined == {"epochs"}
    found.end("a")
    assert found.goes_on("b"), "its first rung is paid for"


def test_gpu_hours_count_the_gpus_that_each_trial_holds() -> None:
    clock = Clock()
    found = allowance(Limits(gpu_hours=200.0), gpus=4.0, clock=clock)
    assert not found.may_begin(COSTS, after=6), "12 epochs of 10 s on 4 GPUs are 480"
    assert found.may_begin(COSTS), "2 epochs of 10 s on 4 GPUs are 80"
    found.begin("a", COSTS, after=0)
    found.begin("b", COSTS, after=0)
    found.start("a")
    assert not found.may_begin(COSTS), "160 of 200 are reserved"
    clock.now = 50.0
    assert found.account.spent().gpu_seconds == 200.0
    assert found.over() == ["gpu_hours"]


def test_a_training_stops_before_an_epoch_that_would_end_too_late() -> None:
    clock = Clock()
    found = allowance(Limits(hours=25.0), clock=clock)
    found.begin("a", COSTS, after=0)
    found.start("a")
    clock.now = 10.0
    found.report("a", 1, 10.0)
    assert found.goes_on("a")
    clock.now = 20.0
    found.report("a", 2, 20.0)
    assert not found.goes_on("a")
    assert not found.may_begin()
    assert found.over() == []
    clock.now = 25.0
    assert found.over() == ["hours"]


def test_the_end_is_counted_by_the_even_clock_and_nothing_is_estimated_before_it_is_measured() -> None:
    clock = Clock()
    found = Allowance(Account(clock=clock), Limits(until=1060.0), goals=[5], wall=1000.0)
    assert found.left() == {"until": 60.0}
    assert found.may_begin(COSTS)
    clock.now = 55.0
    assert found.is_finishing
    assert found.may_begin(COSTS)
    clock.now = 61.0
    assert found.over() == ["until"]
    assert not found.may_begin(COSTS)


def test_epochs_that_are_reported_again_after_a_kill_count_once() -> None:
    found = allowance(Limits(epochs=100), seconds=None)
    found.begin("a", COSTS, after=3)
    for epoch in range(1, 6):
        found.report("a", epoch, 7.0 * epoch)
    assert found.account.spent().epochs == 2
    assert found.pace.mean_seconds == 7.0


def test_a_training_that_has_to_reach_its_end_reserves_all_of_it() -> None:
    found = allowance(Limits(epochs=30))
    assert found.may_begin(COSTS, to_the_end=True)
    found.begin("a", COSTS, after=0, to_the_end=True)
    assert not found.may_begin(COSTS, to_the_end=True), "18 of 30 epochs are the first's"
    found.report("a", 2, 20.0)
    assert found.goes_on("a")
    assert not found.may_begin(COSTS, to_the_end=True), "its first rung gives nothing back"
    assert found.may_begin(COSTS)
    found.end("a")
    assert found.may_begin(COSTS, to_the_end=True)
