"""Searches whose gains are divided by the price of a training, accounted in compute and in hours."""

from __future__ import annotations

import sys

import pytest

from benchmarks.search_cost import priced
from benchmarks.search_cost.priced import COMPUTE, EPOCHS, HOURS, Account, lines_of, searched


def accounts(*regrets: float) -> list[Account]:
    return [
        Account(name=name, regrets=(regret, regret / 2)) for name, regret in zip((EPOCHS, COMPUTE), regrets, strict=True)
    ]


def test_each_exponent_is_compared_with_the_first() -> None:
    first, second = [accounts(0.2, 0.1)] * 2, [accounts(0.1, 0.3)] * 2
    assert lines_of(0.0, first, first) == [
        "exponent 0, 2 seeds, epochs   at 25 0.20000; at 50 0.10000",
        "exponent 0, 2 seeds, compute  at 25 0.10000; at 50 0.05000",
    ]
    less, more = lines_of(0.5, second, first)
    assert less == (
        "exponent 0.5, 2 seeds, epochs   at 25 0.10000 (-0.10000, -0.10000 to -0.10000);"
        " at 50 0.05000 (-0.05000, -0.05000 to -0.05000)"
    )
    assert more.endswith("at 50 0.15000 (+0.10000, +0.10000 to +0.10000)")


@pytest.mark.slow
def test_a_search_is_accounted_three_ways(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The budgets are small ones, so that the regrets are well above 0 and the exponent changes what is trained."""
    monkeypatch.setattr(priced, "TRAININGS", (12, 25))
    plain, divided = (searched("tiny_128", exponent, seed=0, workers=4) for exponent in (0.0, 1.0))
    assert [account.name for account in plain] == [EPOCHS, COMPUTE, HOURS]
    for account in (*plain, *divided):
        assert account.regrets[0] >= account.regrets[1] >= 0.0
    assert plain != divided
    monkeypatch.setattr(sys, "argv", ["priced", "--exponents", "0", "--seeds", "1", "--jobs", "1"])
    monkeypatch.setattr(priced, "ProcessPoolExecutor", ThreadPool)
    priced.main()
    assert len(capsys.readouterr().out.splitlines()) == 3


class ThreadPool:
    """A pool that runs in this process, where the budgets are the small ones."""

    def __init__(self, jobs: int, mp_context: object) -> None:
        pass

    def __enter__(self) -> ThreadPool:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    map = staticmethod(map)
