"""What wsproof does at the turning points of a Locust test: start the target, make rooms, judge, leave a summary."""

from __future__ import annotations

import signal
from typing import Any

import gevent
from locust import events

from wsproof.locust import hosting, judging


def install() -> None:
    """Listen; called once, when `wsproof.locust` is imported."""
    listeners: tuple[tuple[Any, Any], ...] = (
        (events.init_command_line_parser, hosting.add_options),
        (events.init, set_up),
        (events.test_start, begin),
        (events.test_stopping, judging.judge),
        (events.quitting, judging.leave_summary),
        (events.quit, hosting.stop_target),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)


def set_up(environment: Any, **_: Any) -> None:
    """Locust is there, no test yet."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Python raises in whatever greenlet happens to run, which may be in the middle of a publication.
        gevent.signal_handler(signal.SIGINT, interrupt)
    judging.connect_processes(environment)
    hosting.start_target(environment)


def interrupt() -> None:
    """Ctrl-C: carried to the main greenlet, where Locust waits for it."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def begin(environment: Any, **_: Any) -> None:
    """A test begins."""
    judging.begin(environment)
    hosting.check_host(environment)
