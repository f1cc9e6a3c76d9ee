"""The account of a running search, by a clock of the test's own."""

from __future__ import annotations

from dite_search.spending.account import Account
from dite_search.spending.limits import Spent


def test_time_gpus_and_epochs_add_up_over_starts() -> None:
    now = [100.0]
    account = Account(Spent(seconds=10.0, gpu_seconds=4.0, epochs=2), clock=lambda: now[0], began=90.0)
    account.hold("a", 2.0)
    now[0] += 5
    account.hold("a", 8.0)
    account.hold("b", 0.5)
    assert account.gpus_held == 2.5
    now[0] += 4
    account.release("a")
    account.release("a")
    account.add_epochs(3)
    now[0] += 2
    assert account.spent() == Spent(seconds=10 + 21, gpu_seconds=4 + 2 * 9 + 0.5 * 6, epochs=5)
