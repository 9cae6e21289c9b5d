"""Open files: each connection is one, and the shell's usual limit is 1,024."""

from __future__ import annotations

import resource

from wsproof.errors import UsageError

SPARE_FILES = 64
"""What a worker has open besides its connections: pipes, columns, timers, modules."""


def require_file_limit(connections: int) -> None:
    """See that a worker may hold that many connections.

    Raises:
        UsageError: the hard limit is below it, which only the system's owner can change.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UsageError(
            f"{connections} connections in one process need {needed} open files, and the hard limit here is {hard}. "
            f"Use at most {max(hard - SPARE_FILES, 0)} subscribers per process (more processes share them out), "
            "or raise the hard limit (ulimit -Hn)."
        )


def raise_file_limit(connections: int) -> None:
    """Let this process hold that many connections.

    Raises:
        UsageError: the hard limit does not allow it.
    """
    require_file_limit(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
