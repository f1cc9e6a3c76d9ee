"""The exception that means "the input is wrong", as opposed to "the program is wrong"."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable


class InvalidInput(ValueError):
    """Something a user supplied breaks a rule.

    The message is one sentence that names the file or field, the rule and the value received. The command line prints it as
    it is and exits with status 2. Everything else that escapes is a defect of the program and keeps its traceback.
    """


class SeveralMistakes(InvalidInput):
    """Several rules are broken at once; the arguments are a sentence for each."""

    def __str__(self) -> str:
        return "; ".join(map(str, self.args))


class StorageUnavailable(InvalidInput):
    """A place to write to or read from does not answer for now: the same call may succeed later."""


class StorageFull(StorageUnavailable):
    """A place to write to has no room left; what was there before is still there."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InvalidInput:
    """The error for a name that is not one of ``known``, with the nearest known name where one is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return InvalidInput(f"unknown {kind} {name!r}: {hint}known: {', '.join(names)}")


def check_names(kind: str, names: Iterable[object], known: Collection[str]) -> None:
    """Refuse names that are not among ``known``.

    Raises:
        InvalidInput: a name is unknown, as of `unknown_name`.
    """
    for name in names:
        if name not in known:
            raise unknown_name(kind, str(name), known)


def mistakes_of(error: BaseException) -> tuple[str, ...]:
    """Return the sentences of an error, one for each rule that is broken."""
    return tuple(map(str, error.args)) if isinstance(error, SeveralMistakes) else (str(error),)


def check_all(checks: Iterable[Callable[[], object]]) -> None:
    """Make every check, whatever the others find; a sentence that several of them say is said once.

    Raises:
        InvalidInput: a rule is broken; `SeveralMistakes` where more than one is.
    """
    found: list[InvalidInput] = []
    for check in checks:
        try:
            check()
        except InvalidInput as error:
            found.append(error)
    sentences = list(dict.fromkeys(sentence for error in found for sentence in mistakes_of(error)))
    if len(sentences) > 1:
        raise SeveralMistakes(*sentences)
    if found:
        raise found[0]


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its kind where it has none."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
