"""Locust's host is a TARGET: an URL, an app or a command that is started beside Locust, or the reference server."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

import gevent
from locust.runners import WorkerRunner

from wsproof.errors import UsageError, WsproofError
from wsproof.locust.member_ids import OWNED
from wsproof.locust.registry import ENDPOINT, channels, is_url
from wsproof.locust.users import ChannelUser
from wsproof.locust.verdict import KNOWN
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target
from wsproof.workloads import environment_of, warn_of_oddities

logger = logging.getLogger(__name__)

STARTED = ExitStack()
"""Servers that were started beside Locust; ended when it ends."""
USAGE = 2


def add_options(parser: Any) -> None:
    """`--remote`, `--known-deviations` and `--server-hint`, as the commands of wsproof have them."""
    parser.add_argument(
        "--remote",
        action="store_true",
        help="wsproof: allow a --host that is not on loopback",
        include_in_web_ui=False,
    )
    parser.add_argument(
        "--known-deviations",
        type=Path,
        metavar="FILE",
        help="wsproof: known deviations of the server with their reasons (a TOML file)",
        include_in_web_ui=False,
    )
    parser.add_argument(
        "--server-hint",
        metavar="NAME",
        help="wsproof: the server library that a --host which runs already is built on",
        include_in_web_ui=False,
    )


def start_target(environment: Any, **_: Any) -> None:
    """At Locust's start: check what will be run, start the target, and say its URL. A mistake is one line, exit 2."""
    if isinstance(environment.runner, WorkerRunner):
        return  # its master tells it the host
    try:
        check_classes(environment.user_classes)
        warn_of_oddities(channels().values())
        environment.host = reach(environment, environment.host)
    except WsproofError as error:
        refuse(error)
    logger.info("wsproof: the target is at %s", environment.host)


def refuse(error: WsproofError) -> NoReturn:
    """Say it once, plainly, and end."""
    print(f"wsproof: {as_locust_says(str(error))}", file=sys.stderr)  # noqa: T201 - Locust's log may go elsewhere
    raise SystemExit(USAGE)


def as_locust_says(message: str) -> str:
    """A message of ours; where it names options that Locust has not, it says whose they are."""
    message = message.replace("no TARGET was given", "no --host was given")
    if re.search(r"(?<![\w-])--(?!host\b|remote\b)[a-z]", message) is None:
        return message
    return f"{message} (Locust itself has --host and --remote; `wsproof load`, which starts it, has the other options.)"


def check_classes(user_classes: list[type]) -> None:
    """
    Raises:
        UsageError: a user class speaks a workload that the channels do not have, or at no rate.
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
    """Start, or reach, what a host stands for, and return its ws:// URL without a path.

    Raises:
        UsageError, TargetError: it cannot be done; the message says what to try.
    """
    if host is not None and host.split("://")[0] in ("http", "https"):
        host = "ws" + host.removeprefix("http")
    allowed = ENDPOINT in os.environ or getattr(environment.parsed_options, "remote", False)
    options = environment.parsed_options
    target = parse_target(
        host or None,
        remote=allowed,
        known_deviations=getattr(options, "known_deviations", None),
        server_hint=getattr(options, "server_hint", None),
    )
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
    """Keep what is known of the server for the verdict; `wsproof load` has told it where it started the server."""
    if ENDPOINT not in os.environ:
        os.environ[KNOWN] = json.dumps(server.known_deviations.to_json())


def check_host(environment: Any) -> None:
    """A test begins: the page may have named another host meanwhile. A wrong one is a failure, and ends the test."""
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
    """End what was started beside Locust."""
    STARTED.close()
