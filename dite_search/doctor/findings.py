"""The finding of a check, and checks that end in time even when the other side does not answer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from search_spaces.common.errors import first_line

Status = Literal["ok", "warning", "failed"]
OK: Status = "ok"
WARNING: Status = "warning"
FAILED: Status = "failed"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check: a ``sentence`` and, unless all is well, a ``remedy``: a command, or a change of a field."""

    name: str
    status: Status
    sentence: str
    remedy: str = ""


class NoAnswer(Exception):
    """A call did not end in time."""


class ThreadCall:
    """A call that begins at once in a thread of its own, and is left behind where it does not end in time."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._result: object = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self._thread.start()

    def result(self, seconds: float) -> object:
        """Return, or raise, the result of the call within so many seconds.

        Raises:
            NoAnswer: it has not ended by then.
        """
        self._thread.join(max(0.0, seconds))
        if self._thread.is_alive():
            raise NoAnswer
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self, function: Callable[[], T]) -> None:
        try:
            self._result = function()
        except BaseException as error:
            self._error = error


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check to be made within ``seconds``; ``unanswered`` is the remedy where it does not end."""

    name: str
    look: Callable[[], Finding | Sequence[Finding]]
    seconds: float
    unanswered: str


class Pending:
    """Checks that run side by side from now on."""

    def __init__(self, checks: Sequence[Check]) -> None:
        began = time.monotonic()
        self._calls = [(check, ThreadCall(check.look), began + check.seconds) for check in checks]

    def findings(self) -> list[Finding]:
        """Return the findings of all checks in their order; each check is waited for until its own time is over."""
        found: list[Finding] = []
        for check, call, until in self._calls:
            found += found_in_time(check, call, until - time.monotonic())
        return found


def found_in_time(check: Check, call: ThreadCall, seconds: float) -> list[Finding]:
    """Return the findings of a check: a failure where it takes longer than ``seconds``, a warning where it breaks itself."""
    try:
        found = call.result(seconds)
    except NoAnswer:
        sentence = f"no answer within {check.seconds:g} s"
        return [Finding(name=check.name, status=FAILED, sentence=sentence, remedy=check.unanswered)]
    except Exception as error:
        # A check that breaks says nothing about the search, and must not keep it from starting.
        logging.getLogger(__name__).debug("check %s", check.name, exc_info=True)
        sentence = f"could not be checked: {first_line(error)}"
        return [Finding(name=check.name, status=WARNING, sentence=sentence, remedy="look at it by hand")]
    return [found] if isinstance(found, Finding) else list(found)  # type: ignore[call-overload]


def listed(names: Sequence[str], *, most: int = 3) -> str:
    """A few names, and how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
