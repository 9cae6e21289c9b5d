"""Mistakes in the user's channel file. The first one ends the test with exit code 2 and without a verdict."""

from __future__ import annotations

import sys
from typing import Any

import gevent

from wsproof.errors import ExitCode, WorkloadError
from wsproof.locust.session import session_of
from wsproof.net.redact import hide


def give_up(environment: Any, mistake: WorkloadError) -> None:
    """Print the mistake once, then end the process if Locust runs headless, else only the test."""
    mistakes = session_of(environment).mistakes
    if mistakes:
        return
    mistakes.append(hide(str(mistake)))
    print(f"wsproof: {mistakes[0]}", file=sys.stderr)  # noqa: T201 - Locust's log may go elsewhere
    environment.process_exit_code = int(ExitCode.USAGE)
    # Spawn a greenlet, since this may run in a callback of the event loop, which must not block.
    gevent.spawn(environment.runner.quit if environment.web_ui is None else environment.runner.stop)
