"""File descriptor limits: each connection needs one on either side.

The usual soft limit of a shell is 1,024.
"""

from __future__ import annotations

import resource
import sys

from wsproof.errors import UsageError

SPARE_FILES = 64
"""File descriptors that a process needs besides its connections: pipes, columns, timers, modules."""
PER_CONNECTION = 2
"""File descriptors per connection that a server gets if the hard limit allows it. A proxy needs two."""


def hard_limit() -> int:
    """Return the hard limit of file descriptors per process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def most_connections() -> int:
    """Return how many connections one process can hold here."""
    return max(hard_limit() - SPARE_FILES, 1)


def require_files(connections: int) -> None:
    """Check that one of our processes can hold this many connections.

    Raises:
        UsageError: the hard limit is lower. Only the owner of the system can raise it.
    """
    needed, hard = connections + SPARE_FILES, hard_limit()
    if hard < needed:
        raise UsageError(
            f"{connections} connections in one process need {needed} open files, and the hard limit here is {hard}. "
            f"Use at most {max(hard - SPARE_FILES, 0)} subscribers per process (more processes share them out), "
            "or raise the hard limit (ulimit -Hn)."
        )


def raise_limit(connections: int) -> None:
    """Raise this process's soft limit so that it can hold this many connections.

    Raises:
        UsageError: the hard limit does not allow it.
    """
    require_files(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def files_of_server(connections: int) -> int:
    """Return the file descriptor limit that a server needs for this many connections.

    Returns 0 for 0 connections: any limit will do.

    Raises:
        UsageError: the hard limit is too low for any server that is started here.
    """
    if not connections:
        return 0
    needed, hard = connections + SPARE_FILES, hard_limit()
    if hard < needed:
        raise UsageError(
            f"A server that is started here inherits the hard limit of {hard} open files, and {connections} "
            f"connections need {needed}. Use at most {max(hard - SPARE_FILES, 0)}, raise the hard limit "
            "(ulimit -Hn), or start the server yourself under another limit, and give its URL."
        )
    return min(PER_CONNECTION * connections + SPARE_FILES, hard)
