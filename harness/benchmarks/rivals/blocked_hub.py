"""A gevent hub that is blocked half of the time, as by other code of a locustfile."""

from __future__ import annotations

import os
from typing import Any

import gevent
from gevent.monkey import get_original
from locust import events

BLOCKED_S = 0.005
"""The hub is blocked for this long, in seconds, and then free for as long."""
block: Any = get_original("time", "sleep")
init: Any = events.init


def block_if_asked() -> None:
    """Block the hub of this Locust process, if WSPROOF_BLOCKED says so."""
    if os.environ.get("WSPROOF_BLOCKED"):
        init.add_listener(lambda **_: gevent.spawn(_now_and_then))


def _now_and_then() -> None:
    while True:
        block(BLOCKED_S)
        gevent.sleep(BLOCKED_S)
