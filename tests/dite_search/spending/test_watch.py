"""The watch writes the account, with what may pass until its next write, and stops the search at its end."""

from __future__ import annotations

import time
from pathlib import Path

from dite_search.spending.account import Account
from dite_search.spending.allowance import Allowance
from dite_search.spending.ledger import read_ledger
from dite_search.spending.limits import Limits
from dite_search.spending.watch import WRITE_SECONDS, Watch
from dite_search.storage.pause import Pause


def test_a_kill_costs_at_most_what_was_reserved_and_an_end_nothing(tmp_path: Path) -> None:
    now, said = [0.0], list[str]()
    pause = Pause(said.append)
    allowance = Allowance(Account(clock=lambda: now[0]), Limits(hours=12.0), goals=[3], gpus=2.0)
    watch = Watch(allowance, tmp_path, pause)
    allowance.begin("a", {"mmacs": 1.0}, after=0)
    allowance.start("a")
    for second in range(12):
        now[0] = float(second)
        watch.look()
        ledger = read_ledger(tmp_path)
        assert second <= ledger.seconds + ledger.reserved_seconds <= second + WRITE_SECONDS
        assert ledger.gpu_seconds + ledger.reserved_gpu_seconds >= 2.0 * second
    assert not pause.asked
    now[0] = 12.0
    watch.look()
    watch.look()
    assert pause.immediate
    assert said == ["the budget of 12.0 s is spent: stopping at once; trainings go on from their last checkpoints"]
    watch.write(reserve=False, ended=watch.stopped_by)
    ledger = read_ledger(tmp_path)
    assert (ledger.seconds, ledger.reserved_seconds, ledger.ended) == (12.0, 0.0, {"hours": 12.0})


def test_a_driver_that_lost_its_study_writes_nothing(tmp_path: Path) -> None:
    pause = Pause()
    pause.supersede()
    watch = Watch(Allowance(Account(clock=time.monotonic), goals=[1]), tmp_path, pause)
    with watch.kept():
        pass
    assert read_ledger(tmp_path) is None
