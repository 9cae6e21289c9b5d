"""Registry of the workload runs of one test, one per user class.

A run is created when its first user joins, and checked when the test stops.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from locust.runners import WorkerRunner

from wsproof.locust import options
from wsproof.locust.member_ids import first_number, share_of
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model import reference_server
from wsproof.model.member_ids import MemberIds
from wsproof.model.secrecy import is_secret_name, learn
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.workloads import Workload, load_channels

CHANNELS = "WSPROOF_CHANNELS"
SETTINGS = "WSPROOF_SETTINGS"
ENDPOINT = "WSPROOF_ENDPOINT"
"""Variable with an `Endpoint` as JSON: headers, subprotocols and certificates, which a URL cannot hold. Secret."""

ROOMS: WeakKeyDictionary[Any, dict[type, WorkloadRun]] = WeakKeyDictionary()
USED: Counter[type] = Counter()
"""Members of earlier tests in this process, per user class.

New members get later numbers, so that late messages of earlier members are not taken for theirs.
"""


def channels(base: int = 1) -> dict[str, Workload]:
    """The workloads that the environment variables name.

    Raises:
        UsageError: the channels do not exist, or do not have such a setting.
    """
    channels = os.environ.get(CHANNELS, reference_server.CHANNELS)
    return load_channels(channels, json.loads(os.environ.get(SETTINGS, "{}")), base=base)


def room_of(environment: Any, user_class: Any) -> WorkloadRun | None:
    """The workload run of a user class in this test. None if the host is not a WebSocket URL or the test has ended."""
    if not is_url(environment.host):
        return None
    share = share_of(environment)  # may block; the code below must not, or two users of a class would create two runs
    rooms = ROOMS.setdefault(environment, {})
    if user_class not in rooms:
        rooms[user_class] = make_room(environment, user_class, share)
    room = rooms[user_class]
    return None if room.recorder.end_ns else room  # Locust still spawns users while a stopped test drains


def is_url(host: str | None) -> bool:
    """Whether the host is a WebSocket URL."""
    return host is not None and host.startswith(("ws://", "wss://"))


def make_room(environment: Any, user_class: Any, share: MemberIds) -> WorkloadRun:
    """Create the workload run of a user class at Locust's host. Its members have ids of the share."""
    first = first_number(environment, share) + USED[user_class]
    return WorkloadRun(
        environment,
        channels(1 + first)[user_class.workload_name],
        endpoint_of(environment),
        rate_hz=user_class.room_rate_hz,
        payload_bytes=user_class.payload_bytes,
        first_publisher=first,
        alone=share.alone and not isinstance(environment.runner, WorkerRunner) and not USED[user_class],
    )


def endpoint_of(environment: Any) -> Endpoint:
    """The endpoint at the host's URL, with the headers and options of `wsproof load` or of Locust's command line.

    Raises:
        UsageError: the URL is not a WebSocket URL.
    """
    told = os.environ.get(ENDPOINT)
    if told is not None:
        known, endpoint = Endpoint.from_json(json.loads(told)), parse_url(environment.host)
        learn(value for name, value in known.headers if is_secret_name(name))
        if (known.host, known.port, known.tls) == (endpoint.host, endpoint.port, endpoint.tls):
            return known
    return options.endpoint_of(environment)


def forget_rooms(environment: Any) -> None:
    """Close and remove the workload runs of this test, before a new test begins."""
    for user_class, room in ROOMS.pop(environment, {}).items():
        room.close()
        USED[user_class] += len(room.members)


def rooms_of(environment: Any) -> list[WorkloadRun]:
    """The workload runs of this test, in the order of creation."""
    return list(ROOMS.get(environment, {}).values())
