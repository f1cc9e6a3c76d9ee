"""Searches that are asked to end early."""

from __future__ import annotations

import os
import pickle
import signal
import threading

import pytest

from dite_search.driver.stopper import PauseStopper
from dite_search.storage.pause import Pause


@pytest.fixture
def pythons_own():
    """Python's handler of Ctrl-C, whatever a library or the shell that began the tests put in its place."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_signal_pauses_the_second_stops_and_the_third_is_pythons_own(pythons_own):
    told = []
    pause = Pause(told.append)
    with pause.on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        assert (pause.asked, pause.immediate) == (True, False)
        os.kill(os.getpid(), signal.SIGINT)
        assert pause.immediate
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert told == [
        "Ctrl-C: pausing as soon as the running epochs have ended and are saved; Ctrl-C stops at once",
        "Ctrl-C: stopping at once; trainings go on from their last checkpoints",
    ]


def test_a_scheduler_that_ends_its_jobs_pauses_them():
    pause, before = Pause(), signal.getsignal(signal.SIGTERM)
    with pause.on_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        assert (pause.asked, pause.immediate) == (True, False)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_search_in_a_thread_leaves_the_signals_alone():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def search():
        with Pause().on_signals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert seen == [before]


def test_trials_stop_with_their_next_epoch_unless_they_end_by_themselves():
    pause = Pause()
    stopper = PauseStopper(pause)
    assert not stopper("t", {"epoch": 1})
    pause.ask("someone")
    assert stopper("t", {"epoch": 1})
    assert not stopper("t", {"reason": "broken"})
    assert not stopper("t", {"note": "checkpoint last.pt is damaged; going on from previous.pt, after epoch 1"})
    assert not stopper.stop_all()
    pause.stop_now("someone")
    assert stopper.stop_all()
    assert not pickle.loads(pickle.dumps(stopper))("t", {"epoch": 1})
