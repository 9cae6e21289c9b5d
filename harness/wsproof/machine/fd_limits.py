"""Open files: each connection is one at either end, and what a shell usually allows is 1,024."""

from __future__ import annotations

import resource
import sys

from wsproof.errors import UsageError

SPARE_FILES = 64
"""What a process has open besides its connections: pipes, columns, timers, modules."""
PER_CONNECTION = 2
"""What a server is given for each, if that may be had: one that hands on to another needs two."""


def hard_limit() -> int:
    """How many files a process here may open at most."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def most_connections() -> int:
    """How many connections one process may hold here."""
    return max(hard_limit() - SPARE_FILES, 1)


def require_files(connections: int) -> None:
    """See that a process of ours may hold that many connections.

    Raises:
        UsageError: the hard limit is below it, which only the system's owner can change.
    """
    needed, hard = connections + SPARE_FILES, hard_limit()
    if hard < needed:
        raise UsageError(
            f"{connections} connections in one process need {needed} open files, and the hard limit here is {hard}. "
            f"Use at most {max(hard - SPARE_FILES, 0)} subscribers per process (more processes share them out), "
            "or raise the hard limit (ulimit -Hn)."
        )


def raise_limit(connections: int) -> None:
    """Let this process hold that many connections.

    Raises:
        UsageError: the hard limit does not allow it.
    """
    require_files(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def files_of_server(connections: int) -> int:
    """The limit of open files that a server needs at least, if it is to hold that many connections; 0: any will do.

    Raises:
        UsageError: a server that is started here cannot have so many, whatever it does.
    """
    if not connections:
        return 0
    needed, hard = connections + SPARE_FILES, hard_limit()
    if hard < needed:
        raise UsageError(
            f"A server that is started here inherits the hard limit of {hard} open files, and {connections} "
            f"connections need {needed}. Ask for at most {max(hard - SPARE_FILES, 0)}, raise the hard limit "
            "(ulimit -Hn), or start the server yourself, under a limit of its own, and name its URL."
        )
    return min(PER_CONNECTION * connections + SPARE_FILES, hard)
