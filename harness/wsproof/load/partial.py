"""A run that did not come to its end."""

from __future__ import annotations

from wsproof.errors import ExitCode, InterruptedRun, TerminatedRun, WsproofError
from wsproof.model.measurement import Measurement


class PartialRun(WsproofError):
    """The run stopped in the middle; `measurement` is what had been recorded until then, `cause` is what stopped it.

    Its exit code is that of the cause: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, measurement: Measurement, cause: BaseException) -> None:
        super().__init__(f"The run stopped in the middle: {_words(cause)} What was recorded until then is kept.")
        self.measurement = measurement
        self.cause = cause
        self.exit_code = _exit_code(cause)


def _words(cause: BaseException) -> str:
    if isinstance(cause, KeyboardInterrupt | InterruptedRun):
        return "interrupted."
    if isinstance(cause, TerminatedRun):
        return "terminated."
    return str(cause) or type(cause).__name__


def _exit_code(cause: BaseException) -> ExitCode:
    if isinstance(cause, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return cause.exit_code if isinstance(cause, WsproofError) else ExitCode.CANNOT_TELL
