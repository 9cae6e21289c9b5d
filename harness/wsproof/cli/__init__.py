"""The command line: one verb per file, one table of exit codes (`wsproof.errors.ExitCode`)."""

from __future__ import annotations

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

from wsproof.cli.parser import build_parser
from wsproof.errors import ExitCode, TerminatedRun, WsproofError
from wsproof.net.redact import hide_known
from wsproof.session.crash import CRASHED
from wsproof.workloads import WorkloadWarning

ONLY_TELL = ("list", "report", "serve")
"""Verbs that judge nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    ours, handed_on = split_at_dashes(sys.argv[1:] if argv is None else argv)
    began = time.monotonic()  # before the verb is imported: that takes time, too
    arguments = build_parser().parse_args(ours)
    arguments.began = began
    arguments.handed_on = handed_on
    if handed_on and arguments.verb != "load":
        say(f"wsproof {arguments.verb}: nothing is handed on behind --; only `wsproof load` does that, to locust.")
        return int(ExitCode.USAGE)
    with sigterm_as_an_error(), warnings_as_lines():
        try:
            return int(arguments.perform(arguments))
        except WsproofError as error:
            say(f"wsproof {arguments.verb}: {error}")
            return int(error.exit_code)
        except KeyboardInterrupt:
            say(f"wsproof {arguments.verb}: interrupted.")
            return int(ExitCode.INTERRUPTED)
        except TerminatedRun as end:
            say(f"wsproof {arguments.verb}: {end}")
            return int(end.exit_code)
        except BrokenPipeError:
            # The reader of our output went away (`| head`): not an error of ours, and nobody is left to tell. But what
            # was cut short has no verdict, and must not look like a good one.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return int(ExitCode.OK if arguments.verb in ONLY_TELL else ExitCode.CANNOT_TELL)
        except Exception:  # noqa: BLE001  the last line of defence: a crash must be told from a verdict
            traceback.print_exc()
            say(CRASHED)
            return int(ExitCode.CANNOT_TELL)


def split_at_dashes(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is ours, and what stands behind a lone `--`."""
    words = [*argv]  # once the verb is imported, `list` is a module here
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def say(message: str) -> None:
    """Tell the person something that is not a result."""
    sys.stderr.write(hide_known(message.rstrip()) + "\n")


@contextmanager
def warnings_as_lines() -> Iterator[None]:
    """Within, a warning about the user's own workloads is one plain line; all others are shown as Python does."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if issubclass(category, WorkloadWarning):
            say(f"warning: {message}")
        else:
            usual(message, category, *place, **more)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


@contextmanager
def sigterm_as_an_error() -> Iterator[None]:
    """Within, SIGTERM unwinds the stack as TerminatedRun does, so that servers are stopped and records kept.

    So does SIGHUP (the terminal was closed), unless it is ignored, as under nohup.
    """

    def on_term(_signal: int, _frame: FrameType | None) -> None:
        raise TerminatedRun("terminated; what was recorded until now is kept.")

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    ours = [n for n, handler in before.items() if n == signal.SIGTERM or handler is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, on_term)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
