"""The rooms of one test: one per user class, made when its first user joins, judged when the test stops."""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from locust.runners import WorkerRunner

from wsproof.locust.member_ids import first_number, share_of
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.member_ids import MemberIds
from wsproof.model.secrecy import is_secret_name, learn
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.workloads import Workload, load_channels

CHANNELS = "WSPROOF_CHANNELS"
SETTINGS = "WSPROOF_SETTINGS"
ENDPOINT = "WSPROOF_ENDPOINT"
"""An `Endpoint` as JSON: headers, subprotocols and certificates that a URL cannot hold. Secret."""

ROOMS: WeakKeyDictionary[Any, dict[type, WorkloadRun]] = WeakKeyDictionary()
USED: Counter[type] = Counter()
"""Members of earlier tests in this process: what comes late of them must not be taken for that of a new one."""


def channels(base: int = 1) -> dict[str, Workload]:
    """The workloads that the environment names.

    Raises:
        UsageError: there are no such channels, or they take no such setting.
    """
    return load_channels(os.environ.get(CHANNELS, "tutorial"), json.loads(os.environ.get(SETTINGS, "{}")), base=base)


def room_of(environment: Any, user_class: Any) -> WorkloadRun | None:
    """The room of a user class in this test; None where there is nothing to connect to (the failure is told)."""
    if not is_url(environment.host):
        return None
    share = share_of(environment)  # may wait; from here on nothing does, or two users of a class would make two rooms
    rooms = ROOMS.setdefault(environment, {})
    if user_class not in rooms:
        rooms[user_class] = make_room(environment, user_class, share)
    room = rooms[user_class]
    return None if room.recorder.end_ns else room  # Locust goes on spawning while a stopped test drains


def is_url(host: str | None) -> bool:
    """Whether this is a WebSocket URL."""
    return host is not None and host.startswith(("ws://", "wss://"))


def make_room(environment: Any, user_class: Any, share: MemberIds) -> WorkloadRun:
    """A room for the users of a class, at Locust's host; they have numbers of that share."""
    first = first_number(environment, share) + USED[user_class]
    return WorkloadRun(
        environment,
        channels(1 + first)[user_class.workload_name],
        endpoint_of(environment.host),
        rate_hz=user_class.room_rate_hz,
        payload_bytes=user_class.payload_bytes,
        first_publisher=first,
        alone=share.alone and not isinstance(environment.runner, WorkerRunner) and not USED[user_class],
    )


def endpoint_of(url: str) -> Endpoint:
    """The endpoint of a URL, with what the environment knows of it.

    Raises:
        UsageError: it is no WebSocket URL.
    """
    endpoint = parse_url(url)
    told = os.environ.get(ENDPOINT)
    if told is None:
        return endpoint
    known = Endpoint.from_json(json.loads(told))
    learn(value for name, value in known.headers if is_secret_name(name))
    return known if (known.host, known.port, known.tls) == (endpoint.host, endpoint.port, endpoint.tls) else endpoint


def forget_rooms(environment: Any) -> None:
    """A new test begins."""
    for user_class, room in ROOMS.pop(environment, {}).items():
        room.close()
        USED[user_class] += len(room.members)


def rooms_of(environment: Any) -> list[WorkloadRun]:
    """The rooms of this test, in the order in which they were made."""
    return list(ROOMS.get(environment, {}).values())
