"""The command line: one module per verb. All verbs share the exit codes of `wsproof.errors.ExitCode`."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from wsproof.cli.parser import parse_command, run_command
from wsproof.errors import ExitCode, TerminatedRun, UsageError, ViolatedRun, WsproofError
from wsproof.net.redact import hide_known
from wsproof.session.crash import CRASHED
from wsproof.workloads import WorkloadWarning

NO_VERDICT = ("doctor", "export", "import", "init", "list", "report", "serve")
"""Verbs that give no verdict on a server."""
NOT_WRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""Errors of a disk that is full or cannot be written: no bugs of wsproof."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words, locust_arguments = split_at_dashes(sys.argv[1:] if argv is None else argv)
    began = time.monotonic()  # before the import of the verb, so that its time counts
    verb = words[0] if words else ""
    if locust_arguments and verb != "load":
        say(f"wsproof {verb}: arguments after -- are only for `wsproof load`, which passes them to Locust.")
        return int(ExitCode.USAGE)
    try:
        command = parse_command(words, locust_arguments, began)
    except UsageError as error:
        say(f"wsproof {verb}: {error}")
        return int(error.exit_code)
    with sigterm_as_an_error(), warnings_as_lines():
        try:
            return int(run_command(command))
        except WsproofError as error:
            if isinstance(error, ViolatedRun) and not isinstance(error.__cause__, WsproofError):
                traceback.print_exception(error.__cause__)  # wsproof crashed
            say(f"wsproof {command.verb}: {error}")
            return int(error.exit_code)
        except KeyboardInterrupt:
            say(f"wsproof {command.verb}: interrupted.")
            return int(ExitCode.INTERRUPTED)
        except TerminatedRun as end:
            say(f"wsproof {command.verb}: {end}")
            return int(end.exit_code)
        except BrokenPipeError:
            # Nobody reads our output any more (`| head`), so print no error. A verb that gives a verdict ended before
            # it had one, so its exit code must not be OK.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return int(ExitCode.OK if command.verb in NO_VERDICT else ExitCode.CANNOT_TELL)
        except OSError as error:
            if error.errno not in NOT_WRITABLE:
                return crashed()
            reason = error.strerror or "the disk is full"
            say(f"wsproof {command.verb}: cannot write: {reason}. What was written before is kept.")
            return int(ExitCode.CANNOT_TELL)
        except Exception:  # noqa: BLE001  last resort: the exit code of a crash must differ from that of a verdict
            return crashed()


def crashed() -> int:
    """Print the traceback of the current exception, which is a bug of wsproof, and return the exit code."""
    traceback.print_exc()
    say(CRASHED)
    return int(ExitCode.CANNOT_TELL)


def split_at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the arguments at the first `--`: those of wsproof, and those passed on to Locust."""
    words = [*argv]  # not list(argv): the verb's module `list` becomes an attribute of this package
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def say(message: str) -> None:
    """Print a message that is not a result to stderr, without known secrets."""
    sys.stderr.write(hide_known(message.rstrip()) + "\n")


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Context manager that prints each WorkloadWarning as one line. Other warnings are shown as usual."""
    original = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, WorkloadWarning):
            say(f"warning: {message}")
        else:
            original(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def sigterm_as_an_error() -> Iterator[None]:
    """Context manager that raises TerminatedRun on SIGTERM, so that servers are stopped and records are kept.

    SIGHUP (the terminal was closed) does the same, unless the process ignores it, as under nohup.
    """

    def on_term(_signal: int, _frame: FrameType | None) -> None:
        raise TerminatedRun("terminated; everything recorded so far is kept.")

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    ours = [n for n, handler in before.items() if n == signal.SIGTERM or handler is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, on_term)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
