"""Locust's host as a TARGET: a URL, an app or command that is started beside Locust, or the reference server."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import gevent
from locust.runners import WorkerRunner

from wsproof.errors import UsageError, WsproofError
from wsproof.locust.member_ids import OWNED
from wsproof.locust.options import as_locust_says, options_of
from wsproof.locust.registry import ENDPOINT, channels, is_url
from wsproof.locust.users import ChannelUser
from wsproof.locust.verdict import KNOWN
from wsproof.session.context import target_of
from wsproof.target.server import RunningServer, serve
from wsproof.workloads import environment_of, warn_of_oddities

logger = logging.getLogger(__name__)

STARTED = ExitStack()
"""Servers that were started beside Locust. They are stopped when Locust quits."""
USAGE = 2


def start_target(environment: Any, **_: Any) -> None:
    """Check the user classes, start the target, and log its URL, when Locust starts.

    A mistake is printed as one line and ends Locust with exit code 2.
    """
    if isinstance(environment.runner, WorkerRunner):
        return  # the master sends the host to its workers
    try:
        check_classes(environment.user_classes)
        warn_of_oddities(channels().values())
        environment.host = reach(environment, environment.host)
    except WsproofError as error:
        refuse(error)
    logger.info("wsproof: the target is at %s", environment.host)


def refuse(error: WsproofError) -> NoReturn:
    """Print the error as one line, and exit with the code of wrong usage."""
    print(f"wsproof: {as_locust_says(str(error))}", file=sys.stderr)  # noqa: T201 - Locust's log may go elsewhere
    raise SystemExit(USAGE)


def check_classes(user_classes: list[type]) -> None:
    """Check the workload and the rate of each user class.

    Raises:
        UsageError: a user class names a workload that the channels do not have, or its rate is not above 0.
    """
    known = channels()
    for user_class in user_classes:
        if not issubclass(user_class, ChannelUser):
            continue
        if user_class.workload_name not in known:
            raise UsageError(
                f"{user_class.__name__} speaks the workload {user_class.workload_name!r}, but these channels have "
                f"{', '.join(known)}. Name another in its workload_name, or other channels in WSPROOF_CHANNELS."
            )
        if not user_class.room_rate_hz > 0:
            raise UsageError(f"{user_class.__name__}.room_rate_hz must be above 0, not {user_class.room_rate_hz!r}.")


def reach(environment: Any, host: str | None) -> str:
    """Start or reach the target that the host names, and return its ws:// URL without a path.

    Raises:
        UsageError: the host is not a valid target.
        TargetError: the target could not be started or reached.
    """
    if host is not None and host.split("://")[0] in ("http", "https"):
        host = "ws" + host.removeprefix("http")
    options = options_of(environment, host or None)
    target = target_of(replace(options, remote=options.remote or ENDPOINT in os.environ), Path.cwd())
    if is_url(host):
        assert host is not None
        with serve(target) as running:
            remember_known(running)
            return host.rstrip("/")
    server = STARTED.enter_context(serve(target, extra_env=environment_of(channels())))
    remember_known(server)
    os.environ[OWNED] = server.endpoint.at("/").url.rstrip("/")
    return os.environ[OWNED]


def remember_known(server: RunningServer) -> None:
    """Keep the server's known deviations for the verdict, unless `wsproof load` has already passed them on."""
    if ENDPOINT not in os.environ:
        os.environ[KNOWN] = json.dumps(server.known_deviations.to_json())


def check_host(environment: Any) -> None:
    """Check the host when a test begins, since the user may have changed it in the web UI.

    A wrong host is reported as a Locust failure and ends the test.
    """
    if isinstance(environment.runner, WorkerRunner):
        return
    try:
        environment.host = reach(environment, environment.host) if not is_url(environment.host) else environment.host
    except WsproofError as error:
        logger.error("wsproof: %s", error)
        environment.events.request.fire(
            request_type="WS", name="host", response_time=0, response_length=0, exception=error, context={}
        )
        gevent.spawn(environment.runner.stop)


def stop_target(**_: Any) -> None:
    """Stop the servers that were started beside Locust."""
    STARTED.close()
