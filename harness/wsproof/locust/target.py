"""Targets of the user classes: a URL, an app or command that is started beside Locust, or the reference server."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import gevent
from locust.runners import WorkerRunner

from wsproof.errors import UsageError, WsproofError
from wsproof.locust.options import as_locust_says, options_of
from wsproof.locust.registry import as_url, target_of, workload_of
from wsproof.locust.session import session_of
from wsproof.locust.users import ChannelUser, WebSocketUser
from wsproof.session import context
from wsproof.stats.objective import parse_objective
from wsproof.target.server import RunningServer, serve
from wsproof.workloads import Workload, environment_of, warn_of_unknown_names

logger = logging.getLogger(__name__)

USAGE = 2


def our_classes(environment: Any) -> list[type[WebSocketUser]]:
    """The picked user classes that are ours. Classes that join the users of another one are represented by that one."""
    ours = [user_class for user_class in environment.user_classes if issubclass(user_class, WebSocketUser)]
    return list(
        dict.fromkeys(
            user_class.room_class() if issubclass(user_class, ChannelUser) else user_class for user_class in ours
        )
    )


def start_targets(environment: Any) -> None:
    """Check our user classes and start their targets, when Locust starts.

    A mistake is printed as one line and ends Locust with exit code 2.
    """
    if isinstance(environment.runner, WorkerRunner):
        return  # the master sends the URLs to its workers
    try:
        reach_all(environment)
    except WsproofError as error:
        refuse(error)


def refuse(error: WsproofError) -> NoReturn:
    """Print the error as one line, and exit with the code of wrong usage."""
    print(f"wsproof: {as_locust_says(str(error))}", file=sys.stderr)  # noqa: T201 - Locust's log may go elsewhere
    raise SystemExit(USAGE)


def reach_all(environment: Any) -> None:
    """Start or reach the target of each picked class of ours.

    Raises:
        UsageError: a class names no workload, its rate is not above 0, its host is not a valid target, or an objective
            cannot be read.
        TargetError: a target could not be started or reached.
    """
    session = session_of(environment)
    for text in options_of(environment, None).slo:
        parse_objective(text)
    workloads = {each.name: each for each in _workloads(environment)}
    warn_of_unknown_names(workloads.values())
    for user_class in our_classes(environment):
        target = target_of(environment, user_class)
        if target not in session.urls:
            session.urls[target] = reach(environment, target, workloads)
            logger.info("wsproof: the target is at %s", session.urls[target])


def _workloads(environment: Any) -> Iterator[Workload]:
    for user_class in our_classes(environment):
        if issubclass(user_class, ChannelUser):
            if not user_class.room_rate_hz > 0:
                raise UsageError(
                    f"{user_class.__name__}.room_rate_hz must be above 0, not {user_class.room_rate_hz!r}."
                )
            yield workload_of(environment, user_class)


def reach(environment: Any, target: str, workloads: dict[str, Workload]) -> str:
    """Start or reach a target, and return its ws:// URL without a path.

    Raises:
        UsageError: this is not a valid target.
        TargetError: the target could not be started or reached.
    """
    session = session_of(environment)
    is_handed = session.handed.endpoint is not None
    url = as_url(target)
    options = options_of(environment, url or target or None)
    parsed = context.target_of(replace(options, remote=options.remote or is_handed), Path.cwd())
    if url is not None:
        with serve(parsed) as running:
            _remember(environment, target, running)
        if session.handed.owned:
            session.owned.add(url)
        if session.handed.pid is not None:
            session.pids[url] = session.handed.pid
        return url
    server = session.servers.enter_context(serve(parsed, extra_env=environment_of(workloads)))
    _remember(environment, target, server)
    url = server.endpoint.at("/").url.rstrip("/")
    session.owned.add(url)
    if server.pid is not None:
        session.pids[url] = server.pid
    return url


def _remember(environment: Any, target: str, server: RunningServer) -> None:
    """Keep the server's description and its known deviations, unless `wsproof load` has handed these over."""
    session = session_of(environment)
    session.described[target] = server.describe()
    if session.handed.known_deviations is None:
        session.known.append(server.known_deviations)


def check_targets(environment: Any) -> None:
    """Start or reach the targets when a test begins: the user may have changed the host in the web UI.

    A wrong host is reported as a Locust failure and ends the test.
    """
    if isinstance(environment.runner, WorkerRunner):
        return
    try:
        reach_all(environment)
    except WsproofError as error:
        logger.error("wsproof: %s", error)
        environment.events.request.fire(
            request_type="WS", name="host", response_time=0, response_length=0, exception=error, context={}
        )
        gevent.spawn(environment.runner.stop)
