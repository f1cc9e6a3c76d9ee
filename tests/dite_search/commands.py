"""Commands as a user gives them, in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from dite_search.cli import main


def run(*arguments: object) -> Result:
    """A command with these words."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    """The sentence that a mistake is answered with."""
    result = run(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result.output.strip().splitlines()[-1]
