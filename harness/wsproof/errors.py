"""Every error that wsproof raises on purpose, in one tree.

    WsproofError
    ├── UsageError            the request cannot be carried out                     exit 2
    │   ├── TargetError       the target could not be started or reached            exit 2
    │   ├── WorkloadError     a mistake in the user's channel file                  exit 2
    │   └── GitError          a ref, a worktree or a repository does not exist      exit 2
    ├── CannotTellError       the work was done, but the result is inconclusive     exit 3
    ├── ViolatedRun         an error ended the run after a violation was found      exit 1
    └── InterruptedRun        Ctrl-C during the run; the partial record is kept     exit 130

TerminatedRun (SIGTERM during the run; the partial record is kept; exit 143) derives from BaseException, as
KeyboardInterrupt does. A handler for the faults of one check must not catch the end of the run.

A message says what was expected, what came instead, and what to try. A fault of the *server* is never an exception.
It is a finding (`wsproof.model.finding`).
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of all `wsproof` commands."""

    OK = 0
    FAILED = 1
    """The server is invalid, the candidate is worse, or an objective was missed."""
    USAGE = 2
    """Wrong usage, or the target could not be started or reached."""
    CANNOT_TELL = 3
    """No conclusion: no result, an inconclusive comparison, a requested figure that is void, or a wsproof crash."""
    INTERRUPTED = 130
    TERMINATED = 143


class WsproofError(Exception):
    """Base class of all errors on the client side of the connection. Server faults are findings instead."""

    exit_code = ExitCode.CANNOT_TELL


class UsageError(WsproofError):
    """The request cannot be carried out: a wrong option, an unknown name, or a missing file."""

    exit_code = ExitCode.USAGE


class TargetError(UsageError):
    """The target could not be started or reached. The message has the last lines of its output, if there are any."""


class WorkloadError(UsageError):
    """A mistake in the user's channel file. The message begins with the file and line."""


class GitError(UsageError):
    """A git ref, worktree or repository that a comparison needs does not exist."""


class CannotTellError(WsproofError):
    """The work was done, but nothing can be concluded from it."""


class ViolatedRun(WsproofError):
    """An error ended the run after a violation was found. The violation stands, and outranks the error."""

    exit_code = ExitCode.FAILED


class InterruptedRun(WsproofError):
    """Ctrl-C interrupted the run. The partial record is kept."""

    exit_code = ExitCode.INTERRUPTED


class TerminatedRun(BaseException):
    """SIGTERM ended the run. The partial record is kept."""

    exit_code = ExitCode.TERMINATED
