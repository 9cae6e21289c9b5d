"""What wsproof does at the turning points of a Locust test: start the target, make rooms, judge, leave a summary."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import Any

import gevent
from locust import events

from wsproof.locust import target, verdict
from wsproof.locust.log_filter import hide_in_logs
from wsproof.model.secrecy import on_news

SECRETS_TO = "WSPROOF_SECRETS_TO"
"""The descriptor of a pipe of the parent's."""


def install() -> None:
    """Listen; called once, when `wsproof.locust` is imported."""
    tell_secrets()
    listeners: tuple[tuple[Any, Any], ...] = (
        (events.init_command_line_parser, target.add_options),
        (events.init, set_up),
        (events.test_start, begin),
        (events.test_stopping, verdict.judge),
        (events.quitting, verdict.leave_summary),
        (events.quit, target.stop_target),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)


def tell_secrets() -> None:
    """What our workloads show is told to `wsproof load`, which hides it in what the server writes, too."""
    told = os.environ.get(SECRETS_TO)
    if told is not None:
        on_news(lambda values: _tell(int(told), values))


def _tell(descriptor: int, values: list[str]) -> None:
    with suppress(OSError):  # a descriptor of another process, or nobody reads any more
        os.write(descriptor, json.dumps(values).encode() + b"\n")


def set_up(environment: Any, **_: Any) -> None:
    """Locust is there, no test yet."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Python raises in whatever greenlet happens to run, which may be in the middle of a publication.
        gevent.signal_handler(signal.SIGINT, interrupt)
    hide_in_logs()
    verdict.connect_processes(environment)
    target.start_target(environment)


def interrupt() -> None:
    """Ctrl-C: carried to the main greenlet, where Locust waits for it."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def begin(environment: Any, **_: Any) -> None:
    """A test begins."""
    verdict.begin(environment)
    target.check_host(environment)
