"""The page of the exit codes."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from documentation.markdown_table import code, markdown_table, plain
from wsproof.cli.parser import CODES
from wsproof.errors import WsproofError

INTRODUCTION = """\
# Exit codes and errors

`wsproof --help` ends with this text:

"""
ERRORS = """\
## Errors

Each command is a [function of Python](from-python.md) as well. These are the errors that it raises, and the exit
codes that the command line makes of them. A fault of the *server* is never an error: it is a finding.

"""


def exit_codes_page() -> str:
    """The exit codes as the help prints them, and the code of each error."""
    codes, _, _ = CODES.partition("\nTARGET")
    errors = [[code(error.__name__), str(int(error.exit_code)), plain(getdoc(error) or "")] for error in _errors()]
    return f"{INTRODUCTION}```text\n{codes.strip()}\n```\n\n{ERRORS}" + markdown_table(
        ["error", "exit code", "meaning"], errors
    )


def _errors(base: type[WsproofError] = WsproofError) -> Iterator[type[WsproofError]]:
    for error in base.__subclasses__():
        if error.__module__ == WsproofError.__module__:
            yield error
            yield from _errors(error)
