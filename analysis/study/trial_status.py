"""`TrialStatus`: what became of a trial, with the mark and the label that every table gives it."""

from __future__ import annotations

from enum import StrEnum

INTERRUPTED = "the search was stopped before the trial ended"
"""The reason of a trial that ended only because its search did: the trial counts for nothing."""


class TrialStatus(StrEnum):
    """The state of a trial. The value is the spelling in JSON, CSV, tags of MLflow and the search's own tables.

    Args:
        value: the spelling.
        mark: one character that tells the status without colour.
        label: the status in words.
    """

    mark: str
    label: str

    def __new__(cls, value: str, mark: str = "", label: str = "") -> TrialStatus:
        """Make a member; a call with the spelling alone looks up the member."""
        member = str.__new__(cls, value)
        member._value_, member.mark, member.label = value, mark, label
        return member

    COMPLETE = "complete", "●", "trained to the end"
    """Trained to the end of its budget."""
    STOPPED = "stopped", "▽", "stopped early"
    """Ended early on purpose: its scores are of a lower fidelity."""
    FAILED = "failed", "✕", "failed"
    """Ended by an error; the reason of the trial says which."""
    RUNNING = "running", "…", "running"
    """Not finished when the record was read."""
    WAITING = "waiting", "‖", "waiting to go on"
    """Cut off; a search that is resumed goes on with it."""

    @property
    def has_ended(self) -> bool:
        """Whether nobody trains the trial any more."""
        return self not in (TrialStatus.RUNNING, TrialStatus.WAITING)
