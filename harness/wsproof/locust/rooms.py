"""The rooms of one test: one per user class, made when its first user joins, judged when the test stops."""

from __future__ import annotations

import json
import os
from typing import Any
from weakref import WeakKeyDictionary

from wsproof.locust.room import Room
from wsproof.net.endpoint import Endpoint, parse_url
from wsproof.workloads import load_channels

CHANNELS = "WSPROOF_CHANNELS"
SETTINGS = "WSPROOF_SETTINGS"


class LocustRoom(Room):
    """A room and where it is."""

    endpoint: Endpoint


ROOMS: WeakKeyDictionary[Any, dict[type, LocustRoom]] = WeakKeyDictionary()


def room_of(environment: Any, user_class: Any) -> LocustRoom:
    """The room of a user class in this test."""
    rooms = ROOMS.setdefault(environment, {})
    if user_class not in rooms:
        rooms[user_class] = make_room(environment, user_class)
    return rooms[user_class]


def make_room(environment: Any, user_class: Any) -> LocustRoom:
    """A room for the users of a class, at Locust's host."""
    worker = max(getattr(environment.runner, "worker_index", 0), 0)
    settings = json.loads(os.environ.get(SETTINGS, "{}"))
    channels = load_channels(os.environ.get(CHANNELS, "tutorial"), settings, base=1 + worker * 1_000_000)
    workload = channels[user_class.workload_name]
    room = LocustRoom(environment, workload, user_class.room_rate_hz, user_class.payload_bytes, worker)
    room.endpoint = parse_url(environment.host or user_class.host)
    return room


def forget_rooms(environment: Any) -> None:
    """A new test begins."""
    ROOMS.pop(environment, None)


def rooms_of(environment: Any) -> list[LocustRoom]:
    """The rooms of this test, in the order in which they were made."""
    return list(ROOMS.get(environment, {}).values())
