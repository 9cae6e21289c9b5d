"""A mistake in the user's channel file ends the test: it is said once, with exit code 2, and nothing is judged."""

from __future__ import annotations

import sys
from typing import Any

import gevent

from wsproof.errors import ExitCode, WorkloadError
from wsproof.net.redact import hide

MISTAKES: list[str] = []
"""Those of this test, for the summary."""


def give_up(environment: Any, mistake: WorkloadError) -> None:
    """Say it, and end: the whole process where it runs headless, the test where people look at its page."""
    if MISTAKES:
        return
    MISTAKES.append(hide(str(mistake)))
    print(f"wsproof: {MISTAKES[0]}", file=sys.stderr)  # noqa: T201 - Locust's log may go elsewhere
    environment.process_exit_code = int(ExitCode.USAGE)
    # In a greenlet of its own: this may be called in the loop, where nothing may wait.
    gevent.spawn(environment.runner.quit if environment.web_ui is None else environment.runner.stop)
