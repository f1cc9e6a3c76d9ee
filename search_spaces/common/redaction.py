"""The public form of a text that names a server: its URLs without users, passwords and tokens."""

from __future__ import annotations

import re

HIDDEN = "***"
_USER = re.compile(r"://[^\s'\"]*@")
"""Greedy, since a password may hold any sign, an ``@`` too."""
SECRETS = frozenset({"password", "passwd", "pwd", "sslpassword", "token", "access_token", "secret"})
"""Names of parameters of a URL that hold what must not be shown."""
_SECRET = re.compile(rf"\b({'|'.join(sorted(SECRETS))})=[^&\s'\"]+", re.IGNORECASE)


def without_user(text: str) -> str:
    """The text with URLs that can be followed, but name no user."""
    return _USER.sub("://", text)


def redacted(text: str) -> str:
    """The text with ``***`` where a URL in it names a user, or a query in it gives a password or a token."""
    return _SECRET.sub(rf"\1={HIDDEN}", _USER.sub(f"://{HIDDEN}@", text))
