"""The error for a run that stopped before its end."""

from __future__ import annotations

from collections.abc import Sequence

from wsproof.errors import ExitCode, InterruptedRun, TerminatedRun, WsproofError
from wsproof.model.measurement import Measurement


class PartialRun(WsproofError):
    """The run stopped early; `measurements` hold what was recorded until then, one per workload.

    `cause` is the exception that stopped the run. It determines the exit code: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, measurements: Sequence[Measurement], cause: BaseException) -> None:
        super().__init__(f"The run stopped in the middle: {_words(cause)} What was recorded until then is kept.")
        self.measurements = tuple(measurements)
        self.cause = cause
        self.exit_code = _exit_code(cause)

    @property
    def measurement(self) -> Measurement:
        """The measurement of a run with one workload."""
        return self.measurements[0]


def _words(cause: BaseException) -> str:
    if isinstance(cause, KeyboardInterrupt | InterruptedRun):
        return "interrupted."
    if isinstance(cause, TerminatedRun):
        return "terminated."
    return str(cause) or type(cause).__name__


def _exit_code(cause: BaseException) -> ExitCode:
    if isinstance(cause, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return cause.exit_code if isinstance(cause, WsproofError | TerminatedRun) else ExitCode.CANNOT_TELL
