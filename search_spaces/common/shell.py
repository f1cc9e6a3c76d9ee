"""Commands in messages, as a shell reads them."""

from __future__ import annotations

import shlex
from pathlib import PurePath


def shell_command(*words: object) -> str:
    """Return the words as one line, from which a shell makes the same words again.

    A path that begins with a hyphen gets ``./`` before it, because a program would take it for an option. URLs are always
    in quotes, because shells differ in what they make of the signs in them.
    """
    return " ".join(map(_quoted, words))


def own_command(*words: object) -> str:
    """Return a command of this program, to be typed at a prompt."""
    return shell_command("dite-search", *words)


def _quoted(word: object) -> str:
    text = str(word)
    quoted = shlex.quote(f"./{text}" if isinstance(word, PurePath) and text.startswith("-") else text)
    return f"'{text}'" if "://" in text and quoted == text else quoted
