"""Listeners for the events of a Locust test. They do nothing unless one of our user classes is picked."""

from __future__ import annotations

import json
import logging
import os
import signal
from contextlib import suppress
from typing import Any

import gevent
from locust import events
from locust.runners import WorkerRunner

from wsproof.locust import member_ids, options, outcome, rate, target, verdict, workers
from wsproof.locust.events import add_events
from wsproof.locust.registry import channel_classes, pass_spawned_counts, room_classes
from wsproof.locust.session import session_of
from wsproof.locust.users import ChannelUser
from wsproof.locust.watcher import Watcher
from wsproof.locust.web import add_pages
from wsproof.model.secrecy import on_learned
from wsproof.net.redact import redact

logger = logging.getLogger(__name__)


def install() -> None:
    """Register all listeners and events. Called once, when `wsproof.locust` is imported."""
    add_events(events)
    listeners: tuple[tuple[Any, Any], ...] = (
        (events.init_command_line_parser, options.add_options),
        (events.init, set_up),
        (events.test_start, begin),
        (events.test_stopping, verdict.collect_results),
        (events.quitting, outcome.finish),
    )
    for hook, listener in listeners:
        hook.add_listener(listener)


def set_up(environment: Any, **_: Any) -> None:
    """Set up signals, logs, worker messages and the targets, once Locust has started and before any test."""
    member_ids.connect_processes(environment)
    verdict.connect_processes(environment)
    workers.connect_processes(environment)
    rate.connect_processes(environment)
    environment.events.spawning_complete.add_listener(lambda **_: all_spawned(environment))
    environment.events.quit.add_listener(lambda **_: session_of(environment).servers.close())
    if not target.our_classes(environment):
        return
    if environment.web_ui is not None:
        add_pages(environment)
    report_secrets(session_of(environment).handed.secrets_to)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # By default, Python raises in the greenlet that runs at this moment, perhaps in the middle of a publication.
        gevent.signal_handler(signal.SIGINT, interrupt)
    hide_in_logs()
    target.start_targets(environment)


def report_secrets(descriptor: int | None) -> None:
    """Report the workloads' secrets to `wsproof load`, which hides them in the server's output."""
    if descriptor is not None:
        on_learned(lambda values: _tell(descriptor, values))


def _tell(descriptor: int, values: list[str]) -> None:
    with suppress(OSError):  # not our file descriptor, or its reader has gone
        os.write(descriptor, json.dumps(values).encode() + b"\n")


def interrupt() -> None:
    """Raise KeyboardInterrupt in the main greenlet, where Locust expects it."""
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def begin(environment: Any, **_: Any) -> None:
    """Reset the state of the previous test and check the targets, when a test begins."""
    session = session_of(environment)
    session.begin_test()
    restore_stay(environment)
    session.has_begun = bool(room_classes(environment))
    target.check_targets(environment)
    if session.has_begun and not isinstance(environment.runner, WorkerRunner):
        session.watcher = Watcher(environment)


def restore_stay(environment: Any) -> None:
    """Give the members of channels the task `stay` back, which `--tags` has removed: without a task, a user fails."""
    for user_class in channel_classes(environment):
        if ChannelUser.stay not in user_class.tasks:
            user_class.tasks = [*user_class.tasks, ChannelUser.stay]
            logger.info("wsproof: --tags removes no %s: its users stay in their channel", user_class.__name__)


def all_spawned(environment: Any) -> None:
    """Let the measured windows begin: Locust has spawned all users. Later changes of their number do not count."""
    session = session_of(environment)
    if session.spawned is None:
        session.spawned = dict(environment.runner.user_classes_count)
        pass_spawned_counts(environment)


def hide_in_logs() -> None:
    """Add a filter to all existing handlers that hides known secrets, and strings that look like secrets."""
    named = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    for handler in {handler for logger in (logging.root, *named) for handler in logger.handlers}:
        handler.addFilter(_without_secrets)


def _without_secrets(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    hidden = redact(message)
    if hidden != message:
        record.msg, record.args = hidden, None
    return True
