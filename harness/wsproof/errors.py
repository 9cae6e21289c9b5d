"""Every error that wsproof raises on purpose, in one tree.

    WsproofError
    ├── UsageError            what was asked cannot be done as asked           exit 2
    │   ├── TargetError       the target could not be started or reached       exit 2
    │   ├── WorkloadError     a mistake in the user's own channel file          exit 2
    │   └── GitError          a ref, a worktree or a repository is not there    exit 2
    ├── CannotTellError       the work was done, but it proves nothing         exit 3
    └── InterruptedRun        Ctrl-C in the middle; what was recorded is kept   exit 130

TerminatedRun (SIGTERM in the middle; likewise; exit 143) is no Exception, as KeyboardInterrupt is none: what catches
the faults of one check must not catch the end of the run.

A message says what was expected, what came instead, and what to try. The faults of a *server* are never exceptions:
they are findings (`wsproof.model.finding`).
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a `wsproof` command tells the shell. The same table serves every command."""

    OK = 0
    FAILED = 1
    """Invalid, worse, or an objective missed."""
    USAGE = 2
    """Usage, or the target could not be started or reached."""
    CANNOT_TELL = 3
    """Nothing could be known, an inconclusive comparison, a void figure that was asked for, or wsproof crashed."""
    INTERRUPTED = 130
    TERMINATED = 143


class WsproofError(Exception):
    """Anything that wsproof says went wrong on our side of the wire."""

    exit_code = ExitCode.CANNOT_TELL


class UsageError(WsproofError):
    """What was asked cannot be done as asked: a wrong option, an unknown name, a file that is not there."""

    exit_code = ExitCode.USAGE


class TargetError(UsageError):
    """The target could not be started or reached; the message carries its own last words where it had any."""


class WorkloadError(UsageError):
    """A mistake in the user's own channel file; the message begins with its file and line."""


class GitError(UsageError):
    """A git ref, worktree or repository that a comparison needs is not there."""


class CannotTellError(WsproofError):
    """The work was done, but nothing can be concluded from it."""


class InterruptedRun(WsproofError):
    """Ctrl-C came in the middle: what was recorded until then is kept."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRun(BaseException):
    """SIGTERM came in the middle: what was recorded until then is kept."""

    exit_code = ExitCode.TERMINATED
