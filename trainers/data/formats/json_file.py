"""Reading JSON files that users supply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from search_spaces.common.errors import InvalidInput


def read_json(path: Path) -> Any:
    """Parse the file; raises InvalidInput that names it, and for broken JSON the position where reading stopped.

    NaN and Infinity, which Python's reader accepts and JSON does not have, are refused. A byte-order mark, as Windows tools
    write it, is passed over.
    """

    def refuse(constant: str) -> NoReturn:
        raise InvalidInput(f"{path} must hold finite numbers, got {constant}")

    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(f"file not found: {path}") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path} must be UTF-8 text, got byte {error.object[error.start]:#04x} at {error.start}"
        ) from None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from None
    try:
        return json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno} (character {error.pos} of {len(text)})"
        raise InvalidInput(f"{path} is not complete JSON: {error.msg} at {place}") from None
    except RecursionError:
        raise InvalidInput(f"{path} must hold a COCO document, got JSON nested too deeply to read") from None
