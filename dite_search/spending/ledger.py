"""The account of a study on disk: `spent.json` in its folder, the one place that holds the time and GPU time spent."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from search_spaces.common.errors import InvalidInput
from search_spaces.common.files import write_json

LEDGER_FILE = "spent.json"


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The time that a search has spent, as its last write says.

    Epochs are not in it: the study holds each of them.

    Args:
        began: The time, in seconds since 1970, at which the search first started.
        seconds: The seconds of the search's own time.
        gpu_seconds: The seconds of GPUs.
        reserved_seconds: The seconds that may have passed until a next write that never came, as after a kill.
        reserved_gpu_seconds: The seconds of GPUs of that time.
        ended: The limits by field at which the search ended, because what was left could begin nothing.
    """

    began: float
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    reserved_seconds: float = 0.0
    reserved_gpu_seconds: float = 0.0
    ended: Mapping[str, float] = field(default_factory=dict)


def read_ledger(folder: Path) -> Ledger | None:
    """Return the account of the study in a folder; None for a study of an earlier version, and one that never ran.

    Raises:
        InvalidInput: the file does not hold an account.
    """
    file = folder / LEDGER_FILE
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{file} must hold the account of the study, but cannot be read: {error}") from None
    amounts: dict[str, Any] = dict.fromkeys(asdict(Ledger(began=0.0)))
    amounts |= {name: value for name, value in found.items() if name in amounts} if isinstance(found, dict) else {}
    ended = amounts.pop("ended")
    known = [*amounts.values(), *(ended.values() if isinstance(ended, dict) else [None])]
    if not all(map(_is_amount, known)):
        raise InvalidInput(f"{file} must hold the account of the study, numbers of at least 0, got {str(found)[:200]}")
    return Ledger(**amounts, ended=ended)


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Write the account of the study in a folder, whole or not at all; a disk that takes nothing leaves the last one."""
    try:
        write_json(folder / LEDGER_FILE, asdict(ledger))
    except OSError:
        # The next write comes in seconds, and what is spent meanwhile was reserved by the last one.
        logging.getLogger(__name__).debug("account", exc_info=True)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0
