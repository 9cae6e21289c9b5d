"""What wsproof does at the turning points of a Locust test: start the target, make rooms, judge, leave a summary."""

from __future__ import annotations

from typing import Any

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
    judging.connect_processes(environment)
    hosting.start_target(environment)


def begin(environment: Any, **_: Any) -> None:
    """A test begins."""
    judging.begin(environment)
    hosting.check_host(environment)
