"""The small searches of the command line's tests."""

from tests.dite_search.conftest import make_search

__all__ = ["make_search"]
