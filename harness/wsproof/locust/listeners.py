"""Listeners for the events of a Locust test: start the target, check the runs, write a summary."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import Any

import gevent
from locust import events

from wsproof.locust import options, target, verdict
from wsproof.locust.log_filter import hide_in_logs
from wsproof.model.secrecy import on_news

SECRETS_TO = "WSPROOF_SECRETS_TO"
"""Variable with the file descriptor of the parent's pipe for secrets."""


def install() -> None:
    """Register all listeners. Called once, when `wsproof.locust` is imported."""
    tell_secrets()
    listeners: tuple[tuple[Any, Any], ...] = (
        (events.init_command_line_parser, options.add_options),
        (events.init, set_up),
        (events.test_start, begin),
        (events.test_stopping, verdict.judge),
        (events.quitting, verdict.leave_summary),
        (events.quit, target.stop_target),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)


def tell_secrets() -> None:
    """Report the workloads' secrets to `wsproof load`, which hides them in the server's output."""
    told = os.environ.get(SECRETS_TO)
    if told is not None:
        on_news(lambda values: _tell(int(told), values))


def _tell(descriptor: int, values: list[str]) -> None:
    with suppress(OSError):  # not our file descriptor, or its reader has gone
        os.write(descriptor, json.dumps(values).encode() + b"\n")


def set_up(environment: Any, **_: Any) -> None:
    """Set up signals, logs, worker messages and the target, once Locust has started and before any test."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # By default, Python raises in the greenlet that runs at this moment, perhaps in the middle of a publication.
        gevent.signal_handler(signal.SIGINT, interrupt)
    hide_in_logs()
    verdict.connect_processes(environment)
    target.start_target(environment)


def interrupt() -> None:
    """Raise KeyboardInterrupt in the main greenlet, where Locust expects it."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def begin(environment: Any, **_: Any) -> None:
    """Reset the state of the previous test and check the host, when a test begins."""
    verdict.begin(environment)
    target.check_host(environment)
