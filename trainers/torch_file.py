"""Reading torch files that nobody vouches for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from search_spaces.errors import InvalidInput


def read_torch_file(path: Path) -> dict[str, Any]:
    """The mapping that a torch file holds, tensors on the CPU, read without running any code it may hold.

    Raises:
        InvalidInput: the file is missing, cut short, or holds anything but plain tensors in named fields.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInput(f"checkpoint {path} does not exist or is not a file")
    try:
        content: Any = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:  # torch's reader lets almost any exception escape from a file that is no checkpoint
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InvalidInput(f"checkpoint {path} must be a whole torch file of plain tensors, but: {reason}") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"checkpoint {path} must hold named fields, got {type(content).__name__}")
    return content
