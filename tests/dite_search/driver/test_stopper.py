"""A pause stops trials at the end of an epoch, or at once."""

from __future__ import annotations

import pickle

from dite_search.driver.stopper import PauseStopper
from dite_search.driver.trainable import NOTE
from dite_search.storage.pause import Pause
from dite_search.study.attributes import REASON


def test_a_trial_stops_with_its_next_epoch_alone() -> None:
    pause = Pause()
    stopper = PauseStopper(pause)
    assert not stopper("a", {"epoch": 1})
    pause.ask("Ctrl-C")
    assert stopper("a", {"epoch": 2})
    assert not stopper("a", {REASON: "out of memory"})
    assert not stopper("a", {NOTE: "waits for the disk"})
    assert not stopper.stop_all()
    pause.stop_now("Ctrl-C")
    assert stopper.stop_all()


def test_a_stored_stopper_stops_nothing() -> None:
    pause = Pause()
    pause.stop_now("Ctrl-C")
    stored = pickle.loads(pickle.dumps(PauseStopper(pause)))
    assert not stored("a", {"epoch": 1})
    assert not stored.stop_all()
